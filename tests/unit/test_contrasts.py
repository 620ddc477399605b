import pandas as pd
import pytest

from sentscale.contrasts import AGAINST, Board, Difference, Score
from sentscale.lines import EncoderName
from sentscale.tables import ENCODER, SCORE_COLUMNS

A, B = EncoderName("a", "fp32", "eol", ""), EncoderName("b", "fp32", "eol", "")


def board(scores, paired=None):
    return Board("dev", ["T"], "spearman_all", scores, paired or {})


def test_intervals_of_independent_scores_add_in_quadrature():
    # 3 down and 4 up, 3 down and 4 up: 70 - 60 less 5, and more 5 (a triangle of 3, 4 and 5).
    found = board({A: Score(70, 67, 74), B: Score(60, 57, 64)}).differ(A, B)
    assert (found.value, found.low, found.high) == pytest.approx((10, 5, 15))
    # The other way round it is the same with the other sign, though the intervals are lopsided.
    lopsided = board({A: Score(70, 67, 82), B: Score(60, 55, 64)})
    found = lopsided.differ(A, B)
    assert (found.value, found.low, found.high) == pytest.approx((10, 5, 23))
    back = lopsided.differ(B, A)
    assert (back.value, back.low, back.high) == pytest.approx((-10, -23, -5))


@pytest.mark.parametrize(
    ("low", "high", "direction"), [(0.1, 2, 1), (-2, -0.1, -1), (-1, 1, 0), (0, 1, 0), (-1, 0, 0)]
)
def test_a_direction_needs_an_interval_that_leaves_out_0(low, high, direction):
    assert Difference(A, B, (low + high) / 2, low, high).direction == direction


def test_a_paired_interval_comes_first_whichever_way_it_was_counted():
    scores = {A: Score(70, 67, 74), B: Score(60, 57, 64)}
    paired = board(scores, {(A, B): Score(10, 8.5, 12)})
    assert paired.differ(A, B) == Difference(A, B, 10, 8.5, 12)
    assert paired.differ(B, A) == Difference(B, A, -10, -12, -8.5)


def test_pairs_need_both_encoders():
    lone = board({A: Score(70, 67, 74)})
    assert lone.pairs([(A, B), (B, A)]) == []


def test_a_board_holds_encoders_with_every_task_and_reads_paired_differences(tmp_path):
    rows = [
        [*A, "T", "spearman_all", 50.004, 48.0, 52.0, 9],
        [*A, "U", "spearman_all", 60.0, 56.0, 64.0, 9],
        [*B, "T", "spearman_all", 40.0, 38.0, 42.0, 9],
    ]
    path = tmp_path / "differences.csv"
    columns = [*ENCODER, *AGAINST, "task", "difference", "low", "high", "reversed"]
    differences = [[*A, *B, "T", 10.0, 1.0, 19.0, ""], [*A, *B, "Avg.", 11.0, 9.5, 12.5, 0.0]]
    pd.DataFrame(differences, columns=columns).to_csv(path, index=False)
    scores = pd.DataFrame(rows, columns=SCORE_COLUMNS)
    found = Board.from_scores(scores, "s", ["T", "U"], "spearman_all", path)
    assert list(found.scores) == [A]
    # (50 + 60) / 2; half-widths 2 and 4: sqrt(4 + 16) / 2 = 2.24.
    assert found.scores[A] == pytest.approx((55, 52.76, 57.24), abs=0.011)
    assert found.paired == {(A, B): Score(11, 9.5, 12.5)}
    single = Board.from_scores(scores, "s", ["T"], "spearman_all", None)
    assert [single.scores[name].value for name in (A, B)] == [50.0, 40.0]
    assert single.ranked() == [A, B]


def test_only_what_differs_is_named():
    nf4 = A._replace(precision="nf4")
    tuned = A._replace(adapter="cse")
    mixed = board({name: Score(1, 0, 2) for name in (A, nf4, tuned)})
    assert mixed.parts(A) == "a, fp32"
    assert mixed.parts(tuned) == "a, fp32, cse"
    assert mixed.parts(nf4, "precision") == "a"
