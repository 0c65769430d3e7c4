"""Rényi efficiency: how evenly the tokens of a text use the vocabulary.

Source: Zouhar et al. 2023, "Tokenization and the Noiseless Channel", definition 3.6:
H_α(p) / log2 V with H_α = log2(Σ p^α) / (1 − α), and α = 2.5 correlating best with translation
quality. Tools disagree on V: tokenization-scorer divides by the types **observed**, TokEval (since
1.0) by the entries **declared**. They rank tokenizers differently (TokEval: Spearman 0.68), so both
are here by name. α = 1 is Shannon's entropy.

Example: "pick @@ed pick @@l @@ed pick @@les", 7 tokens of 4 types. With V observed, α = 3 gives
0.8031528501359657. The README of tokenization-scorer prints that number beside `power=2.5`, which
gives 0.8265.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.metrics._base import Histogram, Metric, TypesVariant

ALPHA = 2.5


def renyi_entropy(counts: npt.ArrayLike, alpha: float = ALPHA) -> float | None:
    """Rényi entropy of a histogram.

    Args:
        counts: How often each type occurs, not negative.
        alpha: The order, at least 0; 1 is Shannon's entropy, 0 the logarithm of the types.

    Returns:
        Bits; None where nothing occurs.

    Raises:
        ValueError: If alpha is negative.

    Example:
        >>> renyi_entropy([1, 1, 1, 1])
        2.0
    """
    if not alpha >= 0:
        raise ValueError(f"alpha is the order of the entropy, 0 or more, not {alpha!r}")
    kept = np.asarray(counts, dtype=np.float64)
    kept = kept[kept > 0]
    if not len(kept):
        return None
    p = kept / kept.sum()
    if alpha == 1:
        return float(-(p * np.log2(p)).sum())
    if np.isinf(alpha):
        return float(-np.log2(p.max()))
    # The largest share is taken out of the power, so that large orders do not underflow.
    top = p.max()
    return float((alpha * np.log2(top) + np.log2(((p / top) ** alpha).sum())) / (1 - alpha))


def renyi_efficiency(
    counts: npt.ArrayLike, vocabulary: int | None, alpha: float = ALPHA
) -> float | None:
    """Rényi entropy as a share of the most there could be.

    Args:
        counts: How often each type occurs.
        vocabulary: V, the number of entries.
        alpha: The order.

    Returns:
        0 to 1; None where nothing occurs, V is not known, or V is 1 (log2 V is 0).
    """
    entropy = renyi_entropy(counts, alpha)
    if entropy is None or vocabulary is None or vocabulary < 2:
        return None
    return entropy / float(np.log2(vocabulary))


def _variant(name: str, alpha: float, *, declared: bool) -> TypesVariant:
    def value(histogram: Histogram) -> float | None:
        size = histogram.declared if declared else histogram.used
        return renyi_efficiency(histogram.counts, size, alpha)

    which = "declared" if declared else "observed"
    return TypesVariant(
        name=name,
        unit="share of log2 V",
        aggregation="types",
        formula=("−Σ p log2 p" if alpha == 1 else f"log2(Σ p^{alpha:g}) / (1 − {alpha:g})")
        + f" / log2 V, V = entries {which}",
        degenerate="null where there are no tokens, V has one entry, or the vocabulary is open",
        vocabulary="declared" if declared else "observed",
        better="higher",
        source="TokEval 1.0; Zouhar et al. 2023, definition 3.6"
        if declared
        else "tokenization-scorer (zouharvi)",
        value=value,
    )


METRIC = Metric(
    name="renyi_efficiency",
    title="Rényi efficiency",
    summary="How evenly the tokens use the vocabulary.",
    source="Zouhar et al. 2023, ACL, definition 3.6",
    variants=(
        _variant("declared", ALPHA, declared=True),
        _variant("observed", ALPHA, declared=False),
        _variant("shannon_declared", 1.0, declared=True),
        _variant("shannon_observed", 1.0, declared=False),
    ),
)
