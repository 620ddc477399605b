import numpy as np
import pytest
from scipy import stats

from sentscale.draws import Draws
from sentscale.lines import EncoderName
from sentscale.stability import concordance, rank_table, stability_table

BOOTSTRAP = {"resamples": 4, "confidence": 0.5, "seed": 1}


@pytest.mark.parametrize("seed", range(4))
def test_concordance_is_friedmans_statistic(seed):
    # W = chi^2 / (tasks * (encoders - 1)), and scipy's is corrected for ties.
    scores = np.random.default_rng(seed).integers(0, 5, (4, 6)).astype(float)
    expected = stats.friedmanchisquare(*scores.T).statistic / (4 * 5)
    assert concordance(scores) == pytest.approx(expected)


def test_concordance_by_hand():
    # Ranks 1 2 3, 1 3 2: sums 2 5 5, squared deviations from 4: 4 + 1 + 1.
    # W = 12 * 6 / (2^2 * (27 - 3)) = 0.75.
    assert concordance(np.array([[1.0, 2, 3], [1, 3, 2]])) == pytest.approx(0.75)
    assert concordance(np.array([[1.0, 2, 3], [10, 20, 30]])) == pytest.approx(1)
    assert concordance(np.array([[1.0, 2, 3], [3, 2, 1]])) == pytest.approx(0)
    assert np.isnan(concordance(np.ones((2, 3))))


def test_concordance_goes_along_the_resamples():
    scores = np.random.default_rng(0).normal(size=(3, 5, 7))
    expected = [concordance(scores[..., resample]) for resample in range(7)]
    np.testing.assert_allclose(concordance(scores), expected)


def draws(columns, points, resampled, names=None):
    names = names or [EncoderName(model, "fp32", "eol", "") for model in "abc"]
    return Draws(names, columns, np.array(points, float), np.array(resampled, float), BOOTSTRAP)


def test_ranks_share_the_better_and_rows_go_by_the_last_column():
    points = [[50, 70, 70], [10, 30, 20]]
    last = [[1, 1, 9, 1], [3, 3, 3, 3], [2, 2, 2, 4]]  # ranks of a: 3 3 1 3, of c: 2 2 3 1
    table = rank_table(draws(["T", "Avg."], points, [last, last]))
    assert table.model.tolist() == ["b", "c", "a"]
    assert table["T"].tolist() == [1, 1, 3]
    assert table["Avg."].tolist() == [1, 2, 3]
    assert table["first"].tolist() == [0.5, 0.25, 0.25]
    # Quartiles that are ranks: b is 1 1 2 2, c is 1 2 2 3, a is 1 3 3 3.
    assert table["best"].tolist() == [1, 2, 3]
    assert table["worst"].tolist() == [2, 2, 3]
    assert table["best"].dtype == int


def test_a_stability_table_tells_w_and_each_tasks_agreement():
    points = np.array([[1.0, 2, 3], [1, 3, 2], [2.0, 3, 1], [1.33, 2.67, 2]])
    noise = np.zeros((4, 3, 4))
    noise[0, 0] = [0, 0, 9, 9]  # in two resamples, a leads on the first task
    table = stability_table(
        draws(["A", "B", "C", "Avg."], points, points[:, :, None] + noise), {"a": 1, "b": 2, "c": 3}
    )
    (row,) = table.to_dict("records")
    assert (row["encoders"], row["count"]) == ("all", 3)
    # Ranks 1 2 3, 1 3 2, 2 3 1: sums 4 8 6, W = 12 * 8 / (9 * 24).
    assert row["W"] == pytest.approx(96 / 216)
    # With ranks 3 1 2 in the first task: sums 6 7 5, W = 12 * 2 / (9 * 24). So the quartiles are
    # W and W less 72 / 216: what resamples fall short is added.
    assert (row["low"], row["high"]) == pytest.approx((96 / 216, 168 / 216))
    # Mean ranks in the other two: A (1.5, 3, 1.5), B (1.5, 2.5, 2), C (1, 2.5, 2.5).
    others = {"A": [1.5, 3, 1.5], "B": [1.5, 2.5, 2.0], "C": [1, 2.5, 2.5]}
    for task, (name, ranks) in zip(points, others.items(), strict=False):
        assert row[name] == pytest.approx(stats.kendalltau(task, ranks).statistic)


def test_models_of_each_setting_are_told_apart():
    names = [EncoderName(model, "fp32", "eol", "") for model in "abc"]
    names += [EncoderName(model, "fp32", "icl", "cse") for model in "abc"]
    names += [EncoderName(model, "nf4", "eol", "") for model in "ab"]  # two are too few
    same = np.array([1.0, 2, 3, 6, 5, 4, 7, 8])
    points = np.stack([same, same])
    table = stability_table(
        draws(["A", "B"], points, points[:, :, None] * np.ones(4), names), {"a": 1, "b": 2, "c": 3}
    )
    assert table.encoders.tolist() == ["all", "eol, fp32", "icl, fp32, cse"]
    assert table["count"].tolist() == [8, 3, 3]
    assert table.W.tolist() == pytest.approx([1, 1, 1])
