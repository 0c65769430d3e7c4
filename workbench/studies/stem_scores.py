"""Scores of morphology whose intervals know that gold words share stems.

The scores are :mod:`workbench.metrics.morphology`'s and its neighbours'. Words of one stem are
resampled together, and a word may count as often as it occurs somewhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import polars as pl

from workbench.metrics._base import FloatArray, IntArray
from workbench.metrics._gold import GoldWord
from workbench.metrics._morph_counts import KEYS, Score, count_words
from workbench.metrics.morphology import BOUNDARIES
from workbench.metrics.morphscore import SCORES as MORPHSCORES
from workbench.metrics.segment_f1 import SCORES as SEGMENTS
from workbench.studies.verdicts import function_of_sums
from workbench.tokenizers import Tokenizer

__all__ = [
    "KEY_LENGTH",
    "SCHEMA",
    "SCORES",
    "by_stem",
    "clusters",
    "score_of",
    "scores",
    "stem_key",
    "stem_of",
]

SCORES: dict[str, Score] = {s.name: s for s in (*BOUNDARIES, *MORPHSCORES, *SEGMENTS)}
"""Every score of morphology by name."""

SCHEMA: dict[str, pl.DataType] = {
    "tokenizer": pl.String(),
    "score": pl.String(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "words": pl.Int64(),
    "stems": pl.Int64(),
    "formula": pl.String(),
}
"""The columns of :func:`scores`."""


KEY_LENGTH = 3
"""By how many characters :func:`stem_key` tells stems apart."""


def stem_of(word: GoldWord) -> str:
    """The morph that carries a word: the first that is no derivation by its tag; else the longest.

    >>> stem_of(GoldWord("undoing", ("un", "do", "ing"), ("DRV:NEG", "V", "V.PTCP;PRS")))
    'do'
    """
    if len(word.tags) == len(word.morphs):
        for morph, tag in zip(word.morphs, word.tags, strict=True):
            if not tag.startswith(("DRV", "LNK")):
                return morph
    return max(word.morphs, key=len)


def stem_key(word: GoldWord) -> str:
    """What words of one stem have in common.

    Their :func:`stem_of`, case folded, decomposed, its first three characters: ``run`` and
    ``runn``, ``kitap`` and ``kitab`` meet. Some strangers meet too, which makes intervals wider,
    never narrower.

    >>> stem_key(GoldWord("running", ("runn", "ing"), ("V", "V.PTCP;PRS")))
    'run'
    """
    return unicodedata.normalize("NFD", stem_of(word).casefold())[:KEY_LENGTH]


def clusters(gold: Sequence[GoldWord]) -> IntArray:
    """The cluster of each word, by stem: numbers from 0 in order of first occurrence."""
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(stem_key(word), len(seen)) for word in gold], dtype=np.int64)


def by_stem(counted: Mapping[str, FloatArray], which: IntArray) -> FloatArray:
    """Counts of words summed over each stem.

    Args:
        counted: By the names of ``KEYS``, shape ``(words,)``.
        which: The stem of each word, from :func:`clusters`.

    Returns:
        Shape ``(stems, keys)``, keys in the order of ``KEYS``.
    """
    size = int(which.max()) + 1
    return np.stack([np.bincount(which, counted[key], size) for key in KEYS], axis=1)


def score_of(name: str, sums: FloatArray) -> FloatArray:
    """A score of sums.

    Args:
        name: Of :data:`SCORES`.
        sums: Shape ``(..., keys)``, from :func:`by_stem`.

    Returns:
        Shape ``(...)``; NaN where the score is not defined.
    """
    return SCORES[name].value({key: sums[..., i] for i, key in enumerate(KEYS)})


def scores(
    tokenizers: Sequence[Tokenizer],
    gold: Sequence[GoldWord],
    *,
    names: Sequence[str] = tuple(SCORES),
    before: str = "",
    weights: Sequence[float] | IntArray | FloatArray | None = None,
    seed: int = 0,
) -> pl.DataFrame:
    """Scores of morphology with intervals that resample stems.

    Args:
        tokenizers: Any.
        gold: Words with their morphs.
        names: Of :data:`SCORES`.
        before: What stands before each word: nothing, or a space as in a text.
        weights: How often each word counts, such as its occurrences in a text; once by default.
            Words of weight 0 are left out.
        seed: Of the bootstrap.

    Returns:
        ``tokenizer, score, value, ci_low, ci_high, words, stems, formula``; a score that is not
        defined is left out. ``words`` and ``stems`` are those that the score is over: words whose
        morphs spell them for boundaries, words of several tokens for MorphScore.

    Raises:
        ValueError: When there are no words, no score of a name, or weights that are no weights.
    """
    weight = np.ones(len(gold)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != (len(gold),) or not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(
            f"{len(gold)} words need as many weights, each a finite number of 0 or more."
        )
    gold = [word for word, share in zip(gold, weight.tolist(), strict=True) if share > 0]
    weight = weight[weight > 0]
    if not gold:
        raise ValueError("There are no gold words to compare with.")
    if unknown := set(names) - set(SCORES):
        raise ValueError(f"No score is called {min(unknown)!r}: use {', '.join(SCORES)}.")
    which = clusters(gold)
    rows = []
    for tok in tokenizers:
        counted = count_words(tok, gold, before)
        sums = by_stem({key: weight * values for key, values in counted.items()}, which)
        for name in names:
            over = SCORES[name].over
            # Stems without such a word would make a few look like many.
            seen = sums[sums[:, KEYS.index(over)] > 0]
            found = function_of_sums(partial(score_of, name), seen, seed=seed)
            if found is not None:
                rows.append(
                    (
                        tok.name,
                        name,
                        found.value,
                        found.low,
                        found.high,
                        int((counted[over] > 0).sum()),
                        found.n,
                        SCORES[name].formula,
                    )
                )
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
