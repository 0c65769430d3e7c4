"""Model against model on the same items, and corrections for asking many questions at once."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from workbench.character_tasks.draw import Stream

Floats = NDArray[np.float64]


def mcnemar(only_a: int, only_b: int) -> float:
    """McNemar's exact p that neither model is better (McNemar, 1947).

    Args:
        only_a: Items that only the first model has right.
        only_b: Items that only the second has right.

    Returns:
        Two-sided p of the binomial test on the discordant items; 1 where there are none.

    Example:
        >>> round(mcnemar(10, 2), 5)
        0.03857
    """
    from scipy.special import bdtr

    n = only_a + only_b
    return 1.0 if n == 0 else min(1.0, 2 * float(bdtr(min(only_a, only_b), n, 0.5)))


def bootstrap_difference(
    difference: Floats,
    clusters: "NDArray[np.int64] | None" = None,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 7,
) -> tuple[float, float]:
    """Percentile bootstrap of a mean paired difference, words drawn with replacement.

    Words that have the same sum and number of differences are exchangeable, so only how many of
    each kind are drawn is simulated: exact, and fast for any number of words.

    Args:
        difference: Right (1) or wrong (0) under the one less the other, shape `(items,)`.
        clusters: The word of each item; None where each has its own.
        level: Of the interval.
        draws: Bootstrap samples.
        seed: Any integer.
    """
    sums: Floats
    sizes: Floats
    if clusters is None:
        sums, sizes = difference, np.ones(len(difference))
    else:
        _, inverse = np.unique(clusters, return_inverse=True)
        sums = np.bincount(inverse, difference).astype(np.float64)
        sizes = np.bincount(inverse).astype(np.float64)
    kinds, counts = np.unique(np.stack([sums, sizes]), axis=1, return_counts=True)
    # A fixed-seed multinomial; the draws shape an interval, not a data set.
    state = int(Stream(seed, "bootstrap", len(difference)).raw(1)[0])
    taken = np.random.default_rng(state).multinomial(
        int(counts.sum()), counts / counts.sum(), size=draws
    )
    means = (taken @ kinds[0]) / (taken @ kinds[1])
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def compare_models(
    right: dict[str, dict[str, Floats]],
    words: dict[str, "NDArray[np.int64] | None"],
    level: float = 0.95,
) -> pl.DataFrame:
    """Every pair of models on every task, over the items that both answered.

    Args:
        right: Per task and model, correctness over the task's items (NaN: not answered).
        words: Per task the word of each item, or None where no word repeats.
        level: Of the intervals.

    Returns:
        `task`, `model_a`, `model_b`, `n`, `only_a`, `only_b` (items that one alone has right),
        `difference` (points of accuracy, a − b), `ci_low`, `ci_high` (bootstrap by word), `p`
        (McNemar, exact), `p_holm`, `p_bh` (over all rows of the table).
    """
    rows: list[dict[str, Any]] = []
    for task, models in right.items():
        names = list(models)
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                both = ~np.isnan(models[a]) & ~np.isnan(models[b])
                if not both.any():
                    continue
                difference = models[a][both] - models[b][both]
                labels = words[task]
                low, high = bootstrap_difference(
                    difference, None if labels is None else labels[both], level
                )
                only_a, only_b = int((difference > 0).sum()), int((difference < 0).sum())
                rows.append(
                    {
                        "task": task, "model_a": a, "model_b": b, "n": int(both.sum()),
                        "only_a": only_a, "only_b": only_b,
                        "difference": 100 * float(difference.mean()), "ci_low": 100 * low,
                        "ci_high": 100 * high, "p": mcnemar(only_a, only_b),
                    }
                )  # fmt: skip
    schema = {"task": pl.String, "model_a": pl.String, "model_b": pl.String, "n": pl.Int64,
              "only_a": pl.Int64, "only_b": pl.Int64, "difference": pl.Float64,
              "ci_low": pl.Float64, "ci_high": pl.Float64, "p": pl.Float64}  # fmt: skip
    return with_corrections(pl.DataFrame(rows, schema=schema))


def holm(p: Floats) -> Floats:
    """Holm's adjusted p: no false discovery in the family at this level (Holm, 1979).

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(4).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    result = np.empty(len(p))
    result[order] = np.minimum(stepped, 1.0)
    return result


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjusted p that bounds the share of false discoveries (Benjamini and Hochberg, 1995).

    Example:
        >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(4).tolist()
        [0.03, 0.04, 0.04]
    """
    order = np.argsort(p)
    stepped = p[order] * len(p) / (1 + np.arange(len(p)))
    result = np.empty(len(p))
    result[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return result


def with_corrections(table: pl.DataFrame) -> pl.DataFrame:
    """The columns `p_holm` and `p_bh` beside `p`; null p are no tests and stay null."""
    p = table["p"].to_numpy().astype(float)
    tested = ~np.isnan(p)
    columns = {}
    for name, correct in (("p_holm", holm), ("p_bh", benjamini_hochberg)):
        values = np.full(len(p), np.nan)
        if tested.any():
            values[tested] = correct(p[tested])
        columns[name] = pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
    return table.with_columns(**columns)
