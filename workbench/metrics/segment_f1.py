"""Segment F1: how many morphs of a word are tokens, in order.

Source: the SIGMORPHON 2022 shared task on morpheme segmentation: precision and recall of the
longest common subsequence of gold and guessed segments, micro-averaged over words. It asks for
whole segments, not for places, so words whose morphs do not spell them count too. Bio-Tokenization
(Gutiérrez et al. 2023) finds 12.9 to 14.2 (per cent) for general vocabularies on 4,314 biomedical
words, and that better morphology did not help downstream.

Example: un+do+ing against un|doing: one segment in common, of two guessed and three gold: precision
1/2, recall 1/3, F1 0.4.
"""

from __future__ import annotations

from typing import Final

from workbench.metrics._base import Metric, TokenizerVariant, divide
from workbench.metrics._gold import BUNDLED
from workbench.metrics._morph_counts import Score, bundled_value

_SOURCE = "SIGMORPHON 2022 shared task on morpheme segmentation, evaluation"

SCORES: Final = (
    Score(
        "segment_precision",
        "share of tokens",
        "pooled",
        "Σ longest common subsequence / Σ tokens",
        "null where there are no words",
        _SOURCE,
        lambda sums: divide(sums["common"], sums["pieces"]),
        over="words",
    ),
    Score(
        "segment_recall",
        "share of morphs",
        "pooled",
        "Σ longest common subsequence / Σ morphs",
        "null where there are no words",
        _SOURCE,
        lambda sums: divide(sums["common"], sums["segments"]),
        over="words",
    ),
    Score(
        "segment_f1",
        "F1 of segments",
        "pooled",
        "2 Σ longest common subsequence / (Σ tokens + Σ morphs)",
        "null where there are no words",
        _SOURCE,
        lambda sums: divide(2 * sums["common"], sums["pieces"] + sums["segments"]),
        over="words",
    ),
)

METRIC = Metric(
    name="segment_f1",
    title="Segment F1",
    summary="How many morphs of the bundled gold words are tokens, in order.",
    source=_SOURCE,
    report=False,
    variants=tuple(
        TokenizerVariant(
            name=language,
            unit=SCORES[2].unit,
            aggregation="pooled",
            formula=SCORES[2].formula + f", gold words of {language}",
            degenerate=SCORES[2].degenerate,
            better="higher",
            value=bundled_value(SCORES[2], language),
        )
        for language in BUNDLED
    ),
)
