import pytest
import torch

from sentscale.attention import KeysValues, attend, visible
from sentscale.packing import Run

# Prompts alone, in company, with all of a prefix of 5 tokens, a piece of it, or none.
ALONE = [Run(1, 7, 0), Run(3, 4, 0), Run(2, 1, 0)]
SHARED = [Run(2, 9, 5), Run(1, 9, 4), Run(3, 3, 5), Run(2, 3, 0), Run(2, 1, 5), Run(1, 1, 0)]
WIDTH = 6


def random_states(runs, heads, groups, seed=0):
    """Queries, keys and values of all tokens, and keys and values of a prefix of 5."""
    torch.manual_seed(seed)
    tokens = sum(run.count * run.own for run in runs)
    query = torch.randn(tokens, heads, WIDTH, dtype=torch.float64)
    key, value = torch.randn(2, tokens, groups, WIDTH, dtype=torch.float64)
    return query, key, value, KeysValues(*torch.randn(2, groups, 5, WIDTH, dtype=torch.float64))


def places_of(runs):
    """First token, number of own tokens and of shared ones, prompt by prompt."""
    start = 0
    for run in runs:
        for _ in range(run.count):
            yield start, run.own, run.shared
            start += run.own


def by_definition(query, key, value, runs, prefix, window):
    """One query and one head at a time: a softmax over the tokens that it may see."""
    heads, groups = query.shape[1], key.shape[1]
    out = torch.empty_like(query)
    for start, own, shared in places_of(runs):
        for head in range(heads):
            group = head * groups // heads
            keys = torch.cat([prefix.keys[group, :shared], key[start : start + own, group]])
            values = torch.cat([prefix.values[group, :shared], value[start : start + own, group]])
            for token in range(own):
                place = shared + token
                first = 0 if window is None else max(0, place - window + 1)
                weights = torch.exp(keys[first : place + 1] @ query[start + token, head])
                mixed = weights @ values[first : place + 1]
                out[start + token, head] = mixed / weights.sum()
    return out.flatten(1)


def same(found, expected):
    # The softmax may be in float32.
    torch.testing.assert_close(found, expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize("window", [None, 1, 3, 6, 100])
@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("runs", [ALONE, SHARED], ids=["alone", "shared"])
def test_attention_is_a_softmax_over_what_a_token_sees(runs, heads, groups, window):
    query, key, value, prefix = random_states(runs, heads, groups)
    expected = by_definition(query, key, value, runs, prefix, window)
    given = prefix if runs is SHARED else None
    same(attend(query, key, value, runs, given, window), expected)
    ends = torch.tensor([start + own - 1 for start, own, _ in places_of(runs)])
    last = attend(query[ends], key, value, runs, given, window)
    same(last, expected[ends])


@pytest.mark.parametrize("seed", range(8))
def test_attention_of_random_batches(seed):
    torch.manual_seed(seed)
    runs = [
        Run(*(int(torch.randint(low, high, ())) for low, high in ((1, 4), (1, 8), (0, 6))))
        for _ in range(5)
    ]
    window = [None, int(torch.randint(1, 12, ()))][seed % 2]
    query, key, value, prefix = random_states(runs, 4, 2, seed)
    expected = by_definition(query, key, value, runs, prefix, window)
    same(attend(query, key, value, runs, prefix, window), expected)


def test_two_heads_share_the_keys_of_their_group():
    # Head by head, as repeat_interleave lays them out: 0 and 1 see group 0, 2 and 3 group 1.
    query, key, value, prefix = random_states(SHARED, 4, 2)
    value[:, 1], prefix.values[1] = 0, 0
    found = attend(query, key, value, SHARED, prefix).unflatten(1, (4, WIDTH))
    assert (found[:, :2] != 0).all()
    assert (found[:, 2:] == 0).all()


def test_no_prompt_sees_another():
    query, key, value, prefix = random_states(SHARED, 4, 2)
    before = attend(query, key, value, SHARED, prefix)
    for start, own, _ in places_of(SHARED):
        poisoned = [states.clone() for states in (query, key, value)]
        for states in poisoned:
            states[start : start + own] = torch.nan
        after = attend(*poisoned, SHARED, prefix)
        others = torch.ones(len(query), dtype=bool)
        others[start : start + own] = False
        assert torch.equal(after[others], before[others])
        assert after[~others].isnan().all()


def test_a_token_far_behind_the_prefix_does_not_see_it():
    runs = [Run(2, 6, 5)]
    query, key, value, prefix = random_states(runs, 2, 2)
    found = attend(query, key, value, runs, prefix, window=3)
    other = attend(query, key, value, runs, KeysValues(-prefix.keys, -prefix.values), window=3)
    changed = [bool((one != another).any()) for one, another in zip(found, other, strict=True)]
    # The first two own tokens see three at most, one or two of the prefix among them.
    assert changed == 2 * [True, True, False, False, False, False]


def test_nothing_is_changed_in_place():
    states = random_states(SHARED, 4, 2)
    copies = [part.clone() for part in (*states[:3], *states[3])]
    attend(*states[:3], SHARED, states[3], 3)
    for part, copy in zip((*states[:3], *states[3]), copies, strict=True):
        assert torch.equal(part, copy)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_type_stays(dtype):
    query, key, value, prefix = random_states(SHARED, 4, 2)
    narrow = [part.to(dtype) for part in (query, key, value)]
    kept = KeysValues(*(part.to(dtype) for part in prefix))
    found = attend(*narrow, SHARED, kept)
    assert found.dtype == dtype
    expected = by_definition(query, key, value, SHARED, prefix, None)
    far = (found.double() - expected).abs().max()
    assert far < (1e-5 if dtype == torch.float32 else 0.05)


@pytest.mark.parametrize(
    ("asked", "own", "shared", "window", "rows"),
    [
        (3, 3, 0, None, ["100", "110", "111"]),
        (1, 3, 0, None, ["111"]),
        (2, 2, 2, None, ["1110", "1111"]),
        (3, 3, 1, 2, ["1100", "0110", "0011"]),
        (1, 1, 3, 2, ["0011"]),
        (2, 2, 0, 1, ["10", "01"]),
    ],
)
def test_visible_by_hand(asked, own, shared, window, rows):
    found = visible(asked, own, shared, window, torch.device("cpu"))
    assert ["".join(str(int(seen)) for seen in row) for row in found] == rows
