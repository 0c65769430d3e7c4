"""Premium and its limits: what the same content costs in one language against another.

Source: Petrov et al. 2023 (arXiv 2305.15425): tokens(language) / tokens(reference) over a whole
parallel corpus; a pair is left out when unknown tokens pass a tenth of either side, for then the
count says little about the text.

Example: 30 tokens of German for 20 of English is a premium of 1.5.
"""

from __future__ import annotations

import numpy as np

from workbench.metrics._base import FloatArray, Metric, RelativeVariant, Sums, divide

UNKNOWN_LIMIT = 0.1


def _premium(group: Sums, reference: Sums) -> FloatArray:
    value = divide(group["tokens"], reference["tokens"])
    for side in (group, reference):
        value = np.where(side["unknown"] > UNKNOWN_LIMIT * side["tokens"], np.nan, value)
    return value


METRIC = Metric(
    name="premium",
    title="Premium",
    summary="Tokens for the same content, as a multiple of the reference language.",
    source="Petrov et al. 2023, arXiv 2305.15425, section 3",
    variants=(
        RelativeVariant(
            name="pooled",
            unit="ratio to the reference",
            aggregation="pooled",
            formula="Σ tokens(language) / Σ tokens(reference), over a parallel corpus",
            degenerate="null where the reference has no tokens, or where unknown tokens pass 10% "
            "on either side",
            better="lower",
            needs=frozenset(("tokens", "unknown")),
            value=_premium,
        ),
    ),
)
