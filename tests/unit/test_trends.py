import numpy as np
import pytest
from scipy import stats

from sentscale.draws import Draws
from sentscale.lines import EncoderName
from sentscale.trends import (
    CURVE_COLUMNS,
    TREND_COLUMNS,
    chosen_form,
    error_left_out,
    fit,
    simulated_fits,
    trends,
)

X = np.array([8.1, 8.5, 9.1, 9.4, 9.8, 10.1, 10.5, 10.8])  # log10 parameters
Y = np.array([67.0, 65.0, 73.2, 69.3, 72.1, 71.9, 72.4, 68.8])  # the paper's averages, about


def law(x, limit, drop, exponent):
    return limit - drop * 10 ** (-exponent * x)


def test_a_line_is_numpys():
    found = fit(X, np.stack([Y, 2 * Y]), "linear")
    slope, intercept = np.polyfit(X, Y, 1)
    assert found.slope == pytest.approx([slope, 2 * slope])
    grid = np.array([8.0, 9.0, 11.0])
    assert found.at(grid)[0] == pytest.approx(intercept + slope * grid)
    residuals = Y - intercept - slope * X
    assert found.spread[0] == pytest.approx(np.sqrt((residuals**2).sum() / 6))
    assert found.freedom == 6


def test_a_saturating_law_is_found():
    exact = law(X, 80, 6e6, 0.7)
    found = fit(X, exact[None], "saturating")
    assert found.exponent[0] == pytest.approx(0.7)
    assert found.spread[0] == pytest.approx(0, abs=1e-6)
    assert found.freedom == 5
    assert found.at(np.array([8.3, 10.0]))[0] == pytest.approx(
        law(np.array([8.3, 10.0]), 80, 6e6, 0.7)
    )


def test_a_saturating_law_is_no_worse_than_scipys():
    from scipy.optimize import curve_fit

    y = law(X, 80, 6e6, 0.7) + np.array([0.5, -0.3, 0.2, -0.6, 0.4, 0.1, -0.5, 0.2])
    told, _ = curve_fit(
        lambda x, limit, drop, exponent: limit - drop * 10 ** (-exponent * (x - 9)),
        X,
        y,
        p0=[80, 5, 0.7],
    )
    best = ((y - (told[0] - told[1] * 10 ** (-told[2] * (X - 9)))) ** 2).sum()
    found = fit(X, y[None], "saturating")
    assert found.exponent[0] == pytest.approx(told[2], abs=0.03)  # of a grid in steps of 0.05
    assert found.spread[0] ** 2 * 5 == pytest.approx(best, rel=0.01)


def test_sizes_between_the_ends_are_left_out_in_turn():
    # Through (0, 0) and (2, 4): 2 at 1, where it is 5. Only the middle one lies between others.
    assert error_left_out(np.array([0.0, 1, 2]), np.array([0.0, 5, 4]), "linear") == (
        pytest.approx(3)
    )
    # Without (1, 1), the line of (0, 0) (2, 2) (3, 9) has slope 38/14 and is 13/7 at 1: 6/7 off.
    # Without (2, 2), that of (0, 0) (1, 1) (3, 9) has slope 44/14 and is 38/7 at 2: 24/7 off.
    found = error_left_out(np.arange(4.0), np.array([0.0, 1, 2, 9]), "linear")
    assert found == pytest.approx(np.sqrt((6**2 + 24**2) / 7**2 / 2))


def test_the_form_is_the_one_that_tells_sizes_best():
    assert chosen_form(X, 3 * X + 40) == "linear"
    assert chosen_form(X, law(X, 80, 6e6, 0.7)) == "saturating"
    # Three numbers through four sizes leave nothing to be tested on.
    assert chosen_form(X[:4], law(X[:4], 80, 6e6, 0.7)) == "linear"
    twice = np.repeat(X[:4], 2)
    assert chosen_form(twice, law(twice, 80, 6e6, 0.7)) == "linear"


def test_the_papers_icl_averages_saturate_and_those_without_do_not():
    sizes = np.array([0.125, 0.331, 1.32, 2.65, 6.66, 12.9, 30.0, 65.7])
    icl = np.array([67.46, 69.02, 77.52, 78.18, 79.08, 79.04, 78.94, 78.19])
    eol = np.array([67.00, 65.03, 73.18, 69.30, 72.10, 71.86, 72.43, 68.84])
    assert chosen_form(np.log10(sizes), icl) == "saturating"
    assert chosen_form(np.log10(sizes), eol) == "linear"


def test_without_noise_of_the_pairs_the_band_is_the_t_distributions():
    found = simulated_fits(X, Y, np.tile(Y, (20_000, 1)), "linear", 1)
    line = stats.linregress(X, Y)
    half = stats.t.ppf(0.975, 6) * line.stderr
    expected = line.slope - half, line.slope + half
    assert np.percentile(found.slope, [2.5, 97.5]) == pytest.approx(expected, abs=0.05 * half)
    # At the mean of the sizes: s / sqrt(n).
    spread = np.sqrt(((Y - line.intercept - line.slope * X) ** 2).sum() / 6)
    half = stats.t.ppf(0.975, 6) * spread / np.sqrt(8)
    at = np.percentile(found.at(np.array([X.mean()])), [2.5, 97.5])
    assert at == pytest.approx((Y.mean() - half, Y.mean() + half), abs=0.05 * half)


def test_without_scatter_of_the_models_it_is_the_pairs():
    # Each resample is a line of its own, without anything about it.
    slopes = np.linspace(1, 2, 101)
    resampled = 50 + slopes[:, None] * (X - 9)
    found = simulated_fits(X, resampled[50], resampled, "linear", 1)
    assert found.slope == pytest.approx(slopes)


def test_noise_of_the_pairs_counts_once():
    # Models scatter about their line by 1, pairs shake each by 1 more, resamples by 1 again. Least
    # squares sees the first two together, and its interval is right for them.
    rng = np.random.default_rng(1)
    ours, theirs = [], []
    for _ in range(200):
        scores = 60 + 3 * X + rng.normal(size=8) + rng.normal(size=8)
        resampled = scores + rng.normal(size=(500, 8))
        found = simulated_fits(X, scores, resampled, "linear", 1)
        ours.append(np.diff(np.percentile(found.slope, [2.5, 97.5]))[0])
        theirs.append(2 * stats.t.ppf(0.975, 6) * stats.linregress(X, scores).stderr)
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.06)


def draws(models, points, resampled):
    encoders = [EncoderName(model, "fp32", "eol", "") for model in models]
    bootstrap = {"resamples": 50, "confidence": 0.95, "seed": 1}
    return Draws(encoders, ["T", "Avg."], points, resampled, bootstrap)


def test_a_table_and_a_curve_for_each_line():
    # The last column is fitted: 3 points per tenfold, on every resample.
    parameters = {"s": 10**8, "m": 10**9, "l": 10**10, "x": 10**9, "y": 10**10}
    families = dict.fromkeys("sml", "F") | dict.fromkeys("xy", "G")
    score = np.array([60.0, 63, 66, 10, 20])
    points = np.stack([np.zeros(5), score])
    shift = np.linspace(-1, 1, 50)  # of all scores alike: the band moves, the slope stays
    resampled = points[:, :, None] + shift
    table, curve = trends(draws("smlxy", points, resampled), families, parameters)
    assert list(table.columns) == TREND_COLUMNS
    first, second = table.to_dict("records")
    assert (first["family"], first["sizes"], first["form"]) == ("F", 3, "linear")
    for name in ("per tenfold", "low", "high", "these models low", "these models high"):
        assert first[name] == pytest.approx(3)
    assert first["error"] == pytest.approx(0, abs=1e-9)
    assert second["form"] == "none: fewer than 3 sizes"
    assert second["sizes"] == 2
    assert np.isnan([second["per tenfold"], second["low"], second["error"]]).all()
    assert list(curve.columns) == CURVE_COLUMNS
    assert set(curve.family) == {"F"}
    assert len(curve) == 50
    ends = curve.iloc[[0, -1]]
    assert ends.parameters.tolist() == [1e8, 1e10]
    assert ends.fitted.tolist() == pytest.approx([60, 66])
    assert ends.low.tolist() == pytest.approx([60 - 0.95, 66 - 0.95], abs=0.01)
    assert ends.high.tolist() == pytest.approx([60 + 0.95, 66 + 0.95], abs=0.01)


def test_models_of_one_size_are_one_size():
    parameters = {"s": 10**8, "m": 10**9, "x": 10**9, "a": 10**9}
    points = np.array([[0.0, 1, 2, 3]] * 2)
    table, curve = trends(
        draws("smxa", points, points[:, :, None] * np.ones(50)),
        dict.fromkeys("smx", "F") | {"a": "alone, so no line"},
        parameters,
    )
    assert table[["family", "sizes"]].to_numpy().tolist() == [["F", 2]]
    assert curve.empty
