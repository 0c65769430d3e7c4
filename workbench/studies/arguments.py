"""What several studies ask of their arguments, and say when it is not so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from workbench.tokenizers import Tokenizer, load_tokenizers

__all__ = ["one_row_each", "text_list", "tokenizer_list"]


def text_list(texts: Iterable[str]) -> list[str]:
    """Texts as a list; one text alone is refused, for it would be read letter by letter.

    Args:
        texts: Several texts.

    Returns:
        The texts.

    Raises:
        ValueError: When a str stands where a list of them belongs.

    >>> text_list(("one text", "another"))
    ['one text', 'another']
    """
    if isinstance(texts, str):
        raise ValueError(  # noqa: TRY004 - studies raise ValueError for what cannot be studied
            f"A list of texts is needed, not one str: write [{texts[:30]!r}]."
        )
    return list(texts)


def tokenizer_list(tokenizers: Any) -> list[Tokenizer]:
    """One tokenizer or several, each under a name of its own.

    Args:
        tokenizers: A tokenizer, or what :func:`workbench.load_tokenizer` takes, or several.

    Returns:
        The tokenizers, in order.

    Raises:
        TokenizerError: A ValueError: when none is given, or one is not found, or two that differ
            share a name, under which tables would add up the numbers of both.

    >>> [tok.name for tok in tokenizer_list("bytes")]
    ['bytes']
    """
    one = isinstance(tokenizers, Tokenizer | str)
    return load_tokenizers([tokenizers] if one else tokenizers)


def one_row_each(table: pl.DataFrame, keys: Sequence[str]) -> None:
    """Refuse a table in which two rows would be added up as one thing.

    Args:
        table: Rows of a study.
        keys: The columns that tell its rows apart.

    Raises:
        ValueError: When two rows agree in all of them; the message names what they share.

    >>> one_row_each(pl.DataFrame({"tokenizer": ["a", "b"]}), ["tokenizer"])
    """
    twice = table.filter(table.select(pl.struct(keys).is_duplicated()).to_series()).select(keys)
    if not twice.is_empty():
        first = ", ".join(f"{key} {value!r}" for key, value in twice.row(0, named=True).items())
        raise ValueError(
            f"Two rows of the table are of {first}: give tokenizers names of their own, and put "
            f"each row in once."
        )
