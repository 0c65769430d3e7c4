"""Percentile frequency: the share of a text made of neither very frequent nor very rare types.

Source: Zouhar et al. 2023, section 4: Σ p over the ranks ⌊.03 V⌋ … ⌊.83 V⌋, types sorted by how
often they occur, the most frequent first. V is the number of types observed (the ranks of types
that do not occur are empty). As in tokenization-scorer, ranks count from 0 and the upper end is
left out.

Example: ten types, of which the first occurs 11 times and the others once each. Ranks 0 to 7 are
within ⌊.3⌋ = 0 … ⌊8.3⌋ = 8: (11 + 7) / 20 = 0.9.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.metrics._base import Metric, TypesVariant

LOW, HIGH = 0.03, 0.83


def percentile_frequency(
    counts: npt.ArrayLike, low: float = LOW, high: float = HIGH
) -> float | None:
    """Share of occurrences whose type's rank lies between two percentiles.

    Args:
        counts: How often each type occurs; types that do not occur are left out.
        low: The lower percentile of ranks, 0 to 1.
        high: The upper percentile, not below `low`.

    Returns:
        0 to 1; None where nothing occurs.

    Raises:
        ValueError: If the percentiles are not in order.

    Example:
        >>> percentile_frequency([11, 1, 1, 1, 1, 1, 1, 1, 1, 1])
        0.9
    """
    if not 0 <= low <= high <= 1:
        raise ValueError(f"percentiles run from 0 to 1, low before high, not {low} and {high}")
    kept = np.asarray(counts, dtype=np.float64)
    kept = np.sort(kept[kept > 0])[::-1]
    if not len(kept):
        return None
    first, last = int(low * len(kept)), int(high * len(kept))
    return float(kept[first:last].sum() / kept.sum())


METRIC = Metric(
    name="percentile_frequency",
    title="Percentile frequency",
    summary="The share of the text made of neither very frequent nor very rare entries.",
    source="Zouhar et al. 2023, ACL, section 4; tokenization-scorer",
    variants=(
        TypesVariant(
            name="observed",
            unit="share of tokens",
            aggregation="types",
            formula="Σ p over ranks ⌊.03 V⌋ … ⌊.83 V⌋ − 1 by frequency, V = entries observed",
            degenerate="null where there are no tokens",
            vocabulary="observed",
            value=lambda histogram: percentile_frequency(histogram.counts),
        ),
    ),
)
