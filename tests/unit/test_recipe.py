"""The schedule of a recipe."""

import pytest
import torch
from training_helpers import small
from transformers import get_linear_schedule_with_warmup

PAPERS = {"learning_rate": 5e-4, "warm_up": 100}


@pytest.mark.parametrize(
    ("warm_up", "steps"), [(100, 1077), (0, 7), (3, 7), (7, 7), (9, 7), (1, 1)]
)
def test_rates_are_those_of_transformers(warm_up, steps):
    recipe = small(learning_rate=5e-4, warm_up=warm_up)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=5e-4)
    schedule = get_linear_schedule_with_warmup(optimiser, warm_up, steps)
    expected = []
    for _ in range(steps):
        expected.append(schedule.get_last_lr()[0])
        optimiser.step()
        schedule.step()
    found = [recipe.rate(step, steps) for step in range(steps)]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-18)


def test_rates_of_the_paper_by_hand():
    recipe = small(**PAPERS)
    assert recipe.rate(0, 1077) == 0
    assert recipe.rate(50, 1077) == pytest.approx(2.5e-4)
    assert recipe.rate(100, 1077) == 5e-4
    assert recipe.rate(1076, 1077) == pytest.approx(5e-4 / 977)  # the last is not 0


@pytest.mark.parametrize(
    ("triplets", "batch", "epochs", "steps"),
    [
        (275_601, 256, 1, 1077),  # protocol, section 5
        (275_601, 200, 1, 1379),
        (275_601, 256, 2, 2154),
        (256, 256, 1, 1),
        (257, 256, 1, 2),
        (1, 256, 3, 3),
    ],
)
def test_the_last_step_of_an_epoch_may_be_smaller(triplets, batch, epochs, steps):
    assert small(batch=batch, epochs=epochs).steps(triplets) == steps
