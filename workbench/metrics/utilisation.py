"""Utilisation: how much of the vocabulary a text touches.

Source: TokEval, vocabulary utilisation and type-token ratio. Both grow or shrink with the size of
the text, so compare them at equal sizes (`workbench.compare.rarefaction`), never by a bootstrap.

Example: 3 of 10 entries seen in 6 tokens: utilisation 0.3, type-token ratio 0.5.
"""

from __future__ import annotations

from workbench.metrics._base import Histogram, Metric, TypesVariant


def _utilisation(histogram: Histogram) -> float | None:
    return histogram.used / histogram.declared if histogram.declared else None


def _type_token_ratio(histogram: Histogram) -> float | None:
    return histogram.used / histogram.total if histogram.total else None


METRIC = Metric(
    name="utilisation",
    title="Vocabulary used",
    summary="How much of the vocabulary the text touches; it grows with the size of the text.",
    source="TokEval (swiss-ai/tokenizer-intrinsic-evals), vocabulary utilisation",
    variants=(
        TypesVariant(
            name="declared",
            unit="share of declared entries",
            aggregation="types",
            formula="entries that occur / entries declared",
            degenerate="null where the vocabulary is open (the baseline `words`)",
            vocabulary="declared",
            better="higher",
            value=_utilisation,
        ),
        TypesVariant(
            name="used",
            unit="entries",
            aggregation="types",
            formula="entries that occur",
            degenerate="0 where there is no text: nothing occurs",
            vocabulary="observed",
            value=lambda histogram: float(histogram.used),
        ),
        TypesVariant(
            name="type_token_ratio",
            unit="entries per token",
            aggregation="types",
            formula="entries that occur / Σ tokens",
            degenerate="null where there are no tokens",
            vocabulary="observed",
            value=_type_token_ratio,
        ),
    ),
)
