"""Gini coefficient: how unequally languages (or other groups) are charged.

Source: TokEval, ΣΣ|cᵢ − cⱼ| / (2 n² μ), with c the tokens per byte, or per line, of each group. Its
maximum over n groups is 1 − 1/n, not 1, so values over few languages are small by construction.
Per byte, scripts that spend more bytes on a character look cheap; per line, and per document, the
text must be parallel for the comparison to be fair.

Example: costs 1, 1 and 4: the differences sum to 12 over ordered pairs, 12 / (2 · 9 · 2) = 1/3, of
2/3 possible.
"""

from __future__ import annotations

import numpy as np

from workbench.metrics._base import FloatArray, GroupsVariant, Metric, Sums, divide


def gini(costs: FloatArray) -> FloatArray:
    """The Gini coefficient over the last axis.

    Args:
        costs: float64 (..., groups), not negative; NaN (a group without text) is left out.

    Returns:
        float64 (...): 0 where all pay alike, at most 1 − 1/n; NaN where nobody pays anything.

    Example:
        >>> gini(np.array([1.0, 1.0, 4.0])).round(4).item()
        0.3333
    """
    ordered = np.sort(costs, axis=-1)  # NaN goes last
    known = ~np.isnan(ordered)
    n = known.sum(axis=-1)
    rank = np.arange(1, costs.shape[-1] + 1)
    filled = np.where(known, ordered, 0.0)
    weighted = (np.where(known, 2 * rank - n[..., None] - 1, 0) * filled).sum(axis=-1)
    return divide(weighted, n * filled.sum(axis=-1))


def _per(name: str, denominator: str, unit: str) -> GroupsVariant:
    def value(sums: Sums) -> FloatArray:
        return gini(divide(sums["tokens"], sums[denominator]))

    return GroupsVariant(
        name=name,
        unit=f"Gini of {unit} (0 to 1 − 1/n)",
        aggregation="over groups",
        formula=f"ΣΣ|cᵢ − cⱼ| / (2 n² μ), c = {unit} of a group",
        degenerate="groups without text are left out; null where no tokens are left",
        better="lower",
        needs=frozenset(("tokens", denominator)),
        value=value,
    )


METRIC = Metric(
    name="gini",
    title="Gini coefficient",
    summary="How unequally the groups are charged; 0 is equality.",
    source="TokEval (swiss-ai/tokenizer-intrinsic-evals), tokenizer fairness",
    variants=(
        _per("per_byte", "bytes", "tokens per byte"),
        _per("per_line", "lines", "tokens per line"),
        _per("per_document", "documents", "tokens per document"),
    ),
)
