"""Gold words in running text: which of them occur, how often, and what that does to their scores.

A list has each word once. A text has some of them, and frequent ones often.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from workbench.corpora.languages import UNTAGGED, same_language
from workbench.metrics._base import IntArray
from workbench.metrics._gold import GoldWord
from workbench.studies.documents import count_words
from workbench.studies.stem_scores import SCHEMA, scores
from workbench.tokenizers import Tokenizer

__all__ = ["WAYS", "in_running_text", "occurrences", "running_words", "texts_for"]

WAYS = ("once each", "once, if in the text", "as often as in the text")
"""How gold words are counted by :func:`in_running_text`."""


def texts_for(groups: Mapping[str, Sequence[str]], gold: str) -> list[str]:
    """The texts of a corpus in which to look for the words of a gold set.

    Args:
        groups: From :func:`workbench.studies.documents.documents_by_language`.
        gold: A language, or the path of a TSV file, whose language is not known.

    Returns:
        The texts of that language, however the corpus writes it; those of the whole corpus for a
        file, or where the corpus names no language; none where it names others.

    >>> texts_for({"en": ["a"], "tr": ["b"]}, "tur_Latn")
    ['b']
    """
    if gold.endswith(".tsv"):
        return [text for part in groups.values() for text in part]
    if UNTAGGED in groups:
        return list(groups[UNTAGGED])
    return [text for code, part in groups.items() if same_language(code, gold) for text in part]


def occurrences(gold: Sequence[GoldWord], texts: Sequence[str]) -> tuple[IntArray, int]:
    """How often each gold word stands in running text.

    Args:
        gold: The words.
        texts: Documents. A word of theirs counts as it is written, or in lower case.

    Returns:
        Counts, shape ``(words,)``, and the number of all words (runs of letters) of the texts, to
        see how little of them the gold words are.

    >>> occurrences([GoldWord("cats", ("cat", "s"))], ["Cats like cats."])
    (array([2]), 3)
    """
    there = count_words(texts)
    lower: Counter[str] = Counter()
    for word, count in there.items():
        for form in {word, word.lower()}:
            lower[form] += count
    words = [unicodedata.normalize("NFC", word.word) for word in gold]
    counts = np.array([lower[word] for word in words], dtype=np.int64)
    return counts, sum(there.values())


def running_words(
    gold: Mapping[str, Sequence[GoldWord]], groups: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """How much of running text the gold words are.

    Args:
        gold: Words by language or file.
        groups: Texts by language; see :func:`texts_for`.

    Returns:
        ``gold, occurrences, running_words, share`` (null without text).

    >>> running_words({"x.tsv": [GoldWord("cats", ("cat", "s"))]}, {"en": ["Cats!"]}).row(0)
    ('x.tsv', 1, 1, 1.0)
    """
    rows = []
    for name, words in gold.items():
        counts, total = occurrences(words, texts_for(groups, name))
        rows.append((name, int(counts.sum()), total, counts.sum() / total if total else None))
    kinds = {"occurrences": pl.Int64, "running_words": pl.Int64, "share": pl.Float64}
    return pl.DataFrame(rows, schema={"gold": pl.String, **kinds}, orient="row")


def in_running_text(
    tokenizers: Sequence[Tokenizer],
    gold: Mapping[str, Sequence[GoldWord]],
    groups: Mapping[str, Sequence[str]],
    *,
    names: Sequence[str] = (
        "boundary_precision",
        "boundary_recall",
        "boundary_f1",
        "boundary_kappa",
    ),
    seed: int = 0,
) -> pl.DataFrame:
    """Scores of the gold words of a text, beside those of all of them.

    Two things part a list from a text: which words occur at all, and how often.

    Args:
        tokenizers: Any.
        gold: Words by language or file.
        groups: Texts by language; see :func:`texts_for`.
        names: Of :data:`~.stem_scores.SCORES`.
        seed: Of the bootstrap over stems.

    Returns:
        ``gold, counted`` and the columns of :func:`~.stem_scores.scores`. Words are counted in
        each of :data:`WAYS`; a space stands before every one. A gold set without an occurrence is
        left out.

    Raises:
        ValueError: As :func:`~.stem_scores.scores`.
    """
    tables = [pl.DataFrame(schema={"gold": pl.String, "counted": pl.String, **SCHEMA})]
    for name, words in gold.items():
        counts, _ = occurrences(words, texts_for(groups, name))
        ways = dict(zip(WAYS, (None, (counts > 0).astype(np.int64), counts), strict=True))
        ways = ways if counts.any() else {}
        for way, weights in ways.items():
            table = scores(tokenizers, words, names=names, before=" ", weights=weights, seed=seed)
            first = pl.lit(name).alias("gold"), pl.lit(way).alias("counted")
            tables.append(table.select(*first, pl.all()))
    return pl.concat(tables)
