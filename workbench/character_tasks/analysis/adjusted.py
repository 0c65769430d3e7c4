"""Is it the token, or the word? Effects of token properties with the word's own held fixed.

For each task and model, correctness (0/1) is regressed on smooth word length, smooth gold answer
(on index tasks the gold is the position), smooth log frequency, case, and **one** token property
at a time: number of tokens and characters a token are functions of each other given the length,
so that together neither could be told apart; the variance inflation says how far the controls
already determine the property. What remains is an association at equal controls, no cause.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from workbench.character_tasks.analysis.logistic import (
    Floats,
    Ints,
    fit_logistic,
    full_rank,
    log_loss,
    marginal_effect,
    pool_tail,
    regress,
    spline_basis,
    variance_inflation,
    z_interval,
)
from workbench.character_tasks.draw import Stream

RELIABILITIES = (1.0, 0.9, 0.8)


@dataclass(frozen=True, eq=False)
class Data:
    """One task and model as arrays of equal length.

    Attributes:
        y: Correct (1) or not (0).
        length: Word length in characters.
        gold: Gold answer; NaN throughout where it is no number.
        frequency: Log frequency; NaN throughout where there is none.
        case: Integer label of the word's case.
        absent: The frequency list lacks the word.
        clusters: Integer label of the word; None where no word repeats.
        weights: Sampling weights, or None.
        smooth_length: False gives each word length a level of its own.
    """

    y: Floats
    length: Floats
    gold: Floats
    frequency: Floats
    case: Ints
    absent: Floats
    clusters: Ints | None = None
    weights: Floats | None = None
    smooth_length: bool = True

    def controls(self) -> Floats:
        """The design without tokens: intercept first, full rank, shape `(rows, columns)`."""
        return Design(self).base


class Design:
    """The controls of a task's answers, built once for all models that answered the same items.

    Args:
        data: Any model's answers to the items.
    """

    def __init__(self, data: Data) -> None:
        n = len(data.y)
        parts = [np.ones((n, 1))]
        df = 4 if data.smooth_length else len(np.unique(data.length))
        parts.append(spline_basis(data.length, df))
        if np.isfinite(data.gold).all():
            parts.append(spline_basis(pool_tail(data.gold)))
        cases = [float(c) for c in np.unique(data.case)][1:]
        parts.extend((data.case == c).astype(float)[:, None] for c in cases)
        parts.append(data.absent[:, None])
        x = np.column_stack(parts)
        self._static: Floats = x[:, full_rank(x)]
        self._frequency = data.frequency
        self._moved: dict[tuple[int, float], Floats] = {}
        self.base: Floats = self._with(data.frequency)

    def _with(self, frequency: Floats) -> Floats:
        if not np.isfinite(frequency).all():
            return self._static
        x = np.column_stack([self._static, spline_basis(pool_tail(frequency))])
        return np.asarray(x[:, full_rank(x)])

    def at_reliability(self, token: Floats, reliability: float) -> Floats:
        """The controls with log frequency as `calibrated_frequency` has it."""
        if reliability >= 1.0:
            return self.base
        key = (hash(token.tobytes()), reliability)
        if key not in self._moved:
            self._moved[key] = self._with(
                calibrated_frequency(self._frequency, self._static, token, reliability)
            )
        return self._moved[key]


@dataclass(frozen=True)
class Effect:
    """A token property's effect at equal controls.

    Attributes:
        beta: Log-odds per unit; null where it cannot be estimated, as `note` says.
        beta_low: Lower end of its interval.
        beta_high: Upper end.
        points: Average marginal effect, points of accuracy per unit.
        points_low: Lower end.
        points_high: Upper end.
        p: Of the coefficient being 0, two-sided (Wald).
        vif: Variance inflation of the property by the controls.
        n: Answers.
        clusters: Words, where they repeat; else 0.
        note: Why there is no estimate, or empty.
    """

    beta: float | None
    beta_low: float | None
    beta_high: float | None
    points: float | None
    points_low: float | None
    points_high: float | None
    p: float | None
    vif: float | None
    n: int
    clusters: int
    note: str = ""


def adjusted_effect(
    data: Data,
    token: Floats,
    level: float = 0.95,
    controls: Floats | None = None,
    start: Floats | None = None,
) -> Effect:
    """The effect of one token property at equal word length, gold, frequency and case.

    Args:
        data: Answers and controls.
        token: The property, shape `(rows,)`, linear.
        level: Of the interval.
        controls: `data.controls()` where it is at hand.
        start: Coefficients of the controls to start from, which saves steps.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> n = 2000
        >>> length = rng.integers(4, 11, n).astype(float)
        >>> token = rng.integers(1, 5, n).astype(float)
        >>> y = (rng.random(n) < 1 / (1 + np.exp(0.5 * token))).astype(float)
        >>> none, zeros = np.full(n, np.nan), np.zeros(n)
        >>> effect = adjusted_effect(Data(y, length, none, none, zeros.astype(int), zeros), token)
        >>> effect.beta_low < -0.5 < effect.beta_high
        True
    """
    n = len(data.y)
    empty = (None,) * 8
    if n == 0 or data.y.min() == data.y.max():
        return Effect(*empty, n=n, clusters=0, note="all answers are right, or all are wrong")
    base = data.controls() if controls is None else controls
    if np.ptp(token) == 0:
        return Effect(*empty, n=n, clusters=0, note="the property does not vary")
    centre, scale = float(token.mean()), float(token.std())
    x = np.column_stack([base, (token - centre) / scale])
    vif = variance_inflation(x, x.shape[1] - 1)
    if not np.isfinite(vif) or vif > 1e6:
        note = "word length and the other controls determine the property"
        return Effect(*(None,) * 7, vif=None, n=n, clusters=0, note=note)
    if n < 10 * x.shape[1]:
        note = f"{n} answers are too few for {x.shape[1]} coefficients"
        return Effect(*(None,) * 7, vif=vif, n=n, clusters=0, note=note)
    begin = None if start is None or len(start) != x.shape[1] - 1 else np.append(start, 0.0)
    fit = fit_logistic(x, data.y, weights=data.weights, clusters=data.clusters, start=begin)
    if not fit.converged:
        note = "the controls separate right from wrong answers: no finite estimate"
        return Effect(*(None,) * 7, vif=vif, n=n, clusters=0, note=note)
    k = x.shape[1] - 1
    error = float(np.sqrt(fit.covariance[k, k])) / scale
    beta = float(fit.beta[k]) / scale
    points, points_error = marginal_effect(fit, x, k, data.weights)
    low, high = z_interval(beta, error, level)
    p_low, p_high = z_interval(points / scale, points_error / scale, level)
    return Effect(
        beta, low, high, points / scale, p_low, p_high, normal_p(beta / error), vif, n,
        fit.clusters,
    )  # fmt: skip


def marginal_only(data: Data, token: Floats, level: float = 0.95) -> Effect:
    """The same with no controls at all: what a correlation sees, in points of accuracy."""
    return adjusted_effect(data, token, level, controls=np.ones((len(data.y), 1)))


def normal_p(z: float) -> float:
    """Two-sided p of a standard normal number."""
    from scipy.special import log_ndtr

    return float(2 * np.exp(log_ndtr(-abs(z))))


def calibrated_frequency(
    frequency: Floats, others: Floats, token: Floats, reliability: float
) -> Floats:
    """Log frequency as it would be expected to be, were it measured with this reliability.

    Regression calibration (Carroll and others, 2006, ch. 4): the measured value is drawn towards
    what the other controls and the token property predict of it, by the share of its remaining
    variance that would be noise. Reliability is the true variance over the measured one.

    Args:
        frequency: As measured, shape `(rows,)`.
        others: The other controls, shape `(rows, columns)`.
        token: The token property, shape `(rows,)`.
        reliability: Above 0, at most 1.
    """
    z = np.column_stack([others, token])
    fitted = regress(z[:, full_rank(z)], frequency)
    residual = frequency - fitted
    noise = (1 - reliability) * float(frequency.var())
    left = float(residual.var())
    kept = max(left - noise, 0.0) / left if left > 0 else 1.0
    return np.asarray(fitted + kept * residual)


def frequency_sensitivity(
    data: Data,
    token: Floats,
    reliabilities: tuple[float, ...] = RELIABILITIES,
    *,
    design: Design | None = None,
    start: Floats | None = None,
) -> list[tuple[float, Effect]]:
    """The adjusted effect for several supposed reliabilities of the log frequency.

    A token property that goes with frequency picks up what a noisily measured frequency leaves
    (simulated: a true effect of zero is excluded in most runs at reliability 0.8). An effect that
    vanishes or changes its sign down this list is not shown by the data.
    """
    if not np.isfinite(data.frequency).all():
        return []
    used = design or Design(data)
    return [
        (r, adjusted_effect(data, token, controls=used.at_reliability(token, r), start=start))
        for r in reliabilities
    ]


@dataclass(frozen=True)
class LossGain:
    """Held-out log-loss that the token terms save, in thousandths of a nat per answer.

    Attributes:
        first: Beside nothing but a constant.
        first_low: Lower end of its interval.
        first_high: Upper end.
        last: Beside all controls.
        last_low: Lower end.
        last_high: Upper end.
        folds: Parts that the words were divided into.
    """

    first: float
    first_low: float
    first_high: float
    last: float
    last_low: float
    last_high: float
    folds: int


def held_out_gain(
    data: Data, tokens: Floats, level: float = 0.95, controls: Floats | None = None
) -> LossGain | None:
    """What token terms add to the prediction of answers to words that were not seen.

    Args:
        data: Answers and controls.
        tokens: The terms, shape `(rows, terms)`.
        controls: `data.controls()` where it is at hand.
        level: Of the intervals (normal, over the rows' differences, by word where words repeat).

    Returns:
        The gains when the terms enter first and last; None where an arm cannot be fitted. Five
        folds by word; two above 20,000 rows.
    """
    n = len(data.y)
    if n < 200 or data.y.min() == data.y.max():
        return None
    folds = 2 if n > 20_000 else 5
    labels = np.arange(n) if data.clusters is None else data.clusters
    groups, inverse = np.unique(labels, return_inverse=True)
    fold = Stream(7, "held out", n).below(folds, len(groups))[inverse]
    scaled = (tokens - tokens.mean(axis=0)) / np.where(np.ptp(tokens, axis=0) > 0, tokens.std(0), 1)
    one = np.ones((n, 1))
    base = data.controls() if controls is None else controls
    designs = {
        "none": one,
        "tokens": np.column_stack([one, scaled]),
        "controls": base,
        "both": np.column_stack([base, scaled]),
    }
    losses = {}
    for name, x in designs.items():
        columns = full_rank(x)
        design = x[:, columns]
        loss = np.zeros(n)
        start: Floats | None = None
        for k in range(folds):
            train, test = fold != k, fold == k
            fit = fit_logistic(
                design[train], data.y[train], start=start, covariance=False, iterations=15
            )
            if not np.isfinite(fit.beta).all() or np.abs(fit.beta).max() > 50:
                return None
            start = fit.beta
            loss[test] = log_loss(design[test], fit.beta, data.y[test])
        losses[name] = loss
    first = _mean_interval(losses["none"] - losses["tokens"], inverse, len(groups), level)
    last = _mean_interval(losses["controls"] - losses["both"], inverse, len(groups), level)
    return LossGain(*first, *last, folds)


def _mean_interval(
    values: Floats, inverse: Any, groups: int, level: float
) -> tuple[float, float, float]:
    mean = float(values.mean())
    centred = np.bincount(inverse, values - mean, groups)
    error = float(np.sqrt((centred**2).sum())) / len(values)
    low, high = z_interval(mean, error, level)
    return 1000 * mean, 1000 * low, 1000 * high


def as_row(effect: Effect) -> dict[str, Any]:
    """An effect as a row of a frame."""
    return {name: getattr(effect, name) for name in EFFECT_SCHEMA}


EFFECT_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(
        ("beta", "beta_low", "beta_high", "points", "points_low", "points_high", "p", "vif"),
        pl.Float64,
    ),
    "n": pl.Int64, "clusters": pl.Int64, "note": pl.String,
}  # fmt: skip
