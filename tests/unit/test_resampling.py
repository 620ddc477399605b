from itertools import product

import numpy as np
import pytest
from scipy import stats

from sentscale.resampling import (
    accuracy_draws,
    aggregated_draws,
    drawn_counts,
    spearman_draws,
    tails,
)

SUBSET = np.array(["b", "a", "a", "b", "a"])


def encoders(n=40, seed=0):
    """Three encoders with ties, what people said, two subsets, 45 resamples: more than a chunk."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 6, n).astype(float)
    values = np.round(gold / 3 + rng.normal(size=(3, n)), 1)
    subset = np.array(["x"] * (n // 3) + ["y"] * (n - n // 3))
    return values, gold, subset, drawn_counts(subset, 45, np.random.default_rng(7))


def test_an_interval_leaves_as_much_out_on_both_sides():
    assert tails(0.95) == pytest.approx([2.5, 97.5])
    assert tails(0.5) == pytest.approx([25, 75])


def test_rows_are_drawn_within_their_group():
    counts = drawn_counts(SUBSET, 200, np.random.default_rng(1))
    assert counts.shape == (200, 5)
    assert set(counts[:, SUBSET == "a"].sum(axis=1)) == {3}
    assert set(counts[:, SUBSET == "b"].sum(axis=1)) == {2}


def test_each_row_is_drawn_as_often_as_the_others():
    # Of a binomial with n = 3 and p = 1 / 3: mean 1, variance 2 / 3.
    counts = drawn_counts(SUBSET, 20_000, np.random.default_rng(1))[:, SUBSET == "a"]
    assert counts.mean(axis=0) == pytest.approx([1, 1, 1], abs=0.03)
    assert counts.var(axis=0) == pytest.approx([2 / 3] * 3, abs=0.03)


def test_spearman_is_scipys_of_the_repeated_rows():
    values, gold, _, counts = encoders()
    found = spearman_draws(values, gold, counts)
    for resample, times in enumerate(counts):
        rows = np.repeat(np.arange(len(gold)), times)
        expected = [stats.spearmanr(row[rows], gold[rows]).statistic for row in values]
        assert found[:, resample] == pytest.approx(expected, abs=1e-12)


def test_every_resample_of_three_pairs():
    # All 27 draws of three pairs. Where one side is constant, scipy has no number either.
    gold, value = np.array([1.0, 2.0, 3.0]), np.array([0.2, 0.9, 0.4])
    drawn = list(product(range(3), repeat=3))
    counts = np.array([np.bincount(rows, minlength=3) for rows in drawn], dtype=np.int32)
    found = spearman_draws(value[None], gold, counts)[0]
    for rows, rho in zip(map(list, drawn), found, strict=True):
        if len(set(rows)) == 1:
            assert np.isnan(rho)
        else:
            assert rho == pytest.approx(stats.spearmanr(value[rows], gold[rows]).statistic)


def test_drawing_each_pair_once_gives_the_score_itself():
    values, gold, _, _ = encoders()
    found = spearman_draws(values, gold, np.ones((1, len(gold)), dtype=np.int32))
    expected = [stats.spearmanr(row, gold).statistic for row in values]
    assert found[:, 0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("aggregation", "weights"), [("mean", (1, 1)), ("wmean", (13, 27))])
def test_subsets_are_averaged(aggregation, weights):
    values, gold, subset, counts = encoders()
    found = aggregated_draws(values, gold, subset, counts, aggregation)
    for resample, times in enumerate(counts):
        rows = np.repeat(np.arange(len(gold)), times)
        for encoder, row in enumerate(values):
            rhos = [
                stats.spearmanr(row[part], gold[part]).statistic
                for part in (rows[subset[rows] == name] for name in "xy")
            ]
            expected = 100 * np.dot(weights, rhos) / sum(weights)
            assert found[encoder, resample] == pytest.approx(expected)


def test_all_ranks_the_subsets_together():
    values, gold, subset, counts = encoders()
    found = aggregated_draws(values, gold, subset, counts, "all")
    assert found == pytest.approx(100 * spearman_draws(values, gold, counts))
    assert found != pytest.approx(aggregated_draws(values, gold, subset, counts, "mean"))


def test_accuracy_is_the_mean_of_the_test_sets():
    # First set: rows 0 to 3, three hits; second: row 4, a miss. (75 + 0) / 2 = 37.5.
    # Row 0 (a hit) drawn four times, then row 4: (100 + 0) / 2; row 3 (the miss): 0.
    hits = np.array([[True, True, True, False, False], [True] * 5])
    tests = [np.arange(4), np.array([4])]
    counts = np.array([[1, 1, 1, 1, 1], [4, 0, 0, 0, 1], [0, 0, 0, 4, 1]], dtype=np.int32)
    found = accuracy_draws(hits, tests, counts)
    assert found.tolist() == [[37.5, 50, 0], [100, 100, 100]]
