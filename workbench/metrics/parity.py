"""Parity: the mean over parallel sentences of the ratio of their token counts.

Source: TokSuite; Petrov et al. 2023 call a tokenizer at parity where the ratio is near 1. Unlike
the premium, a short sentence weighs as much as a long one.

Example: sentence pairs of 2 : 1 and 6 : 6 tokens have a parity of 1.5 and a premium of 8/7.
"""

from __future__ import annotations

from workbench.metrics._base import Metric, RelativeVariant, divide

METRIC = Metric(
    name="parity",
    title="Parity",
    summary="The mean ratio of tokens between a sentence and its translation in the reference.",
    source="TokSuite; Petrov et al. 2023, arXiv 2305.15425, section 2",
    variants=(
        RelativeVariant(
            name="sentences",
            unit="mean ratio to the reference",
            aggregation="mean of documents",
            formula="mean over sentences s of tokens(s, language) / tokens(s, reference)",
            degenerate="sentences missing or empty on one side are left out; null if that is all",
            better="lower",
            needs=frozenset(("paired", "paired:tokens")),
            value=lambda group, _reference: divide(group["paired:tokens"], group["paired"]),
        ),
    ),
)
