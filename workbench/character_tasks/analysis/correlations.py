"""The paper's correlations, with the intervals it does not give."""

from typing import Any

import numpy as np
import polars as pl

from workbench.character_tasks.analysis.properties import PAPER_PROPERTIES, TOKEN_PROPERTIES
from workbench.character_tasks.draw import Stream

MEAN = "(mean of models)"
SCHEMA = {
    "model": pl.String, "task": pl.String, "property": pl.String, "tokens": pl.String,
    "r": pl.Float64, "ci_low": pl.Float64, "ci_high": pl.Float64, "p": pl.Float64, "n": pl.Int64,
}  # fmt: skip


def pearson(
    x: "np.ndarray[Any, Any]", y: "np.ndarray[Any, Any]", w: "np.ndarray[Any, Any] | None" = None
) -> float | None:
    """Pearson's r; None where a side is constant or there are fewer than 2 pairs.

    Example:
        >>> round(pearson(np.array([1.0, 2, 3]), np.array([1.0, 3, 2])), 3)
        0.5
        >>> pearson(np.ones(3), np.array([1.0, 3, 2])) is None
        True
    """
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    weight = np.full(len(x), 1 / len(x)) if w is None else w / w.sum()
    a, b = x - weight @ x, y - weight @ y
    return float(weight @ (a * b) / np.sqrt((weight @ a**2) * (weight @ b**2)))


def fisher_interval(r: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Fisher's z interval of a correlation of `n` pairs (Fisher, 1921).

    Example:
        >>> low, high = fisher_interval(0.5, 103)
        >>> round(low, 3), round(high, 3)
        (0.339, 0.632)
    """
    from scipy.special import ndtri

    if n <= 3 or abs(r) >= 1:
        return -1.0, 1.0
    half = float(ndtri(0.5 + level / 2)) / np.sqrt(n - 3)
    z = np.arctanh(r)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def bootstrap_interval(
    x: "np.ndarray[Any, Any]",
    y: "np.ndarray[Any, Any]",
    clusters: "np.ndarray[Any, Any]",
    level: float = 0.95,
    draws: int = 500,
    seed: int = 7,
) -> tuple[float, float]:
    """Percentile bootstrap of r over clusters (words), for answers where words repeat."""
    groups, inverse = np.unique(clusters, return_inverse=True)
    sums = np.stack(
        [np.bincount(inverse, v, len(groups)) for v in (np.ones(len(x)), x, y, x * x, y * y, x * y)]
    )
    stream = Stream(seed, "bootstrap r", len(groups))
    found = []
    for _ in range(draws):
        times = np.bincount(stream.below(len(groups), len(groups)), minlength=len(groups))
        n, sx, sy, sxx, syy, sxy = sums @ times
        spread = (n * sxx - sx**2) * (n * syy - sy**2)
        if spread > 0:
            found.append((n * sxy - sx * sy) / np.sqrt(spread))
    low, high = np.quantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def correlations(rows: pl.DataFrame, level: float = 0.95) -> pl.DataFrame:
    """Pearson's r of 0/1 correctness with the six properties, per task and model.

    Args:
        rows: Answers with `model`, `task`, `word`, `correct` and the properties of
            `item_properties` and `token_properties`; `weight` is used where it is there.
        level: Of the intervals: Fisher's z, or a bootstrap over words where words repeat.

    Returns:
        `model`, `task`, `property`, `tokens` (`in prompt` or `bare word` for token properties,
        else null), `r`, `ci_low`, `ci_high`, `p`, `n`. r is null where a side is constant, and
        then so are the rest. The rows of the model `(mean of models)` are the unweighted mean of
        the models' r, as the paper averages; they have no interval.
    """
    found: list[dict[str, Any]] = []
    for (model, task), part in rows.group_by("model", "task", maintain_order=True):
        y = part["correct"].to_numpy().astype(float)
        w = part["weight"].to_numpy().astype(float) if "weight" in part.columns else None
        size = len(y) if w is None else float(w.sum() ** 2 / (w**2).sum())
        words = part["word"].to_physical() if part["word"].n_unique() < part.height else None
        labels = None if words is None else words.rank("dense").to_numpy()
        for name in PAPER_PROPERTIES:
            kinds = (("in prompt", name), ("bare word", f"{name}_bare"))
            for kind, column in kinds if name in TOKEN_PROPERTIES else ((None, name),):
                if column not in part.columns or part[column].null_count() == part.height:
                    continue
                x = part[column].to_numpy().astype(float)
                row: dict[str, Any] = {
                    "model": model, "task": task, "property": name, "tokens": kind, "n": len(y),
                    "r": pearson(x, y, w), "ci_low": None, "ci_high": None, "p": None,
                }  # fmt: skip
                if row["r"] is not None:
                    row["ci_low"], row["ci_high"] = (
                        fisher_interval(row["r"], size, level)
                        if labels is None
                        else bootstrap_interval(x, y, labels, level)
                    )
                    row["p"] = _p(row["r"], size)
                found.append(row)
    table = pl.DataFrame(found, schema=SCHEMA)
    means = table.group_by("task", "property", "tokens", maintain_order=True).agg(
        pl.col("r").mean(), pl.col("n").sum()
    )
    means = means.with_columns(
        model=pl.lit(MEAN),
        **{c: pl.lit(None, pl.Float64) for c in ("ci_low", "ci_high", "p")},
    )
    return pl.concat([table, means.select(*SCHEMA)])


def _p(r: float, n: float) -> float | None:
    from workbench.character_tasks.analysis.adjusted import normal_p

    return normal_p(float(np.arctanh(r)) * float(np.sqrt(n - 3))) if n > 3 and abs(r) < 1 else None
