"""The training loop: an interrupted run ends as one that was not."""

import math
import os
import signal
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch
from engine_helpers import files, warnings_of
from peft import LoraConfig, get_peft_model
from training_helpers import (
    ALONE,
    CPU,
    Quiet,
    columns,
    reference_loss,
    relative,
    run,
    same_bits,
    small,
)
from transformers import AutoModel, get_linear_schedule_with_warmup

from sentscale import training
from sentscale.checkpoints import ADAPTER, Checkpoints
from sentscale.contrast import make_chunks
from sentscale.lora import load_trainable, trained
from sentscale.training import Reports, StoppedError, batches

CURVE = ["step", "epoch", "triplets", "tokens", "loss", "learning_rate", "gradient_norm"]
TIMES = ["seconds", "tokens_per_second"]


@pytest.fixture(scope="module")
def whole(tiny_model, tmp_path_factory):
    """Matrices and curve of six steps in one go."""
    return run(tiny_model("llama"), tmp_path_factory.mktemp("whole"))


def kept(parent):
    return Checkpoints(parent, {}, 2)


def stop(signum):
    return lambda: signal.raise_signal(signum)


def test_training_is_a_plain_loop(tiny_model, whole):
    # Everything by torch, PEFT and transformers: one graph over all chunks, their schedule.
    recipe, tokens = small(), columns(24)
    torch.manual_seed(recipe.seed)
    lora = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.2, target_modules="all-linear")
    model = get_peft_model(AutoModel.from_pretrained(tiny_model("llama")), lora).train()
    matrices = [one for one in model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(matrices, lr=recipe.learning_rate, weight_decay=0)
    schedule = get_linear_schedule_with_warmup(optimiser, 2, 6)
    order = np.random.default_rng([42, 0]).permutation(24)
    losses, norms, rates = [], [], []
    for step in range(6):
        rows = order[4 * step : 4 * step + 4]
        batch = [tokens[name][row] for name in "abc" for row in rows]
        vectors = torch.zeros(12, 32)
        for chunk in make_chunks(batch, recipe.chunk, recipe.seed, step):
            torch.manual_seed(chunk.seed)
            states = model(input_ids=chunk.ids).last_hidden_state
            last = states[range(len(chunk.rows)), chunk.lengths - 1]
            vectors = vectors.index_put((torch.tensor(chunk.rows),), last)
        loss = reference_loss(vectors, recipe.temperature)
        optimiser.zero_grad()
        (loss / recipe.loss_divisor).backward()
        norms.append(torch.nn.utils.clip_grad_norm_(matrices, recipe.clip).item())
        rates.append(schedule.get_last_lr()[0])
        losses.append(loss.item())
        optimiser.step()
        schedule.step()
    found, curve = whole
    assert max(norms) > 1  # some are clipped
    assert curve.loss.tolist() == pytest.approx(losses, rel=1e-4)
    assert curve.gradient_norm.tolist() == pytest.approx(norms, rel=1e-4)
    assert curve.learning_rate.tolist() == pytest.approx(rates, rel=1e-12)
    expected = {name: one.detach() for name, one in trained(model).items()}
    assert relative(found, expected) <= 1e-3


def test_the_curve_has_a_row_for_each_step(whole):
    curve = whole[1]
    assert list(curve) == CURVE + TIMES
    assert curve.step.tolist() == [1, 2, 3, 4, 5, 6]
    assert curve.epoch.tolist() == pytest.approx([n / 6 for n in range(1, 7)])
    assert curve.triplets.tolist() == [4] * 6
    total = sum(len(row) for column in columns(24).values() for row in column)
    assert curve.tokens.sum() == total  # one epoch reads all once
    assert curve.learning_rate[0] == 0
    assert np.allclose(curve.tokens / curve.seconds, curve.tokens_per_second)


def test_the_rate_of_the_first_step_is_zero(tiny_model, tmp_path):
    recipe = small(checkpoint_every=1)
    first, _ = run(tiny_model("llama"), tmp_path, recipe, triplets=4)
    begun = trained(load_trainable(tiny_model("llama"), recipe, CPU, "kept"))
    assert same_bits(first, begun)


@pytest.mark.parametrize("step", [1, 3, 4])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_the_step_and_the_run_goes_on_to_the_same_bits(
    tiny_model, tmp_path, whole, signum, step
):
    before = [signal.getsignal(one) for one in training.SIGNALS]
    with pytest.raises(
        StoppedError, match=f"stopped by {signum.name}; step {step} is saved"
    ) as told:
        run(tiny_model("llama"), tmp_path, reports=Quiet({step: stop(signum)}))
    assert told.value.signum == signum
    assert [signal.getsignal(one) for one in training.SIGNALS] == before
    assert kept(tmp_path).newest() == step
    again = Quiet()
    found, curve = run(tiny_model("llama"), tmp_path, reports=again)
    assert again.skipped == step
    assert same_bits(found, whole[0])
    pd.testing.assert_frame_equal(curve[CURVE], whole[1][CURVE], check_exact=True)


def test_a_run_can_be_stopped_again_and_again(tiny_model, tmp_path, whole):
    for step in (1, 2, 3, 5):
        with pytest.raises(StoppedError):
            run(tiny_model("llama"), tmp_path, reports=Quiet({step: stop(signal.SIGTERM)}))
    found, curve = run(tiny_model("llama"), tmp_path)
    assert same_bits(found, whole[0])
    assert curve.step.tolist() == [1, 2, 3, 4, 5, 6]
    assert kept(tmp_path).steps() == [2, 4, 5, 6]  # 5 to fall back on; 1 and 3 are gone


def test_a_signal_at_the_last_step_ends_nothing_early(tiny_model, tmp_path, whole):
    found, _ = run(tiny_model("llama"), tmp_path, reports=Quiet({6: stop(signal.SIGTERM)}))
    assert same_bits(found, whole[0])


def test_a_run_that_was_done_does_nothing_again(tiny_model, tmp_path, whole):
    run(tiny_model("llama"), tmp_path)
    again = Quiet(dict.fromkeys(range(1, 7), pytest.fail))
    found, curve = run(tiny_model("llama"), tmp_path, reports=again)
    assert same_bits(found, whole[0])
    assert curve.step.tolist() == [1, 2, 3, 4, 5, 6]


def fail():
    raise RuntimeError("the machine is gone")


@pytest.mark.parametrize("damage", ["flipped", "absent"])
def test_a_damaged_newest_checkpoint_changes_no_bit(tiny_model, tmp_path, whole, caplog, damage):
    with pytest.raises(RuntimeError, match="the machine is gone"):
        run(tiny_model("llama"), tmp_path, reports=Quiet({5: fail}))
    path = kept(tmp_path).path(4) / ADAPTER
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if damage == "flipped" else b"")
    again = Quiet()
    found, _ = run(tiny_model("llama"), tmp_path, reports=again)
    assert again.skipped == 2
    assert f"{path.parent} is damaged" in warnings_of(caplog)[0]
    assert same_bits(found, whole[0])


def test_epochs_have_orders_of_their_own(tiny_model, tmp_path):
    recipe = small(epochs=2, batch=5)
    found = list(batches(12, recipe))
    assert [len(batch) for batch in found] == [5, 5, 2, 5, 5, 2]
    first, second = (list(chain(*epoch)) for epoch in (found[:3], found[3:]))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
    assert found != list(batches(12, small(epochs=2, batch=5, seed=1)))
    with pytest.raises(StoppedError):
        run(tiny_model("llama"), tmp_path, recipe, Quiet({4: stop(signal.SIGTERM)}), 12)
    resumed, _ = run(tiny_model("llama"), tmp_path, recipe, triplets=12)
    straight, curve = run(tiny_model("llama"), tmp_path / "straight", recipe, triplets=12)
    assert same_bits(resumed, straight)
    assert curve.epoch.tolist() == pytest.approx([n / 3 for n in range(1, 7)])


@pytest.mark.parametrize(
    ("broken", "place"), [(3, "the checkpoint of step 2 is kept"), (1, "none is kept yet")]
)
def test_a_loss_that_is_not_finite_stops_with_its_step(
    tiny_model, tmp_path, whole, monkeypatch, broken, place
):
    right, calls = training.contrastive_loss, []

    def loss(vectors, temperature):
        calls.append(1)
        return right(vectors, temperature) * (math.nan if len(calls) == broken else 1)

    with monkeypatch.context() as patch:
        patch.setattr(training, "contrastive_loss", loss)
        expected = rf"step {broken}: loss is nan, gradient norm nan; {place}"
        with pytest.raises(FloatingPointError, match=expected):
            run(tiny_model("llama"), tmp_path)
    assert kept(tmp_path).newest() == broken // 2 * 2
    assert same_bits(run(tiny_model("llama"), tmp_path)[0], whole[0])


def test_too_few_steps_for_a_candidate_are_an_error(tiny_model, tmp_path):
    expected = "7 triplets make 2 steps of 4; with checkpoint_every 3 there would be no checkpoint"
    with pytest.raises(ValueError, match=expected):
        run(tiny_model("llama"), tmp_path, small(checkpoint_every=3), triplets=7)
    assert files(tmp_path) == []


def test_a_disk_that_is_full_for_a_while_costs_the_last_steps_only(
    tiny_model, tmp_path, whole, monkeypatch
):
    write, calls = Checkpoints.save, []

    def full(self, state, config):
        calls.append(state.step)
        if state.step == 4:
            raise OSError(28, "No space left on device")
        write(self, state, config)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", full)
        with pytest.raises(OSError, match="No space left"):
            run(tiny_model("llama"), tmp_path)
    assert calls == [2, 4]
    assert same_bits(run(tiny_model("llama"), tmp_path)[0], whole[0])


def test_tensorboard_and_the_log_are_told(tiny_model, tmp_path, caplog):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    caplog.set_level("INFO")
    reports = Reports("curve.csv", 6, tmp_path / "board", ALONE)
    _, curve = run(tiny_model("llama"), tmp_path / "kept", reports=reports)
    told = EventAccumulator(str(tmp_path / "board")).Reload()
    for name in ("loss", "learning_rate", "gradient_norm", "tokens_per_second"):
        scalars = told.Scalars(name)
        assert [one.step for one in scalars] == [1, 2, 3, 4, 5, 6]
        assert [one.value for one in scalars] == pytest.approx(curve[name].tolist(), rel=1e-6)
    assert "curve.csv: 6 steps in " in caplog.text


def test_one_signal_is_enough_for_all_handlers(tiny_model, tmp_path):
    # A second signal, while the first is being dealt with, does not end the job half saved.
    def twice():
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(StoppedError, match="step 3 is saved"):
        run(tiny_model("llama"), tmp_path, reports=Quiet({3: twice}))
    assert kept(tmp_path).newest() == 3
