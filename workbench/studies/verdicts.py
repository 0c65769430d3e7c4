"""Verdicts and their intervals: what every study hands to its notebook and to the README.

Two kinds of repetition occur in the studies, and each has its interval. Independent runs of a
simulation (seeds) are few and exchangeable: a Student t interval of their mean. Documents of a
corpus are the unit of a ratio (characters per token): a percentile bootstrap that resamples
documents, the same ones for every tokenizer, so that differences are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from workbench.intervals import FEWEST, resampling_weights

COLUMNS: dict[str, pl.DataType] = {
    "claim": pl.String(),
    "paper": pl.String(),
    "measure": pl.String(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "verdict": pl.String(),
}
"""The columns of a verdict; ``ci_low`` and ``ci_high`` are null where a number is exact."""


@dataclass(frozen=True)
class Estimate:
    """A number and its interval.

    Attributes:
        value: The point estimate, in the unit of the measure.
        low: Lower end of the interval; None where the number is exact or has no replication.
        high: Upper end, likewise.
        n: How many seeds or documents stand behind it.
    """

    value: float
    low: float | None
    high: float | None
    n: int

    def excludes(self, number: float) -> bool:
        """Whether the interval lies wholly on one side of ``number``.

        An exact value excludes every other number.

        >>> Estimate(1.2, 1.1, 1.3, 5).excludes(1.0)
        True
        """
        if self.low is None or self.high is None:
            return self.value != number
        return self.low > number or self.high < number

    def side(self, number: float, below: str, above: str, neither: str = "not shown") -> str:
        """Which of three things to say: it lies below a number, above it, or that is not shown.

        Without an interval nothing is shown.

        >>> Estimate(1.2, 1.1, 1.3, 5).side(1, below="loses", above="wins")
        'wins'
        """
        if self.low is None or not self.excludes(number):
            return neither
        return below if self.value < number else above

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3g}"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def judged(
    estimate: Estimate,
    number: float,
    below: str,
    above: str,
    neither: str = "not shown",
    *,
    of: str = "documents",
) -> str:
    """As :meth:`Estimate.side`, unless too few units stand behind the number.

    They are too few below :data:`workbench.intervals.FEWEST`.

    >>> judged(Estimate(1.2, 1.1, 1.3, 4), 1, below="loses", above="wins")
    'too few documents to tell'
    """
    if estimate.n < FEWEST:
        return f"too few {of} to tell"
    return estimate.side(number, below, above, neither)


def in_columns(found: Estimate | None, value: str, low: str, high: str) -> dict[str, float | None]:
    """An estimate as three columns of a table, null where there is none.

    >>> in_columns(None, "gain", "gain_low", "gain_high")
    {'gain': None, 'gain_low': None, 'gain_high': None}
    """
    ends = (None, None, None) if found is None else (found.value, found.low, found.high)
    return dict(zip((value, low, high), ends, strict=True))


def mean_over_seeds(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """The mean of independent runs and its Student t interval.

    Args:
        values: One number per seed, shape ``(seeds,)``.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        The estimate; without an interval where there is one run only.

    Raises:
        ValueError: When there is no run, a value is not finite, or ``confidence`` is no share.

    >>> str(mean_over_seeds([1.0, 2.0, 3.0]))
    '2 [-0.484, 4.48]'
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size == 0:
        raise ValueError("No runs to average: give at least one seed.")
    if not np.isfinite(data).all():
        raise ValueError(f"Runs to average must be finite numbers, got {data.tolist()}.")
    _check_confidence(confidence)
    mean = float(data.mean())
    if data.size == 1:
        return Estimate(mean, None, None, 1)
    from scipy.special import stdtrit

    half = float(stdtrit(data.size - 1, 0.5 + confidence / 2)) * float(
        data.std(ddof=1) / math.sqrt(data.size)
    )
    return Estimate(mean, mean - half, mean + half, int(data.size))


def summary_over_seeds(table: pl.DataFrame, by: Sequence[str], value: str) -> pl.DataFrame:
    """Means of independent runs, group by group.

    Args:
        table: One row per group and run, with a column ``seed``.
        by: Columns that make a group.
        value: The column to average.

    Returns:
        The columns of ``by`` in the order of the table, the mean under the name of ``value``,
        ``ci_low``, ``ci_high`` (null for one run) and ``seeds``.

    Raises:
        ValueError: As :func:`mean_over_seeds`.

    >>> runs = pl.DataFrame({"arm": ["a", "a"], "seed": [0, 1], "share": [0.4, 0.6]})
    >>> summary_over_seeds(runs, ["arm"], "share").select("arm", "share", "seeds").row(0)
    ('a', 0.5, 2)
    """
    rows = []
    for key, part in table.group_by(by, maintain_order=True):
        found = mean_over_seeds(part.sort("seed")[value].to_numpy())
        rows.append(
            dict(zip(by, key, strict=True))
            | {value: found.value, "ci_low": found.low, "ci_high": found.high, "seeds": found.n}
        )
    kinds = dict.fromkeys((value, "ci_low", "ci_high"), pl.Float64)
    return pl.DataFrame(rows, schema_overrides=kinds)


def function_of_sums(
    value: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    units: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate | None:
    """A function of sums over independent units, with a percentile bootstrap over the units.

    Args:
        value: From sums, shape ``(..., *unit)``, to numbers, shape ``(...)``.
        units: What is summed, shape ``(units, *unit)``: counts of documents, words, stems.
        seed: Of the resampling; the same seed draws the same units, so differences are paired.
        resamples: How many.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        The estimate; without an interval for fewer than eight units, whose resamples are too few
        to tell 95% (:data:`workbench.intervals.FEWEST`); None where it is not
        defined, as without a unit.

    Raises:
        ValueError: When there is no resample, or ``confidence`` is no share.

    >>> str(function_of_sums(lambda sums: sums[..., 0] / sums[..., 1], [[1, 2], [3, 2]] * 8))
    '1 [0.75, 1.25]'
    """
    data = np.asarray(units, dtype=np.float64)
    if resamples < 1:
        raise ValueError(f"A bootstrap draws at least once, not {resamples} times.")
    _check_confidence(confidence)
    if not len(data):
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        point = float(value(data.sum(axis=0)))
        if not np.isfinite(point):
            return None
        if len(data) < FEWEST:
            return Estimate(point, None, None, len(data))
        weights = resampling_weights(len(data), resamples, seed)
        sums = weights @ data.reshape(len(data), -1)
        drawn = value(sums.reshape(resamples, *data.shape[1:]))
    drawn = np.where(np.isfinite(drawn), drawn, np.nan)  # a resample may have nothing to divide by
    low, high = np.nanquantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(point, float(low), float(high), len(data))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"The coverage of an interval lies in (0, 1), not at {confidence}.")


def _ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sums[..., 0] / sums[..., 1])


def ratio_over_documents(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """A pooled ratio Σ numerator / Σ denominator with a percentile bootstrap over documents.

    Args:
        numerators: One number per document, shape ``(documents,)``.
        denominators: The same shape; the sum must not be zero.
        seed: Of the resampling.
        resamples: How many.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        The estimate; without an interval for fewer than eight documents.

    Raises:
        ValueError: When the two differ in length, are empty, or the denominators sum to zero.

    >>> ratio_over_documents([10, 20], [5, 5]).value
    3.0
    """
    top = np.asarray(numerators, dtype=np.float64)
    bottom = np.asarray(denominators, dtype=np.float64)
    if top.shape != bottom.shape or top.size == 0:
        raise ValueError(
            f"A ratio needs one numerator and one denominator per document, got {top.shape} "
            f"and {bottom.shape}."
        )
    if bottom.sum() == 0:
        raise ValueError("The denominators sum to zero: no document has a unit to divide by.")
    found = function_of_sums(
        _ratio,
        np.stack([top, bottom], axis=1),
        seed=seed,
        resamples=resamples,
        confidence=confidence,
    )
    return _defined(found)


def ratio_difference(
    left: tuple[ArrayLike, ArrayLike],
    right: tuple[ArrayLike, ArrayLike],
    *,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Estimate:
    """The paired difference of two pooled ratios over the same documents.

    Args:
        left: Numerators and denominators, each of shape ``(documents,)``.
        right: The same documents in the same order.
        seed: Of the resampling; both sides see the same resamples.
        resamples: How many.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        left − right, with its percentile interval.

    Raises:
        ValueError: As :func:`ratio_over_documents`, or when the sides differ in length.

    >>> ratio_difference(([4, 4], [2, 2]), ([4, 4], [4, 4])).value
    1.0
    """
    a, b, c, d = (np.asarray(x, dtype=np.float64) for x in (*left, *right))
    if not a.shape == b.shape == c.shape == d.shape or a.size == 0:
        raise ValueError("Paired ratios need the same documents on both sides, one number each.")
    found = function_of_sums(
        lambda sums: _ratio(sums[..., :2]) - _ratio(sums[..., 2:]),
        np.stack([a, b, c, d], axis=1),
        seed=seed,
        resamples=resamples,
        confidence=confidence,
    )
    return _defined(found)


def _defined(found: Estimate | None) -> Estimate:
    if found is None:
        raise ValueError("Numbers of documents must be finite, and denominators not all zero.")
    return found


def verdict_row(
    claim: str, paper: str, measure: str, estimate: Estimate | float | None, verdict: str
) -> dict[str, Any]:
    """One row of a verdict.

    Args:
        claim: What the paper says, in a sentence.
        paper: Authors and year.
        measure: What was measured here, with its unit.
        estimate: The number; a bare float counts as exact, None says that there is none.
        verdict: What follows, whichever way it falls.

    >>> verdict_row("c", "p", "m", 0.6, "holds")["value"]
    0.6
    """
    if isinstance(estimate, float | int):
        estimate = Estimate(float(estimate), None, None, 1)
    return {
        "claim": claim,
        "paper": paper,
        "measure": measure,
        **in_columns(estimate, "value", "ci_low", "ci_high"),
        "verdict": verdict,
    }


def verdict_frame(rows: Iterable[Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The rows of a verdict as a frame with :data:`COLUMNS`.

    >>> verdict_frame([verdict_row("c", "p", "m", 1.0, "holds")]).columns[:2]
    ['claim', 'paper']
    """
    return pl.DataFrame([dict(row) for row in rows], schema=COLUMNS)
