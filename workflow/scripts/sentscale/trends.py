"""How a score goes with the size of a model: a line or a saturating law, and how sure it is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sentscale.draws import Draws
from sentscale.lines import size_lines

Floats = NDArray[np.float64]

LEAST_SIZES = 3
# Below it, a law of three numbers has no size left over to be tested on.
LEAST_SIZES_SATURATING = 5
# Exponents of the saturating law: from nearly a line to flat after half a decade.
EXPONENTS = np.arange(0.05, 2.01, 0.05)
FORMS = {"linear": np.zeros(1), "saturating": EXPONENTS}
CURVE_COLUMNS = [
    "family", "representation", "precision", "adapter", "form", "parameters", "fitted", "low",
    "high",
]  # fmt: skip
TREND_COLUMNS = [
    "family", "representation", "precision", "adapter", "sizes", "form", "per tenfold", "low",
    "high", "these models low", "these models high", "error",
]  # fmt: skip
# Sizes at which a curve is told.
POINTS = 50


@dataclass(frozen=True)
class Fit:
    """Laws of one form, fitted to `r` versions of the scores.

    score = intercept + slope * g(log10 parameters - centre), where g(u) = u for exponent 0,
    else (1 - 10^(-exponent u)) / (exponent ln 10): a power law that tends to a limit. It
    is the line for small exponents, so the line is the simplest of one family of laws.

    Attributes:
        centre: Mean of log10 parameters.
        exponent, intercept, slope: Shape `(r,)`.
        spread: Standard deviation of the scores about the law, shape `(r,)`.
        freedom: Degrees of freedom of that.
    """

    centre: float
    exponent: Floats
    intercept: Floats
    slope: Floats
    spread: Floats
    freedom: int

    def at(self, log_parameters: Floats) -> Floats:
        """Scores of the laws, shape `(r, g)`."""
        bent = _bend(log_parameters - self.centre, self.exponent[:, None])
        return self.intercept[:, None] + self.slope[:, None] * bent


def _bend(u: Floats, exponent: Floats) -> Floats:
    rate = exponent * np.log(10)
    straight = np.broadcast_to(u, np.broadcast_shapes(u.shape, rate.shape))
    return np.divide(-np.expm1(-rate * u), rate, out=straight.copy(), where=rate != 0)


def fit(log_parameters: Floats, scores: Floats, form: str) -> Fit:
    """Least squares, the exponent by trying all of them.

    Args:
        log_parameters: log10 of each size, shape `(n,)`.
        scores: Versions of the scores, shape `(r, n)`.
        form: Of `FORMS`.
    """
    exponents, centre = FORMS[form], log_parameters.mean()
    bent = _bend(log_parameters - centre, exponents[:, None])  # (b, n)
    centred = bent - bent.mean(axis=1, keepdims=True)
    off = scores - scores.mean(axis=1, keepdims=True)
    slopes = off @ centred.T / (centred**2).sum(axis=1)  # (r, b)
    squares = (off**2).sum(axis=1, keepdims=True) - slopes**2 * (centred**2).sum(axis=1)
    best = squares.argmin(axis=1)
    version = np.arange(len(scores))
    slope = slopes[version, best]
    freedom = len(log_parameters) - 2 - (len(exponents) > 1)
    left = np.maximum(squares[version, best], 0)
    return Fit(
        centre,
        exponents[best],
        scores.mean(axis=1) - slope * bent.mean(axis=1)[best],
        slope,
        np.sqrt(left / max(freedom, 1)),
        freedom,
    )


def error_left_out(log_parameters: Floats, scores: Floats, form: str) -> float:
    """How far the law misses a size that it was fitted without, root mean square.

    Sizes between the smallest and the largest are left out in turn: a curve is drawn
    between these two only, so that what it says beyond them does not count.

    Args:
        log_parameters: Shape `(n,)`.
        scores: Shape `(n,)`.
        form: Of `FORMS`.
    """
    low, high = log_parameters.min(), log_parameters.max()
    missed = []
    for size in np.flatnonzero((low < log_parameters) & (log_parameters < high)):
        x, y = np.delete(log_parameters, size), np.delete(scores, size)
        missed.append(scores[size] - fit(x, y[None], form).at(log_parameters[[size]])[0, 0])
    return float(np.sqrt(np.mean(np.square(missed))))


def chosen_form(log_parameters: Floats, scores: Floats) -> str:
    """The form that tells a size best from the others; of equals the line."""
    if len(np.unique(log_parameters)) < LEAST_SIZES_SATURATING:
        return "linear"
    return min(FORMS, key=lambda form: error_left_out(log_parameters, scores, form))


def simulated_fits(
    log_parameters: Floats, scores: Floats, resampled: Floats, form: str, seed: int
) -> Fit:
    """Laws that other test pairs and other models of the family might have given.

    Each resample of the pairs gives a law; about it, models scatter as those of the run
    do. New scores are drawn from both, and fitted. What the pairs do to a score about the
    law is in the scatter of the run's models too, and is taken out of it. For a line and
    scores that no pair could change, this is the t distribution of least squares.

    Args:
        log_parameters: Shape `(n,)`.
        scores: Of each size, shape `(n,)`.
        resampled: Scores of each size on shared resamples, shape `(r, n)`.
        form: Of `FORMS`.
        seed: Of the scatter.
    """
    rng = np.random.default_rng(seed)
    point = fit(log_parameters, scores[None], form)
    of_pairs = np.mean(fit(log_parameters, resampled - scores, "linear").spread ** 2)
    # How large the scatter is, is itself known from few models only.
    variance = point.spread**2 * point.freedom / rng.chisquare(point.freedom, len(resampled))
    spread = np.sqrt(np.maximum(variance - of_pairs, 0))
    laws = fit(log_parameters, resampled, form).at(log_parameters)
    return fit(log_parameters, laws + spread[:, None] * rng.normal(size=resampled.shape), form)


def trends(
    draws: Draws, families: Mapping[str, str], parameters: Mapping[str, int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit each line of encoders.

    Args:
        draws: Of a suite; its last column is fitted.
        families: Of each model.
        parameters: Of each model.

    Returns:
        One row for each line, and its curve with a band. "per tenfold" is the rise from
        the smallest to the largest size, per factor of ten. `low` and `high` bound its
        interval over test pairs and models, "these models low" and "high" over test
        pairs only. "error" is `error_left_out`. Two sizes have no fit; one is no line.
    """
    rows: list[list[object]] = []
    curves: list[list[object]] = []
    for line in size_lines(draws.encoders, families, parameters):
        name = [line.family, line.representation, line.precision, line.adapter]
        sizes = np.array([parameters[one.model] for one in line.encoders])
        count = len(set(sizes))
        if count == 1:
            continue
        if count < LEAST_SIZES:
            rows.append([*name, count, f"none: fewer than {LEAST_SIZES} sizes", *[np.nan] * 6])
            continue
        members = [draws.encoders.index(one) for one in line.encoders]
        form, told, curve = _trend(draws, members, sizes)
        rows.append([*name, count, form, *told])
        curves += [[*name, form, *point] for point in curve]
    return pd.DataFrame(rows, columns=TREND_COLUMNS), pd.DataFrame(curves, columns=CURVE_COLUMNS)


def _trend(
    draws: Draws, members: list[int], sizes: NDArray[np.int64]
) -> tuple[str, list[float], list[tuple[float, ...]]]:
    """Form, numbers of the table and points of the curve of one line."""
    x, scores = np.log10(sizes), draws.points[-1, members]
    resampled = draws.resampled[-1, members].T  # (r, n)
    form = chosen_form(x, scores)
    ends = x[[0, -1]]

    def rise(fits: Fit) -> Floats:
        return np.diff(fits.at(ends), axis=1)[:, 0] / (ends[1] - ends[0])

    point = fit(x, scores[None], form)
    simulated = simulated_fits(x, scores, resampled, form, draws.bootstrap["seed"])
    told = [
        float(rise(point)[0]),
        *np.percentile(rise(simulated), draws.tails),
        *np.percentile(rise(fit(x, resampled, form)), draws.tails),
        error_left_out(x, scores, form),
    ]
    grid = np.linspace(*ends, POINTS)
    low, high = np.percentile(simulated.at(grid), draws.tails, axis=0)
    return form, told, list(zip(np.rint(10**grid), point.at(grid)[0], low, high, strict=True))
