"""Type counts, entropies and overlaps at stated sample sizes.

They grow with the text, so two corpora or two tokenizers are comparable at equal numbers of tokens
only, and a bootstrap over documents, which repeats documents and so never sees new types, gives
intervals that miss their own estimate. Instead tokens are drawn without replacement (the
multivariate hypergeometric distribution); the spread shown is that of the draws, and the two halves
of the documents stand beside it.

Source: Hurlbert 1971 (Ecology 52(4)) for the expected number of types.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from workbench.compare.measuring import Measured
from workbench.counting import TokenHistogram
from workbench.metrics import select_metrics
from workbench.metrics._base import FloatArray, Histogram, Metric, PairTypesVariant, TypesVariant

RAREFACTION: Final[dict[str, Any]] = {
    "tokenizer": pl.String,
    "other": pl.String,
    "group": pl.String,
    "metric": pl.String,
    "variant": pl.String,
    "unit": pl.String,
    "tokens": pl.Int64,
    "value": pl.Float64,
    "sd": pl.Float64,
    "half_a": pl.Float64,
    "half_b": pl.Float64,
    "share": pl.Float64,
    "vocabulary": pl.String,
}
"""The columns of `rarefaction`: `tokens` is the sample size, `value` the mean and `sd` the standard
deviation of the draws, `half_a` and `half_b` the value at the same size within the even and the odd
half of the documents (null where a half is smaller), `share` tokens / all tokens of the group."""


def expected_types(counts: Any, size: int) -> float:
    """The expected number of types among tokens drawn without replacement.

    Args:
        counts: int64 (types,): how often each occurs.
        size: Tokens drawn.

    Returns:
        Σ 1 − C(N − c, size) / C(N, size) over the types.

    Raises:
        ValueError: If more are drawn than there are.

    Example:
        >>> expected_types(np.array([1, 1]), 1)
        1.0
    """
    from scipy.special import gammaln

    total = int(np.sum(counts))
    if size > total:
        raise ValueError(f"cannot draw {size} tokens of {total}")
    rest = total - np.asarray(counts, dtype=np.int64)
    possible = rest >= size
    log = (
        gammaln(rest[possible] + 1)
        - gammaln(rest[possible] - size + 1)
        - gammaln(total + 1)
        + gammaln(total - size + 1)
    )
    return float(len(rest) - np.exp(log).sum())


def thin(histogram: TokenHistogram, size: int, rng: np.random.Generator) -> TokenHistogram:
    """Draw tokens without replacement.

    Args:
        histogram: All tokens.
        size: How many to draw, at most all.
        rng: The source of chance.

    Returns:
        The histogram of those drawn.
    """
    if size >= histogram.counts.sum():
        return histogram
    drawn = rng.multivariate_hypergeometric(histogram.counts, size, method="marginals")
    kept = drawn > 0
    return TokenHistogram(histogram.ids[kept], drawn[kept])


def default_sizes(total: int, steps: int = 12) -> list[int]:
    """Sample sizes, evenly spaced on a logarithmic scale up to all tokens.

    Args:
        total: Tokens there are.
        steps: How many sizes.

    Returns:
        Sizes, smallest first.

    Example:
        >>> default_sizes(1000, 3)
        [100, 316, 1000]
    """
    if total < 2:
        return [total] if total else []
    low = min(100, total)
    return sorted({round(float(size)) for size in np.geomspace(low, total, steps)})


def rarefaction(
    measured: Measured,
    metrics: Sequence[str] | None = None,
    sizes: Sequence[int] | None = None,
    *,
    draws: int = 8,
) -> pl.DataFrame:
    """Curves of type counts, entropies and overlaps.

    Args:
        measured: A corpus counted.
        metrics: Metrics or variants over histograms; None takes those of the comparison.
        sizes: Numbers of tokens; None spaces them up to the smallest total of any tokenizer, so
            that all curves end at the same size. Sizes beyond a group's tokens are left out.
        draws: Samples drawn at each size.

    Returns:
        The columns of `RAREFACTION`; `other` is the second tokenizer of an overlap, else null.

    Raises:
        ValueError: If a metric asked for is a ratio or mean (its interval stands in the table).
    """
    chosen = measured.chosen if metrics is None else select_metrics(metrics)
    kept = [(m, v) for m, v in chosen if isinstance(v, TypesVariant | PairTypesVariant)]
    if metrics is not None and len(kept) < len(chosen):
        wrong = sorted({m.name for m, v in chosen} - {m.name for m, v in kept})
        raise ValueError(
            f"{', '.join(wrong)}: rarefaction is for type counts, entropies and overlaps; the "
            "interval of a ratio or mean stands in the table"
        )
    names = list(measured.tokenizers)
    rows: list[dict[str, Any]] = []
    for group in measured.names:
        counts = {name: measured.groups[name][group] for name in names}
        least = min(int(c.histogram.counts.sum()) for c in counts.values())
        for size in sizes or default_sizes(least):
            samples = {
                name: _samples(measured, name, group, size, draws)
                for name in names
                if counts[name].histogram.counts.sum() >= size
            }
            for metric, variant in kept:
                rows.extend(_rows(metric, variant, group, size, samples))
    return pl.DataFrame(rows, schema=RAREFACTION)


def _samples(
    measured: Measured, name: str, group: str, size: int, draws: int
) -> tuple[list[Histogram], Histogram | None, Histogram | None, int]:
    """The draws, the two halves at that size, and all tokens."""
    counts = measured.groups[name][group]
    rng = np.random.default_rng([measured.options.seed, size, measured.names.index(group)])
    whole = counts.histogram
    total = int(whole.counts.sum())
    declared = measured.counted.counts[name].declared
    tokenizer = measured.tokenizers[name]

    def dress(histogram: TokenHistogram) -> Histogram:
        return Histogram(histogram.ids, histogram.counts, declared, tokenizer)

    drawn = [dress(thin(whole, size, rng)) for _ in range(1 if size >= total else draws)]
    halves = [
        dress(thin(half, size, rng)) if half.counts.sum() >= size else None
        for half in counts.halves
    ]
    return drawn, halves[0], halves[1], total


def _rows(
    metric: Metric, variant: Any, group: str, size: int, samples: dict[str, Any]
) -> list[dict[str, Any]]:
    pairs: list[tuple[str, str | None]] = [(name, None) for name in samples]
    if isinstance(variant, PairTypesVariant):
        names = list(samples)
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    rows = []
    for name, other in pairs:
        sides = [samples[name]] if other is None else [samples[name], samples[other]]
        drawn = zip(*(side[0] for side in sides), strict=False)
        values = np.array([_value(variant, histograms) for histograms in drawn])
        halves = [_value(variant, [side[which] for side in sides]) for which in (1, 2)]
        rows.append(
            {
                "tokenizer": name,
                "other": other,
                "group": group,
                "metric": metric.name,
                "variant": variant.name,
                "unit": variant.unit,
                "tokens": size,
                "value": _known(values.mean()),
                "sd": _known(values.std(ddof=1)) if len(values) > 1 else 0.0,
                "half_a": _known(halves[0]),
                "half_b": _known(halves[1]),
                "share": size / sides[0][3] if sides[0][3] else None,
                "vocabulary": variant.vocabulary,
            }
        )
    return rows


def _value(variant: Any, histograms: Sequence[Histogram | None]) -> float:
    if any(histogram is None for histogram in histograms):
        return np.nan
    value = variant.value(*histograms)
    return np.nan if value is None else float(value)


def _known(value: float | FloatArray) -> float | None:
    return None if np.isnan(value) else float(value)
