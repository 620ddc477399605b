"""One step of training, and the scale that fp16 needs."""

import math

import pandas as pd
import pytest
import torch
from training_helpers import ALONE, CPU, columns, run, same_bits, small

from sentscale import training
from sentscale.checkpoints import Checkpoints
from sentscale.lora import load_trainable
from sentscale.training import Trainer


def test_a_gradient_that_is_not_finite_changes_nothing(tiny_model, monkeypatch):
    recipe = small(warm_up=0)
    trainer = Trainer(
        load_trainable(tiny_model("llama"), recipe, CPU, "kept"), recipe, "last", ALONE, 0
    )
    before = {name: one.detach().clone() for name, one in trainer.matrices.items()}

    def steep(vectors, temperature):  # 0, and a slope of infinity
        return (vectors - vectors.detach()).abs().sqrt().sum()

    monkeypatch.setattr(training, "contrastive_loss", steep)
    with pytest.raises(FloatingPointError, match=r"step 1: loss is 0\.0, gradient norm (nan|inf)"):
        trainer.step(0, 6, [[5, 6]] * 3)
    assert same_bits(dict(trainer.matrices), before)


def test_a_step_that_the_scaler_leaves_out_can_be_saved(tiny_model, tmp_path, monkeypatch):
    # In fp16 the first scales are often too large; AdamW has no moments before a step is taken.
    recipe, kind = small(warm_up=0), torch.amp.GradScaler
    scaler = {"init_scale": 1e38, "backoff_factor": 1e-38}
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *_, **__: kind("cpu", **scaler))

    def trainer():
        model = load_trainable(tiny_model("llama"), recipe, CPU, "kept")
        return Trainer(model, recipe, "last", ALONE, 0)

    parts = [one[row] for one in columns(4).values() for row in range(4)]
    straight, stopped, resumed = trainer(), trainer(), trainer()
    begun = {name: one.detach().clone() for name, one in straight.matrices.items()}
    assert not math.isfinite(straight.step(0, 6, parts)["gradient_norm"])
    assert same_bits(dict(straight.matrices), begun)
    assert straight.scaler.get_scale() == pytest.approx(1)
    straight.step(1, 6, parts)
    assert not same_bits(dict(straight.matrices), begun)
    stopped.step(0, 6, parts)
    folder, curve = Checkpoints(tmp_path, {}, 2), pd.DataFrame({"step": [1]})
    folder.save(stopped.state(1, curve), stopped.model.peft_config["default"])
    resumed.restore(folder.read(1))
    resumed.step(1, 6, parts)
    assert same_bits(dict(resumed.matrices), dict(straight.matrices))


@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_the_scale_of_fp16_does_not_change_the_step(tiny_model, monkeypatch, scale, tmp_path):
    kind, whole = torch.amp.GradScaler, run(tiny_model("llama"), tmp_path / "whole")
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *_, **__: kind("cpu", init_scale=scale))
    found, curve = run(tiny_model("llama"), tmp_path / "scaled")
    assert same_bits(found, whole[0])  # a power of 2
    for name in ("loss", "gradient_norm"):
        assert curve[name].tolist() == whole[1][name].tolist()


@pytest.mark.parametrize("pooling", ["first", "mask"])
def test_a_pooling_of_other_models_is_refused(pooling):
    with pytest.raises(ValueError, match=f"pooling '{pooling}' is for models that attend to both"):
        Trainer(None, small(), pooling, ALONE, 0)
