"""Sources with a known entropy, and the small dictionaries the theory is about.

The k-th order switching source over {A, B}: each symbol repeats the one k places before it with
probability 1 − p, and is the other one with probability p (Rajaraman, Jiao and Ramchandran 2024,
"Toward a Theory of Tokenization in LLMs", section 2). It is k interleaved two-state chains, so its
entropy rate is that of a coin, h(p) = −p log2 p − (1−p) log2 (1−p), and a model that sees no
context cannot go below the entropy of one symbol, 1 bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LETTERS = "AB"
"""What a source writes."""


def at_least_one(**numbers: float) -> None:
    """Refuse what is no whole number of at least 1, by its name.

    Raises:
        ValueError: When one is not.

    >>> at_least_one(prompts=3)
    """
    for name, number in numbers.items():
        if not isinstance(number, int | np.integer) or number < 1:
            raise ValueError(f"`{name}` is a whole number of at least 1, not {number!r}.")


@dataclass(frozen=True)
class SwitchingSource:
    """A k-th order switching source over the letters A and B.

    Attributes:
        switch: Probability p that a symbol differs from the one ``order`` places before.
        order: k.

    Raises:
        ValueError: When p is not in (0, 1), or k is no whole number of at least 1.

    >>> round(SwitchingSource(0.1).entropy_rate, 3)
    0.469
    """

    switch: float
    order: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.switch < 1:
            raise ValueError(f"A switch probability lies in (0, 1), not at {self.switch}.")
        at_least_one(order=self.order)

    @property
    def entropy_rate(self) -> float:
        """Bits per symbol in the long run: the entropy of one switch."""
        p = self.switch
        return -p * math.log2(p) - (1 - p) * math.log2(1 - p)

    def sample(self, length: int, seed: int) -> str:
        """``length`` symbols, started in the stationary (uniform) distribution.

        >>> SwitchingSource(0.5, 2).sample(4, seed=1) == SwitchingSource(0.5, 2).sample(4, seed=1)
        True
        """
        if length < 0:
            raise ValueError(f"A sample has a length of 0 or more, not {length}.")
        rng = np.random.default_rng(seed)
        rows = -(-length // self.order) if length else 0
        flips = rng.random((rows, self.order)) < self.switch
        if rows:
            flips[0] = rng.random(self.order) < 0.5
        # The state of each chain is the parity of its flips so far.
        states = (np.cumsum(flips, axis=0) % 2).reshape(-1)[:length].astype(np.uint8)
        return bytes(states + ord("A")).decode("ascii")

    def probability(self, following: str, before: str) -> float:
        """P(next symbol is ``following`` | the text ``before`` it).

        Raises:
            ValueError: When either holds another letter than A and B.

        >>> SwitchingSource(0.3).probability("A", "BA")
        0.7
        """
        strange = set(following + before) - set(LETTERS)
        if strange or len(following) != 1:
            raise ValueError(
                f"The source writes A and B, one at a time: {following!r} after "
                f"{before[-20:]!r} has no probability."
            )
        if len(before) < self.order:
            return 0.5
        return 1 - self.switch if before[-self.order] == following else self.switch


def lzw_dictionary(text: str, size: int, letters: str = "") -> list[str]:
    """The first ``size`` entries Lempel-Ziv-Welch makes while it reads a text.

    It starts with the letters of the text; whenever the longest entry that matches is found, that
    entry and the letter after it become a new one (Welch 1984, IEEE Computer 17(6)).

    Args:
        text: What to read.
        size: How many entries to stop at; fewer come back where the text ends first.
        letters: Letters to hold even where the text does not, so that other texts can be cut.

    Returns:
        The entries in the order they were made.

    Raises:
        ValueError: When ``size`` is below the number of distinct letters.

    >>> lzw_dictionary("ABABABA", 5)
    ['A', 'B', 'AB', 'BA', 'ABA']
    """
    entries = dict.fromkeys(_alphabet(text, letters, size))
    current = ""
    for letter in text:
        if len(entries) >= size:
            break
        if current + letter in entries:
            current += letter
        else:
            entries[current + letter] = None
            current = letter
    return list(entries)


def _alphabet(text: str, letters: str, size: int) -> list[str]:
    both = sorted({*text, *letters})
    if size < len(both):
        raise ValueError(
            f"A dictionary of {size} cannot hold the {len(both)} letters of the text: nothing "
            f"could be encoded."
        )
    return both


def bpe_dictionary(
    text: str, size: int, letters: str = ""
) -> tuple[list[str], list[tuple[str, str]]]:
    """Byte-pair merges of one unbroken text, by the ``tokenizers`` library.

    Args:
        text: What to learn from; no pre-tokenizer cuts it.
        size: Entries in all, letters included.
        letters: As in :func:`lzw_dictionary`.

    Returns:
        The entries by id, and the merges in their order.

    Raises:
        ValueError: When ``size`` is below the number of distinct letters.

    >>> bpe_dictionary("ABABABAB", 3)[0]
    ['A', 'B', 'AB']
    """
    from tokenizers import Tokenizer, models, trainers

    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=_alphabet(text, letters, size),
        show_progress=False,
        min_frequency=2,
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.train_from_iterator(_chunks(text), trainer)
    vocab = tokenizer.get_vocab()
    entries = sorted(vocab, key=vocab.__getitem__)
    import json

    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return entries, [(left, right) for left, right in merges]


_CHUNK = 10_000
"""Letters per training piece: so long that seams do not matter, so short that it is quick."""


def _chunks(text: str) -> list[str]:
    return [text[i : i + _CHUNK] for i in range(0, len(text), _CHUNK)]


def greedy_encode(text: str, entries: Sequence[str]) -> list[str]:
    """Cut a text into the longest entries, from left to right.

    Args:
        text: What to cut.
        entries: A dictionary that holds every letter of the text.

    Returns:
        Entries whose concatenation is the text.

    Raises:
        ValueError: When a letter is in no entry.

    >>> greedy_encode("AABA", ["A", "B", "AA"])
    ['AA', 'B', 'A']
    """
    known = set(entries)
    beginnings = {entry[:length] for entry in known for length in range(1, len(entry) + 1)}
    out, at, size = [], 0, len(text)
    while at < size:
        # Walk down the tree of beginnings; the last entry met on the way is the longest.
        best, end = at, at + 1
        while end <= size and (piece := text[at:end]) in beginnings:
            if piece in known:
                best = end
            end += 1
        if best == at:
            raise ValueError(f"No entry of the dictionary starts with {text[at]!r}.")
        out.append(text[at:best])
        at = best
    return out


def smaller_bpe(
    entries: Sequence[str], merges: Sequence[tuple[str, str]], size: int
) -> tuple[list[str], list[tuple[str, str]]]:
    """The dictionary that training would have given had it stopped at ``size`` entries.

    Merges are learnt one after the other, so a smaller dictionary is the beginning of a larger.

    >>> smaller_bpe(["A", "B", "AB", "ABAB"], [("A", "B"), ("AB", "AB")], 3)
    (['A', 'B', 'AB'], [('A', 'B')])
    """
    letters = len(entries) - len(merges)
    return list(entries[:size]), list(merges[: max(0, size - letters)])


def bpe_encoder(
    entries: Sequence[str], merges: Sequence[tuple[str, str]]
) -> Callable[[str], list[int]]:
    """A function from text to entry numbers, by the ``tokenizers`` library.

    Args:
        entries: As :func:`bpe_dictionary` returns them.
        merges: The same.

    Returns:
        The encoder; it cuts texts of more than ten thousand letters into pieces first. It raises
        ValueError for a text with a letter that is no entry.

    >>> bpe_encoder(["A", "B", "AB"], [("A", "B")])("ABA")
    [2, 0]
    """
    from tokenizers import Tokenizer, models

    vocab = {entry: number for number, entry in enumerate(entries)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=list(merges)))

    def encode(text: str) -> list[int]:
        if strange := set(text).difference(vocab):  # which the library would drop
            raise ValueError(f"The dictionary does not hold the letter {min(strange)!r}.")
        encodings = tokenizer.encode_batch(_chunks(text), add_special_tokens=False)
        return [token for encoding in encodings for token in encoding.ids]

    return encode


def bpe_encode(text: str, entries: Sequence[str], merges: Sequence[tuple[str, str]]) -> list[str]:
    """Cut a text by its merges into entries whose concatenation is the text.

    Args:
        text: What to cut.
        entries: As :func:`bpe_dictionary` returns them.
        merges: The same.

    Returns:
        The entries used, in order.

    Raises:
        ValueError: When a letter is no entry.

    >>> bpe_encode("ABAB", ["A", "B", "AB"], [("A", "B")])
    ['AB', 'AB']
    """
    return [entries[number] for number in bpe_encoder(entries, merges)(text)]
