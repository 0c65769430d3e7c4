"""What a text holds before any tokenizer sees it: characters, graphemes, words, units, lines.

Each statistic is one pass of a Rust regular expression over a column, so a hundred megabytes take
about a second; they are counted once per corpus, whatever the number of tokenizers, and only when a
metric asks. Counts are per document, whole numbers, and exact.

One concession: grapheme clusters are counted as code points wherever a document holds nothing that
could join two of them, and one by one by `regex` elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
import regex

from workbench.metrics._base import TEXT_STATISTICS, IntArray

# Scripts written without spaces between words. A mark belongs to the character before it.
_UNSPACED: Final = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Tham}\p{Javanese}"
)
_ONE_CHARACTER: Final = rf"[[{_UNSPACED}]&&\P{{M}}]\p{{M}}*"
# A Tibetan syllable ends at a tsheg, which is punctuation.
_SYLLABLE: Final = r"[\p{Tibetan}&&[\p{L}\p{M}\p{N}]]+"

WORD: Final = r"\S+"
"""A word by white space."""

UNIT: Final = rf"{_ONE_CHARACTER}|{_SYLLABLE}|[^\s\p{{Tibetan}}{_UNSPACED}]+"
"""A unit in the sense of tokka-bench."""

ALONE: Final = (
    rf"{_ONE_CHARACTER}|{_SYLLABLE}|"
    rf"[[\p{{L}}\p{{M}}\p{{N}}]--[\p{{Tibetan}}{_UNSPACED}]]+"
    rf"(?:['’\-][[\p{{L}}\p{{M}}\p{{N}}]--[\p{{Tibetan}}{_UNSPACED}]]+)*"
)
"""A word to be encoded alone: letters, marks and digits, with apostrophes and hyphens inside."""

_NOT_LETTERS: Final = r"[\p{L}\p{M}'’\-]*[^\s\p{L}\p{M}'’\-]\S*"
_WITH_DIGIT: Final = r"[^\s\p{N}]*\p{N}\S*"
# Whatever can make two code points one grapheme cluster (UAX #29, rules GB3 and GB6 to GB12).
_JOINS: Final = (
    r"[\p{gcb=Extend}\p{gcb=SpacingMark}\p{gcb=Prepend}\p{gcb=ZWJ}\p{gcb=RI}"
    r"\p{gcb=L}\p{gcb=V}\p{gcb=T}]|\r\n"
)
_CLUSTER: Final = regex.compile(r"\X")


def _matches(texts: pl.Series, pattern: str) -> IntArray:
    return texts.str.count_matches(pattern).cast(pl.Int64).to_numpy()


def _characters(texts: pl.Series) -> IntArray:
    return texts.str.len_chars().cast(pl.Int64).to_numpy()


def _graphemes(texts: pl.Series) -> IntArray:
    counts = _characters(texts).copy()
    for index in texts.str.contains(_JOINS).arg_true():
        counts[index] = sum(1 for _ in _CLUSTER.finditer(texts[index]))
    return counts


_COUNTERS: Final[dict[str, Callable[[pl.Series], IntArray]]] = {
    "documents": lambda texts: np.ones(len(texts), dtype=np.int64),
    "bytes": lambda texts: texts.str.len_bytes().cast(pl.Int64).to_numpy(),
    "characters": _characters,
    "graphemes": _graphemes,
    # One match per line: from its first visible character to its end.
    "lines": lambda texts: _matches(texts, r"\S[^\n]*"),
    "words": lambda texts: _matches(texts, WORD),
    "words_letters": lambda texts: _matches(texts, WORD) - _matches(texts, _NOT_LETTERS),
    "words_digits": lambda texts: _matches(texts, _WITH_DIGIT),
    "words_other": lambda texts: _matches(texts, _NOT_LETTERS) - _matches(texts, _WITH_DIGIT),
    "units": lambda texts: _matches(texts, UNIT),
}
assert frozenset(_COUNTERS) == TEXT_STATISTICS


def count_text(texts: pl.Series, statistic: str) -> IntArray:
    """One statistic of each document.

    Args:
        texts: A column of strings without nulls.
        statistic: A name of `workbench.metrics._base.TEXT_STATISTICS`.

    Returns:
        int64, one whole number per document.

    Raises:
        KeyError: If the statistic is unknown.

    Example:
        >>> count_text(pl.Series(["to be, or not", "漢字 ok"]), "words").tolist()
        [4, 2]
        >>> count_text(pl.Series(["to be, or not", "漢字 ok"]), "units").tolist()
        [4, 3]
    """
    return _COUNTERS[statistic](texts)


def words_alone(texts: pl.Series) -> pl.DataFrame:
    """The words of each document, as they are encoded alone.

    Args:
        texts: A column of strings without nulls.

    Returns:
        Columns document (Int64, row of `texts`), word (String), times (Int64): each word of each
        document once, sorted by word and document.
    """
    return (
        pl.DataFrame({"word": texts.str.extract_all(ALONE)})
        .with_row_index("document")
        .explode("word")
        .drop_nulls("word")
        .group_by("word", "document")
        .agg(pl.len().cast(pl.Int64).alias("times"))
        .with_columns(pl.col("document").cast(pl.Int64))
        .sort("word", "document")
        .select("document", "word", "times")
    )
