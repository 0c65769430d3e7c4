"""Logistic regression for many rows: Newton's method, robust errors, marginal effects, splines.

Written on NumPy because a study fits hundreds of models on tens of thousands of rows; statsmodels
is the reference that the tests hold it to.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted logistic regression.

    Attributes:
        beta: Coefficients in log-odds, shape `(columns,)`.
        covariance: Of the coefficients, shape `(columns, columns)`: from the information matrix,
            or the sandwich where weights or clusters were given.
        probability: Fitted probabilities, shape `(rows,)`.
        converged: False where the optimum lies at infinity (perfect separation) or Newton's
            method did not settle; the numbers are then no estimates.
        clusters: Clusters that the covariance allows for; 0 where each row stands alone.
    """

    beta: Floats
    covariance: Floats
    probability: Floats
    converged: bool
    clusters: int


def fit_logistic(
    x: Floats,
    y: Floats,
    *,
    weights: Floats | None = None,
    clusters: Ints | None = None,
    start: Floats | None = None,
    covariance: bool = True,
    iterations: int = 30,
) -> Fit:
    """Maximum likelihood by Newton's method with halved steps.

    Args:
        x: Design with its intercept, shape `(rows, columns)`, of full rank.
        y: 0 or 1, shape `(rows,)`.
        weights: Sampling weights; the errors are then robust (pseudo-likelihood).
        clusters: Integer labels; the errors then allow for any dependence within a label
            (Liang and Zeger, 1986; small-sample factor as statsmodels: G/(G-1) · (n-1)/(n-k)).
        start: Coefficients to start from.
        covariance: False leaves the covariance at zeros, for fits that only predict.
        iterations: Newton steps at most.

    Returns:
        The fit.

    Example:
        >>> x = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1], [1, 1], [1, 0]])
        >>> fit = fit_logistic(x, np.array([0.0, 1, 1, 1, 0, 0]))
        >>> fit.beta.round(3).tolist()
        [-0.693, 1.386]
    """
    rows, columns = x.shape
    w = np.ones(rows) if weights is None else weights
    beta = np.zeros(columns) if start is None else start.copy()
    eta = x @ beta
    value, p = _evaluate(eta, y, w)
    converged = False
    for _ in range(iterations):
        gradient = x.T @ (w * (y - p))
        information = (x * (w * p * (1 - p))[:, None]).T @ x
        step = _solve(information, gradient)
        along, size = x @ step, 1.0
        for _ in range(12):
            trial = eta + size * along
            better, p = _evaluate(trial, y, w)
            if better >= value - 1e-9 * abs(value):
                break
            size /= 2
        beta, eta, gain, value = beta + size * step, trial, better - value, better
        tolerance = 1e-9 * (abs(value) + 1)
        # The expected gain of a further step is a quarter of a billionth of the likelihood.
        if abs(gain) < tolerance or abs(float(gradient @ step)) < tolerance:
            converged = True
            break
    # A coefficient on its way to infinity: fitted log-odds far out, curvature gone.
    converged = converged and bool(np.abs(beta).max(initial=0.0) < 50)
    if not covariance:
        return Fit(beta, np.zeros((columns, columns)), p, converged, 0)
    information = (x * (w * p * (1 - p))[:, None]).T @ x
    bread: Floats = np.asarray(np.linalg.pinv(information, hermitian=True), dtype=np.float64)
    if clusters is None and weights is None:
        return Fit(beta, bread, p, converged, 0)
    scores = x * (w * (y - p))[:, None]
    if clusters is None:
        meat, factor, groups = scores.T @ scores, rows / (rows - columns), 0
    else:
        labels, inverse = np.unique(clusters, return_inverse=True)
        groups = len(labels)
        summed = np.zeros((groups, columns))
        for k in range(columns):
            summed[:, k] = np.bincount(inverse, scores[:, k], groups)
        meat = summed.T @ summed
        factor = groups / max(groups - 1, 1) * (rows - 1) / (rows - columns)
    robust: Floats = np.asarray(factor * bread @ meat @ bread, dtype=np.float64)
    return Fit(beta, robust, p, converged, groups)


def _solve(matrix: Floats, vector: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.solve(matrix, vector))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(matrix, vector, rcond=None)[0])


def _evaluate(eta: Floats, y: Floats, w: Floats) -> tuple[float, Floats]:
    """The log-likelihood and the probabilities, from one exponential."""
    small = np.exp(-np.abs(eta))
    value = float(w @ (y * eta - np.maximum(eta, 0) - np.log1p(small)))
    return value, np.asarray(np.where(eta >= 0, 1.0, small) / (1.0 + small))


def log_loss(x: Floats, beta: Floats, y: Floats) -> Floats:
    """Minus the log-likelihood of each row, in nats, shape `(rows,)`."""
    eta = x @ beta
    return np.asarray(np.logaddexp(0.0, eta) - y * eta)


def marginal_effect(
    fit: Fit, x: Floats, column: int, weights: Floats | None = None
) -> tuple[float, float]:
    """Average marginal effect of a column and its standard error, in points of accuracy per unit.

    The mean over the rows of the derivative of the probability, times 100; the error by the delta
    method (as statsmodels' `get_margeff(at="overall")`).
    """
    p = fit.probability
    w = np.full(len(p), 1 / len(p)) if weights is None else weights / weights.sum()
    slope = p * (1 - p)
    mean = float(w @ slope)
    gradient = fit.beta[column] * (x.T @ (w * slope * (1 - 2 * p)))
    gradient[column] += mean
    variance = float(gradient @ fit.covariance @ gradient)
    return 100 * float(fit.beta[column]) * mean, 100 * float(np.sqrt(max(variance, 0.0)))


def variance_inflation(x: Floats, column: int) -> float:
    """1 / (1 - R²) of one column on the others; infinite where they determine it.

    Example:
        >>> x = np.array([[1.0, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]])
        >>> round(variance_inflation(x, 2), 6)
        1.0
    """
    target = x[:, column]
    others = np.delete(x, column, axis=1)
    gram = others.T @ others
    fitted = others @ np.linalg.lstsq(gram, others.T @ target, rcond=None)[0]
    total = float(((target - target.mean()) ** 2).sum())
    left = float(((target - fitted) ** 2).sum())
    if total == 0.0:
        return float("nan")
    return float("inf") if left <= 1e-10 * total else total / left


def spline_basis(values: Floats, df: int = 4) -> Floats:
    """A cubic B-spline basis without its first column, shape `(rows, up to df)`.

    Inner knots stand at quantiles of the distinct values, so that a value that most rows share
    does not draw all knots to itself. With `df` + 1 distinct values or fewer each value gets an
    indicator of its own, which is as smooth as they can be. A constant gives no column.

    Args:
        values: Finite numbers, shape `(rows,)`.
        df: Columns wanted, 3 or more (Eilers and Marx, 1996, for the basis).
    """
    from scipy.interpolate import BSpline

    distinct, inverse = np.unique(values, return_inverse=True)
    if len(distinct) <= df + 1:
        return np.asarray(np.eye(len(distinct))[inverse][:, 1:])
    inner = np.quantile(distinct, np.linspace(0, 1, df - 1)[1:-1]) if df > 3 else np.array([])
    low, high = distinct[0], distinct[-1]
    knots = np.concatenate([[low] * 4, inner, [high] * 4])
    basis = BSpline.design_matrix(distinct, knots, 3).toarray()
    return np.asarray(basis[inverse][:, 1:])


def pool_tail(values: Floats, fewest: int = 25) -> Floats:
    """Values with the sparse ends drawn in, until each end has `fewest` rows at least.

    A gold answer of 7 that three words have would otherwise have a coefficient of its own.
    """
    if len(values) <= 2 * fewest:
        return values
    ordered = np.sort(values)
    return np.clip(values, ordered[fewest - 1], ordered[-fewest])


def full_rank(x: Floats) -> Ints:
    """The columns to keep so that none is a combination of those before it.

    Works on the matrix of products, column by column (pivoted Cholesky without exchanges); a
    column counts as a combination where less than 1e-9 of its square is left.
    """
    scale = np.sqrt((x**2).sum(axis=0))
    gram = (x.T @ x) / np.outer(np.where(scale > 0, scale, 1), np.where(scale > 0, scale, 1))
    kept: list[int] = []
    for k in range(x.shape[1]):
        if scale[k] == 0:
            continue
        cross = gram[np.ix_(kept, [k])]
        left = gram[k, k]
        if kept:
            solved = np.linalg.solve(gram[np.ix_(kept, kept)], cross)
            left = left - (cross.T @ solved)[0, 0]
        if left > 1e-9:
            kept.append(k)
    return np.array(kept, dtype=np.int64)


def regress(z: Floats, target: Floats) -> Floats:
    """Fitted values of a least squares regression, shape `(rows,)`; `z` of full rank."""
    return np.asarray(z @ np.linalg.solve(z.T @ z, z.T @ target))


def z_interval(estimate: float, error: float, level: float) -> tuple[float, float]:
    """Estimate plus and minus the normal quantile times its error."""
    from scipy.special import ndtri

    z: Any = ndtri(0.5 + level / 2)
    return estimate - float(z) * error, estimate + float(z) * error
