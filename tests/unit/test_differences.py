from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sentscale.differences import (
    AGAINST,
    DIFFERENCE_COLUMNS,
    all_differences,
    compare,
    comparison_table,
)
from sentscale.draws import Draws
from sentscale.lines import EncoderName
from sentscale.questions import Catalogue
from sentscale.resampling import drawn_counts, spearman_draws
from sentscale.tables import ENCODER

BOOTSTRAP = {"resamples": 60, "confidence": 0.9, "seed": 5}


def names(*models):
    return [EncoderName(model, "fp32", "eol", "") for model in models]


def draws_of(points, resampled, models="abc"):
    """One task."""
    points, resampled = np.array(points, float), np.array(resampled, float)
    return Draws(names(*models[: len(points)]), ["T"], points[None], resampled[None], BOOTSTRAP)


def test_the_paired_bootstrap_is_the_literal_one():
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 6, 25).astype(float)
    noise = rng.normal(size=25)  # shared, so that pairing matters
    values = np.round(gold / 3 + noise + rng.normal(size=(2, 25)) / 3, 1)
    counts = drawn_counts(np.array(["s"] * 25), 60, np.random.default_rng(1))
    points = [100 * stats.spearmanr(row, gold).statistic for row in values]
    draws = draws_of(np.round(points, 2), 100 * spearman_draws(values, gold, counts))
    (row,) = all_differences(draws).to_dict("records")
    literal = []
    for times in counts:
        drawn = [pair for pair, often in enumerate(times) for _ in range(often)]
        first, second = (100 * stats.spearmanr(row[drawn], gold[drawn]).statistic for row in values)
        literal.append(first - second)
    difference = round(points[0], 2) - round(points[1], 2)
    assert row["difference"] == pytest.approx(difference, abs=1e-9)
    assert [row["low"], row["high"]] == pytest.approx(np.percentile(literal, [5, 95]))
    other_sign = [one for one in literal if one * difference < 0]
    assert row["reversed"] == pytest.approx(len(other_sign) / 60)
    # Each drawn alone, the two would scatter about twice as far.
    alone = drawn_counts(np.array(["s"] * 25), 60, np.random.default_rng(2))
    apart = spearman_draws(values[1:], gold, alone)[0] * 100
    unpaired = np.percentile(draws.resampled[0, 0] - apart, [5, 95])
    assert np.ptp(unpaired) > 1.3 * (row["high"] - row["low"])


def test_every_resample_of_three_samples():
    # a is right on samples 0 and 1, b on sample 2. Of 27 resamples, a leads in those with at
    # least two of {0, 1}: 8 + 3 * 4 = 20; b in the other 7.
    hits = np.array([[1, 1, 0], [0, 0, 1]])
    drawn = np.array(list(product(range(3), repeat=3)))
    resampled = 100 * hits[:, drawn].mean(axis=-1)
    (row,) = all_differences(draws_of([66.67, 33.33], resampled)).to_dict("records")
    assert row["difference"] == pytest.approx(33.34)
    assert row["reversed"] == pytest.approx(7 / 27)
    # The lowest is -100 once, then -33.3 six times; the highest 100 eight times.
    assert (row["low"], row["high"]) == pytest.approx((-100 / 3, 100))


def test_equal_scores_count_half_and_arithmetic_is_forgiven():
    # a is 0.1 + 0.2 in the first resample, 0.3 in b: equal, though not in binary.
    draws = draws_of([50, 40], [[0.1 + 0.2, 2, 3, 1], [0.3, 1, 1, 2]])
    assert all_differences(draws).reversed.tolist() == [(1 + 0.5) / 4]
    swapped = draws_of([40, 50], [[0.3, 1, 1, 2], [0.1 + 0.2, 2, 3, 1]])
    assert all_differences(swapped).reversed.tolist() == [(1 + 0.5) / 4]


def test_equal_printed_scores_have_no_sign_to_reverse():
    draws = draws_of([50, 50], [[1, 2], [2, 1]])
    (row,) = all_differences(draws).to_dict("records")
    assert row["difference"] == 0
    assert np.isnan(row["reversed"])


def test_every_pair_comes_once_in_every_column():
    draws = Draws(names("a", "b", "c"), ["T", "Avg."], np.eye(2, 3), np.zeros((2, 3, 4)), BOOTSTRAP)
    table = all_differences(draws)
    assert list(table.columns) == DIFFERENCE_COLUMNS
    found = list(zip(table.model, table.against_model, table.task, strict=True))
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    assert found == [(*pair, task) for pair in pairs for task in ("T", "Avg.")]


def test_a_comparison_table_answers_is_66b_worse():
    # The paper's averages: 2.7B 69.30, 6.7B 72.10, 66B 68.84.
    models = ["2.7b", "6.7b", "66b"]
    points = np.array([[69.30, 72.10, 68.84]] * 2)
    resampled = points[:, :, None] + np.array([-0.1, 0.0, 0.1]) * np.array([[1], [2], [4]])
    draws = Draws(names(*models), ["STS12", "Avg."], points, resampled, BOOTSTRAP)
    catalogue = Catalogue(
        dict.fromkeys(models, "OPT"), {"2.7b": 3, "6.7b": 7, "66b": 66}, {}, "eol"
    )
    table = comparison_table(draws, catalogue)
    assert list(table.columns) == [
        "changed", *ENCODER, "against", "STS12", "Avg.", "low", "high", "reversed",
    ]  # fmt: skip
    assert table[["model", "against", "Avg."]].to_numpy().tolist() == [
        ["6.7b", "2.7b", 2.8],
        ["66b", "2.7b", -0.46],
        ["66b", "6.7b", -3.26],
    ]
    last = table.iloc[-1]
    # Resamples: -3.26 and 0.2 on both sides; 5 % of the way between the outer and the middle one.
    assert (last.low, last.high) == pytest.approx((-3.26 - 0.18, -3.26 + 0.18))
    assert last.reversed == 0


def test_without_a_question_the_table_is_empty():
    catalogue = Catalogue({"a": "F", "b": "G"}, {"a": 1, "b": 2}, {}, "eol")
    table = comparison_table(draws_of([1, 2], [[1], [2]]), catalogue)
    assert table.empty
    assert "T" in table


def test_comparing_is_subtracting_the_second():
    draws = draws_of([1, 5], [[1, 2], [4, 4]])
    there, back = compare(draws, [(0, 1)]), compare(draws, [(1, 0)])
    pd.testing.assert_series_equal(there.difference, -back.difference)
    assert there.low[0] == -back.high[0]
    assert there[ENCODER].to_numpy().tolist() == back[AGAINST].to_numpy().tolist()
