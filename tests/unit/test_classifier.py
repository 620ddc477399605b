"""Many classifiers at once against one after the other (senteval_reference)."""

import numpy as np
import pytest
import senteval_reference as reference
import torch

from sentscale.classifier import (
    STACK_BYTES,
    Fit,
    Training,
    initial_weights,
    permutations,
    predict,
    stack_up,
    train_all,
    with_bias,
)

TRAINING = Training(
    batch=64, learning_rate=1e-3, passes=4, most_passes=200, tenacity=5, seed=reference.SEED
)


def blobs(n, d, classes, seed=0, noise=2.0, dtype=torch.float64):
    """Gaussian clouds that overlap, so that accuracies are far from 0 and 1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    x = rng.normal(size=(classes, d))[y] + noise * rng.normal(size=(n, d))
    return torch.from_numpy(x).to(dtype), torch.from_numpy(y)


def halves(n, validation):
    rows = np.arange(n)
    return rows[validation:], rows[:validation]


def test_the_first_weights_are_torchs_own():
    torch.manual_seed(1111)
    layer = torch.nn.Linear(5, 3)
    weights = initial_weights(5, 3, 1111)
    assert torch.equal(weights[:, :-1], layer.weight)
    assert torch.equal(weights[:, -1], layer.bias)


def test_making_weights_leaves_torchs_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    initial_weights(5, 3, 1111)
    assert torch.rand(1) == expected


def test_orders_are_those_of_numpys_global_generator():
    np.random.seed(1111)
    held, first, second = (np.random.permutation(n) for n in (9, 7, 7))
    orders = permutations(7, drawn=9, seed=1111)
    assert next(orders).tolist() == first.tolist()
    assert next(orders).tolist() == second.tolist()
    np.random.seed(1111)
    assert next(permutations(9, drawn=0, seed=1111)).tolist() == held.tolist()


def test_the_bias_is_a_feature_that_is_one():
    wide = with_bias(torch.tensor([[2.0, 3.0], [4.0, 0.0]]))
    assert wide.shape == (2, 16)
    assert wide[:, :3].tolist() == [[2, 3, 1], [4, 0, 1]]
    assert not wide[:, 3:].any()


def test_a_bias_decides_where_features_do_not():
    weights = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]])
    x = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 0.4]])
    assert predict(weights, x).tolist() == [0, 1, 0]


# 130 rows: a last batch of 2. 64: none is short. 40: one batch. 193: a last batch of one row.
@pytest.mark.parametrize("n", [130, 64, 40, 193])
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_a_fit_is_the_references(n, classes):
    x, y = blobs(n + 60, 9, classes)
    train, validation = halves(n + 60, 60)
    (found,) = train_all(x, y, [Fit(train, validation, tuple(reference.L2))], TRAINING, workers=1)
    for number, l2 in enumerate(reference.L2):
        expected = reference.Classifier(classes, l2)
        expected.fit(x[train], y[train], (x[validation], y[validation]))
        weights = torch.cat([expected.layer.weight, expected.layer.bias[:, None]], 1).detach()
        torch.testing.assert_close(found.weights[number], weights, rtol=1e-9, atol=1e-11)
        right = (expected.predict(x[validation]) == y[validation]).sum()
        assert found.correct[number] == right


def test_a_refit_draws_its_validation_rows_first():
    x, y = blobs(150, 9, 2)
    order = np.random.RandomState(reference.SEED).permutation(150)
    fit = Fit(order[7:], order[:7], (1e-3,), drawn=150)  # int(0.05 * 150) = 7
    (found,) = train_all(x, y, [fit], TRAINING, workers=1)
    layer = reference.Classifier(2, 1e-3).fit(x, y).layer
    torch.testing.assert_close(found.weights[0, :, :-1], layer.weight.detach())


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("room", [1, 20_000, 1 << 20])
def test_how_many_at_a_time_changes_nothing(monkeypatch, workers, room):
    x, y = blobs(300, 9, 2)
    rng = np.random.default_rng(1)
    fits = []
    for n in (200, 201, 130, 193, 200, 65):  # other numbers of steps, other last batches
        rows = rng.permutation(300)
        l2 = (1e-4, 1e-2) if n != 130 else (1e-3,)
        fits.append(Fit(rows[:n], rows[n:], l2))
    alone = [train_all(x, y, [fit], TRAINING, workers=1)[0] for fit in fits]
    monkeypatch.setitem(STACK_BYTES, "cpu", room)
    together = train_all(x, y, fits, TRAINING, workers=workers)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(other.weights, one.weights, rtol=1e-9, atol=1e-11)
        assert other.correct.tolist() == one.correct.tolist()
        assert other.rounds.tolist() == one.rounds.tolist()


def test_a_fit_stops_at_the_sixth_round_without_improvement():
    # One validation row: the first round gets it right or wrong, and hardly any other differs.
    x, y = blobs(100, 4, 2, noise=0.1)
    train, validation = halves(100, 1)
    (found,) = train_all(x, y, [Fit(train, validation, (1e-5,))], TRAINING, workers=1)
    assert found.correct.tolist() == [1]
    assert found.rounds.tolist() == [7]


def test_a_fit_has_51_rounds_at_most():
    x, y = blobs(80, 4, 2)
    train, validation = halves(80, 10)
    patient = Training(**(vars(TRAINING) | {"tenacity": 1000}))
    (found,) = train_all(x, y, [Fit(train, validation, (1e-5, 1e-2))], patient, workers=1)
    assert found.rounds.tolist() == [51, 51]


def test_every_worker_has_a_stack():
    fits = [Fit(np.arange(100), np.arange(9), (1e-5,))] * 10
    fits += [Fit(np.arange(200), np.arange(9), (1e-5,))] * 3
    stacks = list(stack_up(fits, batch=64, most=4, workers=2))
    assert [len(stack) for stack in stacks] == [4, 4, 2, 2, 1]
    assert [len(stack) for stack in stack_up(fits[:10], 64, most=99, workers=2)] == [5, 5]


def test_progress_counts_every_classifier():
    x, y = blobs(100, 4, 2)
    train, validation = halves(100, 30)
    counts = []
    fits = [Fit(train, validation, (1e-5, 1e-2))] * 3 + [Fit(train, validation, (1e-5,))]
    train_all(x, y, fits, TRAINING, workers=1, advance=counts.append)
    assert sum(counts) == 7


def test_threads_are_as_they_were():
    before = torch.get_num_threads()
    x, y = blobs(100, 4, 2)
    train_all(x, y, [Fit(*halves(100, 30), (1e-5,))], TRAINING, workers=2)
    assert torch.get_num_threads() == before
