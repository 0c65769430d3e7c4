"""Boundary scores of morphology: whether cuts fall where morphs meet, and beyond chance.

Source: boundary precision, recall and F1 as in Bio-Tokenization and the Morpho Challenge, micro
averages over words whose morphs spell them. A word kept whole has no cuts and misses its borders.
A tokenizer that cuts everywhere finds every border, so beside F1 stand the F1 that as many cuts at
random places would have, and Cohen's κ over the places between characters.

`morphology_scores` gives all scores of the table (these, MorphScore 1 and 2, segment F1) for any
gold words, with intervals over words. In the comparison they stand for the bundled ones. A better
score is no promise: Bio-Tokenization found that better morphology did not help downstream.

Example: cat+s as c|at|s and dog+s as dogs: one hit of two cuts, of two borders: precision, recall
and F1 1/2; at random 2 of 3 gaps would hit 2/3: chance F1 1/3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from workbench.metrics import _agreement
from workbench.metrics._analyzers import analyze_korean, analyze_turkish
from workbench.metrics._base import FloatArray, Metric, Sums, TokenizerVariant, divide
from workbench.metrics._gold import BUNDLED, GoldWord, as_gold, bundled_gold, read_gold
from workbench.metrics._morph_counts import Score, bundled_value, count_words
from workbench.metrics.morphscore import SCORES as MORPHSCORE
from workbench.metrics.segment_f1 import SCORES as SEGMENTS
from workbench.tokenizers import Tokenizer, load_tokenizer

__all__ = [
    "METRIC",
    "GoldWord",
    "analyze_korean",
    "analyze_turkish",
    "as_gold",
    "bundled_gold",
    "morphology_scores",
    "read_gold",
]

_SOURCE = "boundary F1 (Morpho Challenge; Bio-Tokenization, Gutiérrez et al. 2023)"


def _kappa(sums: Sums) -> FloatArray:
    return _agreement.kappa(sums["hit"], sums["made"], sums["gold"], sums["gaps"])


BOUNDARIES: Final = (
    Score(
        "boundary_precision",
        "share of cuts",
        "pooled",
        "Σ cuts on gold borders / Σ cuts",
        "null where no word is cut",
        _SOURCE,
        lambda sums: divide(sums["hit"], sums["made"]),
    ),
    Score(
        "boundary_recall",
        "share of gold borders",
        "pooled",
        "Σ cuts on gold borders / Σ gold borders",
        "null where no word has gold borders",
        _SOURCE,
        lambda sums: divide(sums["hit"], sums["gold"]),
    ),
    Score(
        "boundary_f1",
        "F1 of cuts",
        "pooled",
        "2 Σ hits / (Σ cuts + Σ gold borders)",
        "null where there are neither cuts nor borders",
        _SOURCE,
        lambda sums: divide(2 * sums["hit"], sums["made"] + sums["gold"]),
    ),
    Score(
        "boundary_f1_chance",
        "F1 of cuts",
        "pooled",
        "the F1 expected if each word had as many cuts, at random places",
        "null where there are neither cuts nor borders",
        "expectation of the hypergeometric distribution",
        lambda sums: divide(2 * sums["chance"], sums["made"] + sums["gold"]),
        None,
    ),
    Score(
        "boundary_kappa",
        "Cohen's κ",
        "pooled",
        "(agreed − chance) / (1 − chance) over the places between characters",
        "null where both cut everywhere or nowhere: chance explains all",
        "Cohen 1960",
        _kappa,
    ),
    Score(
        "words_whole",
        "share of words",
        "pooled",
        "words kept in one token / words whose morphs spell them",
        "null where there are no such words",
        _SOURCE,
        lambda sums: divide(sums["whole"], sums["spelled"]),
        None,
    ),
)

SCHEMA: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "gold": pl.String,
    "score": pl.String,
    "unit": pl.String,
    "aggregation": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "words": pl.Int64,
    "formula": pl.String,
    "source": pl.String,
}
"""The columns of `morphology_scores`; `words` are those the score looks at."""


def morphology_scores(
    tokenizers: Tokenizer | str | Sequence[Tokenizer | str],
    gold: str | Path | Iterable[GoldWord],
    *,
    before: str = "",
    name: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> pl.DataFrame:
    """All scores of morphology for gold words under tokenizers.

    Args:
        tokenizers: One or more, as `load_tokenizer` takes them.
        gold: A bundled language ("eng_Latn"), a file (see `read_gold`), or words.
        before: What stands before each word: "" encodes it alone, " " as inside a text.
        name: What to call the gold words in the table.
        resamples: Of the bootstrap over words.
        seed: Of the bootstrap.

    Returns:
        One row per tokenizer and score: the columns of `SCHEMA`. Rows that share a stem are not
        independent, so the intervals are somewhat too narrow.

    Raises:
        ValueError: If there are no gold words, or a file is not understood.

    Example:
        >>> frame = morphology_scores("characters", [GoldWord("cats", ("cat", "s"))])
        >>> frame.filter(pl.col("score") == "boundary_recall")["value"].item()
        1.0
    """
    from workbench.intervals import interval, resampling_weights

    words = as_gold(gold)
    called = name or (gold if isinstance(gold, str) else f"{len(words)} words")
    given = [tokenizers] if isinstance(tokenizers, str | Tokenizer) else tokenizers
    weights = resampling_weights(len(words), resamples, seed)
    rows = []
    for tokenizer in map(load_tokenizer, given):
        counted = count_words(tokenizer, words, before)
        point = {key: np.array([values.sum()]) for key, values in counted.items()}
        drawn = {key: (weights @ values)[None] for key, values in counted.items()}
        left = {key: (values.sum() - values)[None] for key, values in counted.items()}
        for score in (*BOUNDARIES, *MORPHSCORE, *SEGMENTS):
            value = score.value(point)
            low, high = interval(value, score.value(drawn), score.value(left))
            rows.append(
                {
                    "tokenizer": tokenizer.name,
                    "gold": str(called),
                    "score": score.name,
                    "unit": score.unit,
                    "aggregation": score.aggregation,
                    "value": float(value[0]),
                    "ci_low": float(low[0]),
                    "ci_high": float(high[0]),
                    "words": int(point[score.over][0]),
                    "formula": score.formula,
                    "source": score.source,
                }
            )
    return pl.DataFrame(rows, schema=SCHEMA).with_columns(pl.col(pl.Float64).fill_nan(None))


METRIC = Metric(
    name="morphology",
    title="Cuts at the border of morphs",
    summary="Whether cuts in the bundled gold words fall where morphs meet, beside chance.",
    source=_SOURCE,
    report=False,
    variants=tuple(
        TokenizerVariant(
            name=f"{language}_{score.name.removeprefix('boundary_')}",
            unit=score.unit,
            aggregation="pooled",
            formula=f"{score.formula}; gold words of {language}, each encoded alone",
            degenerate=score.degenerate,
            better=score.better,
            source=score.source,
            value=bundled_value(score, language),
        )
        for language in BUNDLED
        for score in BOUNDARIES
    ),
)
