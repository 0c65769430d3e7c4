"""Byte-pair encodings whose tokens are kept short, and plain ones of the same size beside them.

KL3M (Bommarito and others 2025) calls the short ones character tokenizers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.studies.arguments import text_list
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = ["equal_pair", "longest_token", "of_one_size", "train_bpe"]


def train_bpe(
    texts: Sequence[str], size: int = 2048, longest: int | None = None, name: str = ""
) -> Tokenizer:
    """Byte-level BPE, with or without a longest token.

    Args:
        texts: What to learn from.
        size: Entries, at least 256; fewer are made where the texts give no more.
        longest: Most bytes of a token, the space before a word counted; None for no limit.
        name: How it is called in tables; by default after the entries it has.

    Returns:
        The tokenizer.

    Raises:
        ValueError: When the size or the length is too small, or the texts are one str.

    >>> tok = train_bpe(["banana, banana"], 2048, longest=3)
    >>> tok.name, longest_token(tok)
    ('bpe 259, at most 3', 3)
    """
    texts = text_list(texts)
    if size < 256:
        raise ValueError(f"A vocabulary of {size} cannot hold the 256 bytes.")
    if longest is not None and longest < 1:
        raise ValueError(f"The longest token has at least one byte, not {longest}.")
    from tokenizers import Tokenizer as Library
    from tokenizers import decoders, models, pre_tokenizers, trainers

    library = Library(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        # The trainer always merges pairs of bytes, whatever its limit: without merges, no size
        # beyond the bytes.
        vocab_size=256 if longest == 1 else size,
        # The trainer stops one short of its own limit (tokenizers 0.23: 4 gives tokens of 3).
        max_token_length=None if longest is None else longest + 1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    library.train_from_iterator(texts, trainer)
    tok = load_tokenizer(library)
    limit = "" if longest is None else f", at most {longest}"
    tok.name = name or f"bpe {len(tok.ids())}{limit}"
    return tok


def equal_pair(texts: Sequence[str], size: int = 2048, longest: int = 4) -> tuple[Tokenizer, ...]:
    """Two vocabularies that differ in nothing but the longest token.

    A limit on the length leaves fewer merges to learn, so both get as many entries as either can
    have on these texts, if that is less than was asked for.

    Args:
        texts: What to learn from.
        size: Entries of each, at most.
        longest: Most bytes of a token of the first.

    Returns:
        The one with short tokens, and the plain one; their names say how many entries they have.

    Raises:
        ValueError: As :func:`train_bpe`.

    >>> short, plain = equal_pair(["unbelievable tokens and tokens"], 300)
    >>> len(short.ids()) == len(plain.ids())
    True
    """
    return of_one_size(size, lambda v: (train_bpe(texts, v, longest), train_bpe(texts, v)))


def of_one_size(
    size: int, train: Callable[[int], tuple[Tokenizer, Tokenizer]]
) -> tuple[Tokenizer, Tokenizer]:
    """Two vocabularies of as many entries as both can have.

    Args:
        size: Entries asked for.
        train: Makes the two of a size, or smaller ones where a text has no more.

    Returns:
        What it makes of the largest size that both reach.

    >>> pair = of_one_size(400, lambda v: (train_bpe(["a b"], v), train_bpe(["a cat, a rat"], v)))
    >>> len({len(tok.ids()) for tok in pair})
    1
    """
    while True:
        pair = train(size)
        reached = min(len(tok.ids()) for tok in pair)
        if reached == size:
            return pair
        size = reached


def longest_token(tok: Tokenizer) -> int:
    """Bytes of the longest entry, special tokens aside; of what was seen, in an open vocabulary.

    >>> longest_token(load_tokenizer("bytes"))
    1
    """
    return max((len(tok.token_bytes(i)) for i in tok.ids() if not tok.is_special(i)), default=0)
