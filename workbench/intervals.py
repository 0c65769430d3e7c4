"""Intervals by resampling blocks of documents: one matrix product, never a pass per resample.

Valid for ratios and means alone. A type count, an entropy or an overlap depends on the size of the
sample itself, so its bootstrap interval can miss its own estimate; see `workbench.compare`.

Sources: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 (percentile) and 14
(BCa, equations 14.9 to 14.15); Holm 1979, Scandinavian Journal of Statistics 6(2).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from workbench.metrics._base import FloatArray

Method = Literal["bca", "percentile"]

FEWEST = 8
"""With fewer blocks than this no interval is given: it would be a guess."""


def resampling_weights(blocks: int, resamples: int, seed: int) -> FloatArray:
    """How often each block is drawn in each resample.

    Args:
        blocks: Number of blocks.
        resamples: Number of resamples.
        seed: The same seed gives the same draws.

    Returns:
        float64 (resamples, blocks); every row adds up to `blocks`.

    Example:
        >>> resampling_weights(3, 2, seed=7).sum(axis=1).tolist()
        [3.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples).astype(np.float64)


def _quantiles(values: FloatArray, at: FloatArray) -> FloatArray:
    """Quantiles along the last axis, each row at its own levels, NaN left out.

    Args:
        values: float64 (..., resamples).
        at: float64 (..., levels).

    Returns:
        float64 (..., levels).
    """
    ordered = np.sort(values, axis=-1)  # NaN goes last
    count = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    place = np.clip(at, 0, 1) * np.maximum(count - 1, 0)
    low = np.nan_to_num(np.floor(place)).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below = np.take_along_axis(ordered, low, axis=-1)
    above = np.take_along_axis(ordered, high, axis=-1)
    out: FloatArray = below + (above - below) * (place - low)
    return np.where(count > 0, out, np.nan)


def _mean(values: FloatArray) -> FloatArray:
    """Mean along the last axis, kept, NaN left out; NaN where nothing is left."""
    count = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    total = np.nansum(values, axis=-1, keepdims=True)
    out: FloatArray = np.full(count.shape, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out


def interval(
    point: FloatArray,
    resampled: FloatArray,
    left_out: FloatArray,
    level: float = 0.95,
    method: Method = "bca",
) -> tuple[FloatArray, FloatArray]:
    """The interval of each estimate.

    Args:
        point: float64 (...): the estimates.
        resampled: float64 (..., resamples): the same on resampled blocks.
        left_out: float64 (..., blocks): the same with one block left out each time.
        level: Confidence, such as 0.95.
        method: "bca" corrects for bias and skew; "percentile" does not.

    Returns:
        Lower and upper ends, float64 (...); NaN where there are too few blocks or no estimate.

    Raises:
        ValueError: If the method is unknown or the level is no share.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> x = rng.normal(5, 1, 100)
        >>> draws = resampling_weights(100, 2000, 1) @ x / 100
        >>> low, high = interval(x.mean(), draws, (x.sum() - x) / 99)
        >>> bool(low < 5 < high)
        True
    """
    from scipy.special import ndtr, ndtri

    if method not in {"bca", "percentile"}:
        raise ValueError(f"method is 'bca' or 'percentile', not {method!r}")
    if not 0 < level < 1:
        raise ValueError(f"level is a share between 0 and 1, such as 0.95, not {level!r}")
    point = np.asarray(point, dtype=np.float64)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    at = np.broadcast_to(tails, (*point.shape, 2))
    if method == "bca":
        valid = ~np.isnan(resampled)
        count = valid.sum(axis=-1)
        below = (resampled < point[..., None]).sum(axis=-1)
        ties = (resampled == point[..., None]).sum(axis=-1)
        share = np.clip((below + ties / 2 + 0.5) / (count + 1), 1e-9, 1 - 1e-9)
        bias = ndtri(share)[..., None]
        centred = _mean(left_out) - left_out
        squares = np.nansum(np.square(centred), axis=-1)
        cubes = np.nansum(np.power(centred, 3), axis=-1)
        bend = np.divide(
            cubes, 6 * np.power(squares, 1.5), out=np.zeros_like(squares), where=squares > 0
        )[..., None]
        shifted = bias + ndtri(tails)
        at = ndtr(bias + shifted / (1 - bend * shifted))
    ends = _quantiles(resampled, at)
    few = left_out.shape[-1] < FEWEST
    keep = ~np.isnan(point) & (not few)
    return np.where(keep, ends[..., 0], np.nan), np.where(keep, ends[..., 1], np.nan)


def paired_p_value(difference: FloatArray, resampled: FloatArray, blocks: int) -> FloatArray:
    """Two-sided p-value of a difference whose spread the bootstrap gives.

    The difference over its bootstrap standard error is held against Student's t with `blocks` − 1
    degrees of freedom: counting resamples beyond zero cannot go below 2 / (resamples + 1), which a
    correction for many comparisons would then call nothing.

    Args:
        difference: float64 (...).
        resampled: float64 (..., resamples).
        blocks: How many blocks were resampled.

    Returns:
        float64 (...); 1 where there is neither difference nor spread, NaN where there is no
        difference to test or too few blocks.
    """
    from scipy.special import stdtr

    if blocks < FEWEST:
        return np.full(np.shape(difference), np.nan)
    count = (~np.isnan(resampled)).sum(axis=-1)
    mean = np.divide(
        np.nansum(resampled, axis=-1), count, where=count > 0, out=np.zeros(count.shape)
    )
    spread = np.sqrt(
        np.divide(
            np.nansum(np.square(resampled - mean[..., None]), axis=-1),
            count - 1,
            where=count > 1,
            out=np.zeros(count.shape),
        )
    )
    size = np.abs(difference)
    # Two sums that are equal block by block differ by rounding alone.
    nothing = size <= 1e-12 * np.maximum(1.0, np.abs(mean))
    ratio = np.divide(size, spread, where=spread > 0, out=np.full(np.shape(size), np.inf))
    p = 2 * stdtr(blocks - 1, -ratio)
    return np.where(np.isnan(difference), np.nan, np.where(nothing, 1.0, p))


def holm(p_values: FloatArray) -> FloatArray:
    """Holm's correction for many comparisons.

    Args:
        p_values: float64 (n,); NaN is left out of the family.

    Returns:
        Adjusted p-values, float64 (n,).

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    out = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * factors))
    return out
