"""A tokenizer that merges what is frequent in a batch, on top of any other tokenizer."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import regex

from workbench.studies.arguments import text_list
from workbench.tokenizers import Alignment, Tokenizer, load_tokenizer

_WORD = regex.compile(r" ?(?:[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]+)|\s+(?!\S)|\s+")
"""A run of letters, of digits or of other signs, with one space before it; other white space,
line ends among it, in runs of its own. It is the pre-tokenizer of GPT-2 with two differences:
English contractions are no case of their own, and the marks that combine with letters stay with
them, for without them a word of Hindi would fall apart at its vowels."""

Unit = tuple[str, tuple[int, ...]]
"""A token while it grows: its spelling, and the base tokens it is made of."""


@dataclass(frozen=True)
class Merge:
    """One merge of a batch.

    Attributes:
        left: Spelling of the left part.
        right: Spelling of the right part.
        merged: Spelling of both.
        count: How often the pair stood in the batch when it was merged.
        tokens: Tokens of the batch after the merge, special tokens not counted.
    """

    left: str
    right: str
    merged: str
    count: int
    tokens: int


def word_index(text: str, alignment: Alignment) -> list[int]:
    """The word each token lies in, −1 for a token that reaches over a word's edge.

    Args:
        text: The text.
        alignment: What the base tokenizer made of it.

    Returns:
        One number per token. Scripts written without spaces give one word a run, so merges in
        them may cross what a reader calls a word.

    >>> from workbench.tokenizers import load_tokenizer
    >>> word_index("at 10", load_tokenizer("bytes").align("at 10"))
    [0, 0, 1, 1, 1]
    """
    spans, at = [], 0
    for match in _WORD.finditer(text):
        size = len(match.group().encode())
        spans.append((at, at + size))
        at += size
    starts = np.array([start for start, _ in spans], dtype=np.int64)
    ends = np.array([end for _, end in spans], dtype=np.int64)
    if not len(starts):
        return [-1] * len(alignment.ids)
    found = np.searchsorted(starts, alignment.byte_start, side="right") - 1
    inside = (alignment.byte_end <= ends[found]) & ~alignment.special
    return [int(word) if ok else -1 for word, ok in zip(found, inside, strict=True)]


def _runs(words: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches of tokens that lie in one word."""
    start = 0
    for end in range(1, len(words) + 1):
        if end == len(words) or words[end] != words[start] or words[start] < 0:
            yield start, end
            start = end


class DynamicTokenizer(Tokenizer):
    """A base tokenizer and an ordered list of merges inside words.

    Made by :func:`workbench.studies.dynamic_tokenization.dynamic_tokenizer`. It is a tokenizer
    like any other: it can be shown, segmented with and compared. A token is known by its spelling,
    as in the authors' code: a merge that spells an entry of the base has that entry's id; other
    merged tokens have ids after those of the base.

    Args:
        base: A tokenizer with a closed vocabulary.
        merges: In the order they are applied.
        name: How it is called in tables.

    Raises:
        ValueError: When the vocabulary of the base is open.
    """

    library = "workbench"

    def __init__(self, base: Tokenizer, merges: Sequence[Merge] = (), name: str = "") -> None:
        if base.vocab_size is None:
            raise ValueError(
                f"{base.name!r} has an open vocabulary: merged tokens would have no ids of their "
                f"own."
            )
        super().__init__(
            name or f"{base.name} + {len(merges)} merges",
            source=f"{base.source}, merged in a batch",
            licence=base.licence,
        )
        self.base = base
        self.merges = tuple(merges)
        self.algorithm = base.algorithm
        self.special_ids = base.special_ids
        self.unk_id = base.unk_id
        model = base.definition.get("model") or {}
        self._inside = str(model.get("continuing_subword_prefix") or "")
        self._parts: dict[str, tuple[int, ...]] = {}
        for merge in self.merges:
            left, right = self._ids(merge.left), self._ids(merge.right)
            self._parts.setdefault(merge.merged, left + right)
        first = max(base.ids(), default=-1) + 1 if self.merges else 0
        self._old: dict[str, int] = {}
        self._new: dict[str, int] = {}
        for piece, parts in self._parts.items():
            found = self._same(piece, parts)
            if found is None:
                self._new[piece] = first + len(self._new)
            else:
                self._old[piece] = found
        self._spelling = {number: piece for piece, number in self._new.items()}

    def _ids(self, piece: str) -> tuple[int, ...]:
        if piece in self._parts:
            return self._parts[piece]
        found = self.base.id_of(piece)
        if found is None:
            raise ValueError(f"{piece!r} is neither in {self.base.name!r} nor made by a merge.")
        return (found,)

    def _same(self, piece: str, parts: tuple[int, ...]) -> int | None:
        """The entry of the base with this spelling, if it stands for the same bytes.

        A spelling alone could be a special token's, or ``<0x41>`` for a byte.
        """
        found = self.base.id_of(piece)
        if found is None or self.base.is_special(found):
            return None
        same = self.base.token_bytes(found) == b"".join(map(self.base.token_bytes, parts))
        return found if same else None

    def join(self, left: str, right: str) -> str:
        """How a merged token is spelt: ``reg`` and ``##ulate`` make ``regulate``."""
        return left + right.removeprefix(self._inside)

    # Merging ------------------------------------------------------------------------------------

    def units(self, text: str) -> tuple[Alignment, list[list[Unit]]]:
        """The base tokens of a text by word, with those that lie in no word alone."""
        alignment = self.base.align(text)
        ids: list[int] = alignment.ids.tolist()
        words: list[list[Unit]] = [
            [(self.base.piece(token), (token,)) for token in ids[start:end]]
            for start, end in _runs(word_index(text, alignment))
        ]
        return alignment, words

    def apply(self, word: list[Unit], merge: Merge) -> list[Unit]:
        """A word with every occurrence of a pair merged, from left to right."""
        out: list[Unit] = []
        for unit in word:
            if out and unit[0] == merge.right and out[-1][0] == merge.left:
                out[-1] = (merge.merged, out[-1][1] + unit[1])
            else:
                out.append(unit)
        return out

    def _merged(self, text: str) -> tuple[Alignment, list[Unit]]:
        alignment, words = self.units(text)
        for merge in self.merges:
            for number, word in enumerate(words):
                if len(word) > 1:
                    words[number] = self.apply(word, merge)
        return alignment, [unit for word in words for unit in word]

    def _id(self, unit: Unit) -> int:
        piece, parts = unit
        if len(parts) == 1:
            return parts[0]
        return self._old[piece] if piece in self._old else self._new[piece]

    # What a tokenizer must provide --------------------------------------------------------------

    @property
    def vocab_size(self) -> int:
        """Entries of the base, and one per merged spelling that it has not."""
        assert self.base.vocab_size is not None
        return self.base.vocab_size + len(self._new)

    @property
    def backend(self) -> Any:
        """That of the base."""
        return self.base.backend

    @property
    def definition(self) -> dict[str, Any]:
        """The base's definition, and the merges behind its model."""
        base = self.base.definition
        merges = [[merge.left, merge.right] for merge in self.merges]
        return {**base, "dynamic_merges": merges}

    def _encode(self, text: str, *, parse_special: bool) -> list[int]:  # noqa: ARG002 - never read
        return [self._id(unit) for unit in self._merged(text)[1]]

    def _add_special(self, ids: list[int]) -> list[int]:
        return self.base._add_special(ids)  # noqa: SLF001 - a tokenizer that wraps another

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids, decoded by the base."""
        plain: list[int] = []
        for number in ids:
            piece = self._spelling.get(number)
            plain += [number] if piece is None else self._parts[piece]
        return self.base.decode(plain)

    def align(self, text: str, *, parse_special: bool = False) -> Alignment:  # noqa: ARG002 - never read
        """Which bytes of the text each merged token came from."""
        alignment, units = self._merged(text)
        sizes = np.array([len(unit[1]) for unit in units], dtype=np.int64)
        last = np.cumsum(sizes) - 1
        first = last - sizes + 1
        return Alignment(
            ids=np.array([self._id(unit) for unit in units], dtype=np.int64),
            normalized=alignment.normalized,
            norm_start=alignment.norm_start[first],
            norm_end=alignment.norm_end[last],
            byte_start=alignment.byte_start[first],
            byte_end=alignment.byte_end[last],
            special=alignment.special[first],
            unused_reason=alignment.unused_reason,
        )

    def _piece(self, token_id: int) -> str | None:
        if token_id in self._spelling:
            return self._spelling[token_id]
        return self.base._piece(token_id)  # noqa: SLF001 - a tokenizer that wraps another

    def _bytes(self, token_id: int) -> bytes:
        if token_id in self._spelling:
            parts = self._parts[self._spelling[token_id]]
            return b"".join(map(self.base.token_bytes, parts))
        return self.base.token_bytes(token_id)

    def id_of(self, piece: str) -> int | None:
        """The id of a base piece or of a merged one; a base piece comes first."""
        found = self.base.id_of(piece)
        return self._new.get(piece) if found is None else found

    def ids(self) -> list[int]:
        """Ids of the base, then those of merged spellings that it has not."""
        return [*self.base.ids(), *self._new.values()]

    def merge_frame(self) -> pl.DataFrame:
        """The merges in order: ``step, left, right, merged, count, tokens``."""
        return pl.DataFrame(
            [
                (step, m.left, m.right, m.merged, m.count, m.tokens)
                for step, m in enumerate(self.merges, start=1)
            ],
            schema={
                "step": pl.Int64,
                "left": pl.String,
                "right": pl.String,
                "merged": pl.String,
                "count": pl.Int64,
                "tokens": pl.Int64,
            },
            orient="row",
        )

    def at(self, step: int) -> DynamicTokenizer:
        """The tokenizer after its first ``step`` merges.

        Raises:
            ValueError: When there are not as many merges.
        """
        if not 0 <= step <= len(self.merges):
            raise ValueError(f"Step {step} is not among the {len(self.merges)} merges.")
        return DynamicTokenizer(self.base, self.merges[:step])


def learn_merges(
    texts: Sequence[str], base: Tokenizer | str, merges: int, *, least_count: int = 1
) -> DynamicTokenizer:
    """Merge the most frequent adjacent pair of a batch again and again, inside words.

    Of several pairs that are equally frequent, the one that stands first in the batch is merged.

    Args:
        texts: The batch.
        base: Any tokenizer with a closed vocabulary, or the name of one.
        merges: At most so many; fewer where nothing is left to merge.
        least_count: A pair must stand so often in the batch.

    Returns:
        The tokenizer with its merges.

    Raises:
        ValueError: When the number of merges is negative, the vocabulary open or not found, or
            the batch is one str.

    >>> learnt = learn_merges(["aab aab"], "characters", 2)
    >>> [(merge.left, merge.right, merge.count, merge.tokens) for merge in learnt.merges]
    [('a', 'a', 2, 5), ('aa', 'b', 2, 3)]
    """
    texts = text_list(texts)
    if merges < 0:
        raise ValueError(f"The number of merges is 0 or more, not {merges}.")
    base = load_tokenizer(base)
    plain = DynamicTokenizer(base)
    # Equal words go through equal merges: each is kept once, in the order of first occurrence,
    # which leaves the order in which pairs are first met as it is in the batch.
    counted: Counter[tuple[Unit, ...]] = Counter()
    for text in texts:
        counted.update(map(tuple, plain.units(text)[1]))
    tokens = sum(len(word) * count for word, count in counted.items())
    words = [list(word) for word in counted if len(word) > 1]
    counts = [count for word, count in counted.items() if len(word) > 1]
    learnt: list[Merge] = []
    while len(learnt) < merges:
        pairs: dict[tuple[str, str], int] = {}
        for word, count in zip(words, counts, strict=True):
            for left, right in itertools.pairwise(word):
                pair = (left[0], right[0])
                pairs[pair] = pairs.get(pair, 0) + count
        if not pairs:
            break
        best = max(pairs, key=pairs.__getitem__)
        if pairs[best] < least_count:
            break
        merge = Merge(*best, plain.join(*best), pairs[best], 0)
        for number, word in enumerate(words):
            words[number] = plain.apply(word, merge)
            tokens -= (len(word) - len(words[number])) * counts[number]
        learnt.append(Merge(*best, merge.merged, merge.count, tokens))
    return DynamicTokenizer(base, learnt)
