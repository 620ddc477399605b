import numpy as np
import pytest
from scipy import stats

from sentscale.sts import correlation, cosine_rows, spearman, sts_scores

ONE = {"resamples": 20, "confidence": 0.95, "seed": 1111}


def scores_of(predicted, gold, subset, **bootstrap):
    found, _ = sts_scores(
        np.array(predicted, float), np.array(gold, float), np.array(subset), **(ONE | bootstrap)
    )
    return found


def bivariate_normal(n, rho, seed):
    return np.random.default_rng(seed).multivariate_normal([0, 0], [[1, rho], [rho, 1]], n).T


@pytest.mark.parametrize("seed", range(5))
def test_correlations_equal_scipys_with_ties(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (2, 50)).astype(float)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    assert correlation(a, b) == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-12)


def test_correlations_go_along_the_last_axis():
    a, b = np.random.default_rng(0).normal(size=(2, 3, 20))
    expected = [stats.spearmanr(*rows).statistic for rows in zip(a, b, strict=True)]
    np.testing.assert_allclose(spearman(a, b), expected, atol=1e-12)


# The mean of three times 0.1 is not 0.1 in binary, so deviations from it are not zero.
@pytest.mark.parametrize("value", [0.1, 0.5, 0.7])
def test_correlation_with_a_constant_is_not_a_number(value):
    constant, other = np.full(3, value), np.array([1.0, 2.0, 4.0])
    assert np.isnan(correlation(constant, other))
    assert np.isnan(correlation(other, constant))
    assert np.isnan(correlation(constant, np.full(3, 0.4)))
    assert np.isnan(spearman(constant, other))


def test_pooling_is_not_averaging():
    # Each subset is perfectly ranked on its own; together the two are swapped.
    scores = scores_of([0.7, 0.9, 0.1, 0.2], [1, 2, 3, 4], ["a", "a", "b", "b"])
    assert scores["spearman_mean"].value == pytest.approx(100)
    # Ranks 3 4 1 2 against 1 2 3 4: rho = 1 - 6 * 16 / (4 * 15).
    assert scores["spearman_all"].value == pytest.approx(-60)


def test_wmean_weights_subsets_by_their_pairs():
    # a: 2 pairs, swapped, -1. b: 4 pairs, ranks 1 3 2 4 against 1 2 3 4,
    # rho = 1 - 6 * 2 / (4 * 15) = 0.8. Mean -0.1; weighted (-1 * 2 + 0.8 * 4) / 6 = 0.2.
    scores = scores_of([0.9, 0.1, 0.1, 0.3, 0.2, 0.4], [1, 2, 1, 2, 3, 4], list("aabbbb"))
    assert scores["spearman_mean"].value == pytest.approx(-10)
    assert scores["spearman_wmean"].value == pytest.approx(20)


def test_pearson_is_not_of_ranks():
    # Deviations -1/3 -1/3 2/3 and -1 0 1: r = 1 / sqrt(2/3 * 2) = sqrt(3) / 2.
    scores = scores_of([0.0, 0.0, 1.0], [1, 2, 3], ["a"] * 3)
    assert scores["pearson_all"].value == pytest.approx(100 * np.sqrt(3) / 2)


def test_subsets_need_not_be_contiguous():
    apart = scores_of([0.7, 0.1, 0.9, 0.2], [1, 3, 2, 4], ["a", "b", "a", "b"])
    assert apart["spearman_mean"].value == pytest.approx(100)
    assert apart["spearman_all"].value == pytest.approx(-60)


def test_a_single_subset_has_one_score():
    a, b = bivariate_normal(40, 0.5, 0)
    scores = scores_of(a, b, ["a"] * 40)
    for metric in ("spearman", "pearson"):
        assert scores[f"{metric}_all"] == scores[f"{metric}_mean"]
        assert scores[f"{metric}_wmean"].value == pytest.approx(scores[f"{metric}_all"].value)


def test_scores_of_each_subset_are_told():
    _, subsets = sts_scores(
        np.array([0.7, 0.9, 0.3, 0.2, 0.1]),
        np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
        np.array(list("aabbb")),
        **ONE,
    )
    assert subsets["a"] == {
        "spearman": pytest.approx(100),
        "pearson": pytest.approx(100),
        "pairs": 2,
    }
    assert subsets["b"] == {
        "spearman": pytest.approx(-100),
        "pearson": pytest.approx(-100),
        "pairs": 3,
    }


def test_cosine_by_hand():
    left = np.array([[3.0, 4.0], [1.0, 0.0], [2.0, 0.0], [1.0, 1.0]], dtype=np.float32)
    right = np.array([[4.0, 3.0], [0.0, 5.0], [-7.0, 0.0], [9.0, 9.0]], dtype=np.float32)
    found = cosine_rows(left, right)
    np.testing.assert_allclose(found, [24 / 25, 0, -1, 1], atol=1e-12)
    assert np.abs(found).max() <= 1


def test_cosine_of_tiny_vectors_does_not_underflow():
    assert cosine_rows(np.full((1, 4), 1e-30, np.float32), np.ones((1, 4), np.float32)) == (
        pytest.approx(1)
    )


@pytest.mark.parametrize("bad", [[0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_a_bad_vector_is_an_error_that_names_its_row(bad):
    good = np.ones((3, 2))
    broken = good.copy()
    broken[1] = bad
    for sides in ((good, broken), (broken, good)):
        with pytest.raises(ValueError, match="pair 1:"):
            cosine_rows(*sides)


def test_a_constant_side_is_refused():
    with pytest.raises(ValueError, match="gold scores of subset 'b' are constant"):
        scores_of([0.1, 0.2, 0.3, 0.4], [1, 2, 3, 3], list("aabb"))
    with pytest.raises(ValueError, match="predicted scores of subset 'a' are constant"):
        scores_of([0.1, 0.1, 0.3, 0.4], [1, 2, 3, 4], list("aabb"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="predicted: value 1 is not finite"):
        scores_of([0.1, bad, 0.3], [1, 2, 3], list("aaa"))
    with pytest.raises(ValueError, match="gold: value 2 is not finite"):
        scores_of([0.1, 0.2, 0.3], [1, 2, bad], list("aaa"))


@pytest.mark.parametrize(
    ("predicted", "gold", "subset"),
    [
        ([0.1, 0.2], [1, 2, 3], list("aaa")),
        ([0.1, 0.2, 0.3], [1, 2, 3], list("aa")),
        ([[0.1, 0.2]], [[1, 2]], [list("aa")]),
    ],
)
def test_shapes_that_differ_are_refused(predicted, gold, subset):
    with pytest.raises(ValueError, match="shapes differ"):
        scores_of(predicted, gold, subset)


def test_the_bootstrap_is_seeded():
    a, b = bivariate_normal(60, 0.5, 0)
    subset = ["a"] * 20 + ["b"] * 40
    once, again = (scores_of(a, b, subset, resamples=300) for _ in range(2))
    other = scores_of(a, b, subset, resamples=300, seed=2)
    assert once == again
    assert once["spearman_all"].low != other["spearman_all"].low


def half_width(n, confidence=0.95):
    a, b = bivariate_normal(n, 0.6, seed=1)
    score = scores_of(a, b, ["a"] * n, resamples=800, confidence=confidence)["pearson_all"]
    assert score.low < score.value < score.high
    return (score.high - score.low) / 2


def test_the_interval_is_as_wide_as_theory_says():
    # Of a bivariate normal: sd(r) = (1 - rho^2) / sqrt(n - 1).
    assert half_width(400) == pytest.approx(100 * 1.96 * (1 - 0.6**2) / np.sqrt(399), rel=0.25)
    # z is 1.96 for 95 %, 0.674 for 50 %.
    assert half_width(400) / half_width(400, 0.5) == pytest.approx(1.96 / 0.674, rel=0.25)


def test_the_interval_shrinks_with_the_root_of_n():
    assert half_width(400) / half_width(1600) == pytest.approx(2, rel=0.25)


def test_pairs_are_drawn_within_their_subset():
    # One subset is perfectly ranked, the other reversed: any resample within them has 1 and -1,
    # mean 0. Pairs drawn from both together would give each subset something in between.
    rising = np.arange(20) / 20
    predicted, gold = np.concatenate([rising, rising]), np.concatenate([rising, 1 - rising])
    scores = scores_of(predicted, gold, ["a"] * 20 + ["b"] * 20, resamples=300)
    for name in ("spearman_mean", "pearson_mean"):
        assert scores[name].low == pytest.approx(0, abs=1e-9)
        assert scores[name].high == pytest.approx(0, abs=1e-9)


def test_a_resample_without_spread_has_no_score():
    # Three pairs on a line: a resample is on the line too, or it is one pair three times (1 in 9)
    # and has no score. Rounding must not make one up, such as -1 of three times (0.7, 0.4).
    scores = scores_of([0.7, 0.8, 0.9], [0.4, 0.5, 0.6], ["a"] * 3, resamples=1000)
    assert scores["spearman_all"].low == pytest.approx(100)
    assert scores["pearson_all"].low == pytest.approx(100)
