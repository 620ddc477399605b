from itertools import groupby, pairwise

import numpy as np
import pytest
import torch

from sentscale.packing import Row, Run, common, make_batch, pack, share


def random_rows(seed):
    """Prompts that begin with one of two prefixes, a piece of it, or neither."""
    rng = np.random.default_rng(seed)
    prefixes = [rng.integers(0, 50, 12).tolist(), rng.integers(0, 50, 7).tolist()]
    prompts = []
    for _ in range(rng.integers(40, 80)):
        prefix = prefixes[rng.integers(2)]
        begun = prefix[: rng.choice([0, len(prefix) - 1, len(prefix)])]
        prompts.append(begun + rng.integers(50, 99, rng.integers(1, 30)).tolist())
    return prompts, prefixes


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [([], [], 0), ([1], [], 0), ([1, 2], [1, 2, 3], 2), ([1, 2, 3], [1, 9, 3], 1), ([1], [1], 1)],
)
def test_common_by_hand(first, second, count):
    assert common(first, second) == common(second, first) == count


# --- Sharing


def test_share_by_hand():
    prompts = [[1, 2, 3, 4, 5], [1, 2, 9], [7, 8], [1, 2, 3], [5, 6, 7], [1, 2, 3, 3]]
    assert share(prompts, [[1, 2, 3], [5, 6]]) == [
        Row(0, [1, 2, 3, 4, 5], 0, 3),
        Row(1, [1, 2, 9], 0, 2),  # merged with the prefix's last token
        Row(2, [7, 8], 0, 0),
        Row(3, [1, 2, 3], 0, 2),  # the prefix itself: one token stays its own
        Row(4, [5, 6, 7], 1, 2),
        Row(5, [1, 2, 3, 3], 0, 3),
    ]


def test_the_longest_prefix_wins():
    prompts = [[1, 2, 3, n] for n in range(9)] + [[1, 2, 9]]
    rows = share(prompts, [[1], [1, 2, 3], [1, 2]])
    assert {(row.prefix, row.shared) for row in rows[:-1]} == {(1, 3)}
    # Of two prefixes that give the same, the first.
    assert (rows[-1].prefix, rows[-1].shared) == (1, 2)


def test_one_token_stays_a_prompts_own():
    prompts = [[1, 2, 3]] * 4 + [[1]]
    assert [row.own for row in share(prompts, [[1, 2, 3]])] == [1] * 5
    assert [row.own for row in share(prompts, [[1, 2, 3, 4, 5]])] == [1] * 5


@pytest.mark.parametrize(("length", "shared"), [(14, 1), (15, 1), (16, 0)])
def test_a_prefix_that_saves_less_than_a_thirtieth_is_left_alone(length, shared):
    # Two prompts with a prefix of one token: one token less of 28, 30 or 32.
    prompts = [[1, *[2] * (length - 1)], [1, *[3] * (length - 1)]]
    assert [row.shared for row in share(prompts, [[1]])] == [shared, shared]


def test_a_single_prompt_has_nothing_to_share():
    assert share([[1, 2, 3, 4]], [[1, 2, 3]]) == [Row(0, [1, 2, 3, 4])]


def test_without_prefixes_every_row_is_whole():
    assert share([[1, 2], [3]], []) == [Row(0, [1, 2]), Row(1, [3])]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_shared_is_the_prefixs(seed):
    prompts, prefixes = random_rows(seed)
    rows = share(prompts, prefixes)
    assert [(row.number, row.ids) for row in rows] == list(enumerate(prompts))
    assert all(row.own >= 1 for row in rows)
    assert len({(row.prefix, row.shared) for row in rows}) > 3
    for row in rows:
        assert row.ids[: row.shared] == prefixes[row.prefix][: row.shared]


# --- Packing


def rows_of(*lengths):
    return [Row(number, [0] * length) for number, length in enumerate(lengths)]


def test_pack_by_hand():
    # 10 > 8 is alone; 4 + 3 + 2 > 8; then 2 + 2 + 2 + 1.
    batches = pack(rows_of(2, 10, 3, 2, 4, 2, 2, 1), 8)
    assert [[row.number for row in rows] for rows in batches] == [[1], [4, 2], [0, 3, 5, 6], [7]]
    assert pack([], 8) == []


def test_a_full_batch_takes_the_budget_to_the_last_token():
    assert [len(rows) for rows in pack(rows_of(4, 4, 4), 8)] == [2, 1]
    assert [len(rows) for rows in pack(rows_of(4, 4, 4), 7)] == [1, 1, 1]
    assert [len(rows) for rows in pack(rows_of(1, 1, 1), 1)] == [1, 1, 1]


def test_only_own_tokens_count_for_the_budget():
    rows = [Row(number, [0] * 10, 0, 8) for number in range(4)]
    assert [len(batch) for batch in pack(rows, 6)] == [3, 1]


def test_a_batch_has_one_prefix():
    rows = [Row(number, [0] * 5, number % 2, 2) for number in range(6)]
    numbers = [[row.number for row in batch] for batch in pack(rows, 100)]
    assert numbers == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize("budget", [1, 13, 64, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_batches_respect_the_budget_and_hold_each_row_once(seed, budget):
    prompts, prefixes = random_rows(seed)
    batches = pack(share(prompts, prefixes), budget)
    packed = sorted(row.number for rows in batches for row in rows)
    assert packed == list(range(len(prompts)))
    for rows in batches:
        assert len(rows) == 1 or sum(row.own for row in rows) <= budget
        assert len({row.prefix for row in rows}) == 1
        # Longest first of those that share as much; rows of a kind are neighbours.
        sizes = [(row.shared, row.own) for row in rows]
        assert sizes == sorted(sizes, reverse=True)
        kinds = [kind for kind, _ in groupby(rows, key=lambda row: (row.own, row.shared))]
        assert len(kinds) == len(set(kinds))
    # None could take the first row of the next.
    for rows, later in pairwise(batches):
        if rows[0].prefix == later[0].prefix:
            assert sum(row.own for row in [*rows, later[0]]) > budget


@pytest.mark.parametrize("seed", range(3))
def test_the_order_does_not_depend_on_the_budget(seed):
    # An interrupted stream goes on where it was, with another budget too.
    rows = share(*random_rows(seed))
    orders = [[row.number for batch in pack(rows, n) for row in batch] for n in (1, 50, 10_000)]
    assert orders[0] == orders[1] == orders[2]


# --- Batches


def test_a_batch_by_hand():
    rows = [
        Row(7, [1, 2, 3, 4], 1, 1),
        Row(3, [1, 2, 5, 6], 1, 1),
        Row(0, [1, 9, 8, 7, 6], 1, 2),
        Row(5, [4], 1, 0),
    ]
    batch = make_batch(rows)
    assert batch.rows == [7, 3, 0, 5]
    assert batch.ids.tolist() == [2, 3, 4, 2, 5, 6, 8, 7, 6, 4]
    assert batch.positions.tolist() == [1, 2, 3, 1, 2, 3, 2, 3, 4, 0]
    assert batch.ends.tolist() == [2, 5, 8, 9]
    assert batch.runs == [Run(2, 3, 1), Run(1, 3, 2), Run(1, 1, 0)]
    assert batch.prefix == 1


def test_ids_and_positions_are_whole_numbers():
    batch = make_batch(rows_of(3, 1))
    assert {batch.ids.dtype, batch.positions.dtype, batch.ends.dtype} == {torch.int64}


@pytest.mark.parametrize("budget", [1, 40, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_prefix_and_batch_give_the_prompts_back(seed, budget):
    prompts, prefixes = random_rows(seed)
    found = {}
    for rows in pack(share(prompts, prefixes), budget):
        batch = make_batch(rows)
        kinds = [(run.own, run.shared) for run in batch.runs for _ in range(run.count)]
        assert sum(own for own, _ in kinds) == len(batch.ids) == len(batch.positions)
        start = 0
        for number, end, (own, shared) in zip(batch.rows, batch.ends, kinds, strict=True):
            here = slice(start, int(end) + 1)
            assert len(batch.ids[here]) == own
            assert batch.positions[here].tolist() == list(range(shared, shared + own))
            found[number] = prefixes[batch.prefix][:shared] + batch.ids[here].tolist()
            start = here.stop
    assert found == dict(enumerate(prompts))
