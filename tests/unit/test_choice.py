import numpy as np
import pytest
from scipy import stats

from sentscale.choice import best_of, choose, development_scores, resampled_scores, score_table
from sentscale.demonstrations import Demonstration
from sentscale.pairs import Pair

BOOTSTRAP = {"resamples": 200, "confidence": 0.9, "seed": 5}


def task(golds, subsets=None):
    subsets = subsets or ["s"] * len(golds)
    return [
        Pair(str(i), subset, "a", "b", gold)
        for i, (gold, subset) in enumerate(zip(golds, subsets, strict=True))
    ]


def test_the_score_is_the_mean_of_the_tasks_spearman():
    rng = np.random.default_rng(1)
    golds = rng.integers(0, 6, 30).astype(float), rng.integers(0, 6, 50).astype(float)
    similarity = np.round(rng.normal(size=(3, 80)), 1)  # with ties
    expected = [
        50 * stats.spearmanr(row[:30], golds[0]).statistic
        + 50 * stats.spearmanr(row[30:], golds[1]).statistic
        for row in similarity
    ]
    tasks = [task(golds[0]), task(golds[1])]
    assert development_scores(similarity, tasks) == pytest.approx(expected)
    assert development_scores(similarity[1], tasks) == pytest.approx(expected[1])


def test_resampled_scores_are_those_of_the_drawn_pairs():
    rng = np.random.default_rng(2)
    gold = rng.integers(0, 6, 40).astype(float)
    subsets = ["x"] * 15 + ["y"] * 25
    similarity = np.round(gold / 4 + rng.normal(size=(2, 40)), 1)
    found = resampled_scores(similarity, [task(gold, subsets)], 50, 3)
    # The same draws by hand: rows repeated as often as they were drawn, and scipy.
    same = np.random.default_rng(3)
    counts = np.hstack([same.multinomial(n, [1 / n] * n, size=50) for n in (15, 25)])
    for resample, times in enumerate(counts):
        rows = np.repeat(np.arange(40), times)
        for candidate in range(2):
            rho = stats.spearmanr(similarity[candidate, rows], gold[rows]).statistic
            assert found[candidate, resample] == pytest.approx(100 * rho)


@pytest.mark.parametrize(
    ("scores", "order"),
    [
        ([1.0, 3.0, 2.0], [1, 2, 0]),
        ([1.0, 3.0, 3.0], [1, 2, 0]),
        ([50.004, 50.001, 50.006], [2, 0, 1]),  # 50.00, 50.00, 50.01
        ([-2.0, -2.0], [0, 1]),
    ],
)
def test_ties_of_two_decimals_go_to_the_first(scores, order):
    assert best_of(scores) == order


def searched():
    """Three candidates: as people say, a little off, the other way round."""
    gold = np.arange(20.0) / 4
    off = gold.copy()
    off[[3, 4, 10, 11]] = off[[4, 3, 11, 10]]
    names = [
        Demonstration("b", "Off"),
        Demonstration("a", "Right", "here"),
        Demonstration("c", "Wrong"),
    ]
    return score_table(names, np.stack([off, gold, -gold]), [task(gold)], BOOTSTRAP)


def test_a_table_of_scores_tells_how_sure_they_are():
    table = searched()
    assert list(table["rank"]) == [2, 1, 3]
    # Two swaps of neighbours: rho = 1 - 6 * 4 / (20 * 399).
    assert table.score.tolist() == pytest.approx([100 * (1 - 24 / 7980), 100, -100])
    assert table.chance.sum() == pytest.approx(1)
    # A swap shows if both of its pairs are drawn: 1 - 2 * 0.95^20 + 0.9^20 = 0.405. Without one
    # the two are equal, and the first in the list is chosen: (1 - 0.405)^2 = 0.354.
    assert table.chance[0] == pytest.approx(0.354, abs=0.1)
    assert table.chance[1] == pytest.approx(0.646, abs=0.1)
    assert table.low[0] < table.score[0] <= table.high[0] <= 100
    assert (table.low[1], table.high[1]) == pytest.approx((100, 100))
    assert table.line.tolist() == [1, 2, 3]


def test_resamples_without_a_score_do_not_count():
    # Of two pairs, half of the resamples draw one of them twice.
    names = [Demonstration("a", "Wrong"), Demonstration("b", "Right")]
    gold = task([1.0, 2.0])
    table = score_table(names, np.array([[2.0, 1.0], [1.0, 2.0]]), [gold], BOOTSTRAP)
    assert table.chance.tolist() == [0, 1]
    assert table.low.tolist() == pytest.approx([-100, 100])


NAMES = [Demonstration("b", "Off"), Demonstration("a", "Right", "here"), Demonstration("c", "No")]


def test_a_choice_tells_margin_runners_up_and_the_score_without():
    choice = choose(NAMES, [69.5, 70.25, 9.0], 10.0)
    assert choice["demonstration"] == {"line": 2, "sentence": "a", "word": "Right"}
    assert choice["margin"] == 0.75
    assert [one["word"] for one in choice["ranking"]] == ["Right", "Off", "No"]
    assert (choice["zero_shot"], choice["better"], choice["candidates"]) == (10.0, 2, 3)


def test_equal_printed_scores_have_no_margin():
    choice = choose(NAMES, [70.001, 70.004, 9.0], 10.0)
    assert choice["demonstration"]["word"] == "Off"
    assert choice["margin"] == 0


def test_one_candidate_has_no_margin():
    assert choose(NAMES[:1], [1.0], 0.0)["margin"] is None


def test_no_more_than_ten_are_told():
    many = [Demonstration(str(i), "Word") for i in range(12)]
    ranking = choose(many, [float(i) for i in range(12)], 0.0)["ranking"]
    assert [one["line"] for one in ranking] == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]


def test_an_undefined_score_names_its_candidate():
    # All similarities are equal, so there is no rank to correlate.
    scores = development_scores(np.ones((1, 3)), [task([1.0, 2, 3])])
    with pytest.raises(ValueError, match="demonstration 'b' is undefined"):
        choose(NAMES[:1], scores, 0.0)
