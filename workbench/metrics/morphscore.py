"""MorphScore: whether words that are split are split at the border of morphs.

Source: Arnett & Bergen 2025 (version 1): for words of more than one token with one gold border, 1
if a token boundary falls on it, else 0; the mean. Words in one token are left out, so that a large
vocabulary is not punished for having them. Arnett et al. 2025 (version 2, arXiv 2507.06378):
precision and recall of borders, micro (pooled) and macro (mean over words), over words of more than
one token with any gold borders.

Known errors, not repeated: version 1 counted the start token, so Llama-2's English came out as 0.0
instead of 0.265; version 2 counts the end of the word among the guessed borders, which holds
precision below 1 even for a perfect tokenizer.

Example: cat+s as ca|ts, dog+s as dog|s, box+es as boxes: the last is left out, 1/2.
"""

from __future__ import annotations

from typing import Final

from workbench.metrics._base import FloatArray, Metric, Sums, TokenizerVariant, divide
from workbench.metrics._gold import BUNDLED
from workbench.metrics._morph_counts import Score, bundled_value

_FIRST = "MorphScore 1 (Arnett & Bergen 2025)"
_SECOND = "MorphScore 2 (Arnett et al. 2025, arXiv 2507.06378)"
_NONE = "null where no word of more than one token has gold borders"


def _macro_f1(sums: Sums) -> FloatArray:
    # As published: the harmonic mean of the two means, not the mean over words.
    return divide(2 * sums["precision"] * sums["recall"], sums["bounded"] * _either(sums))


def _either(sums: Sums) -> FloatArray:
    total: FloatArray = sums["precision"] + sums["recall"]
    return total


SCORES: Final = (
    Score(
        "morphscore",
        "share of words split in two morphs",
        "types",
        "words with a cut on their one gold border / words of two tokens or more with one border",
        "null where no such word is split",
        _FIRST,
        lambda sums: divide(sums["pairs_hit"], sums["pairs"]),
        over="pairs",
    ),
    Score(
        "morphscore_precision_micro",
        "share of cuts",
        "pooled",
        "Σ cuts on gold borders / Σ cuts, of split words with gold borders",
        _NONE,
        _SECOND,
        lambda sums: divide(sums["split_hit"], sums["split_made"]),
        over="split",
    ),
    Score(
        "morphscore_recall_micro",
        "share of gold borders",
        "pooled",
        "Σ cuts on gold borders / Σ gold borders, of split words with gold borders",
        _NONE,
        _SECOND,
        lambda sums: divide(sums["split_hit"], sums["split_gold"]),
        over="split",
    ),
    Score(
        "morphscore_f1_micro",
        "F1 of borders",
        "pooled",
        "2 Σ hits / (Σ cuts + Σ gold borders), of split words with gold borders",
        _NONE,
        _SECOND,
        lambda sums: divide(2 * sums["split_hit"], sums["split_made"] + sums["split_gold"]),
        over="split",
    ),
    Score(
        "morphscore_precision_macro",
        "mean over words",
        "types",
        "mean over split words with gold borders of hits / cuts",
        _NONE,
        _SECOND,
        lambda sums: divide(sums["precision"], sums["bounded"]),
        over="split",
    ),
    Score(
        "morphscore_recall_macro",
        "mean over words",
        "types",
        "mean over split words with gold borders of hits / gold borders",
        _NONE,
        _SECOND,
        lambda sums: divide(sums["recall"], sums["bounded"]),
        over="split",
    ),
    Score(
        "morphscore_f1_macro",
        "harmonic mean of macro precision and recall",
        "types",
        "2 P R / (P + R) of the two means over words",
        _NONE + ", or no cut is on a border",
        _SECOND,
        _macro_f1,
        over="split",
    ),
)

METRIC = Metric(
    name="morphscore",
    title="MorphScore",
    summary="Whether the bundled gold words, where split, are split at the border of morphs.",
    source=_FIRST,
    report=False,
    variants=tuple(
        TokenizerVariant(
            name=f"{language}_{short}",
            unit=score.unit,
            aggregation=score.aggregation,
            formula=f"{score.formula}; gold words of {language}",
            degenerate=score.degenerate,
            better="higher",
            source=score.source,
            value=bundled_value(score, language),
        )
        for language in BUNDLED
        for short, score in (("v1", SCORES[0]), ("v2_f1", SCORES[3]))
    ),
)
