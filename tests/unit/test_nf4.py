"""Four bits on a CPU."""

import pytest
import torch
from engine_helpers import PREFIX, PROMPTS, compute, cosines, dequantised, far

from sentscale.linear import PackedLinear
from sentscale.loading import load_encoder


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("name", ["opt-64", "gpt2-64"])
@torch.inference_mode()
def test_nf4_computes_in_float32_on_a_cpu(tiny_model, name, placement):
    encoder = load_encoder(tiny_model(name), "nf4", compute(placement=placement))
    found = encoder.encode(PROMPTS, "last", [PREFIX])
    model = dequantised(tiny_model(name))
    expected = [
        model(torch.tensor([ids])).last_hidden_state[0, -1] for ids in encoder.tokenise(PROMPTS)
    ]
    assert far(found, torch.stack(expected).numpy()) <= 1e-5


@pytest.mark.parametrize("placement", ["resident", "stream"])
def test_nf4_on_a_cpu_needs_no_layer_of_bitsandbytes(tiny_model, monkeypatch, placement):
    # Theirs compute in bfloat16 where the processor can.
    encoder = load_encoder(tiny_model("opt-64"), "nf4", compute(placement=placement))
    layers = list(encoder.decoder.layers)
    if placement == "stream":
        prepare = encoder.prepare
        monkeypatch.setattr(
            encoder, "prepare", lambda part, name: (prepare(part, name), layers.append(part))
        )
        encoder.encode(PROMPTS, "last")
    kinds = {type(part) for layer in layers[-3:] for part in layer.modules()}
    assert kinds & {torch.nn.Linear, PackedLinear}
    assert not any("4bit" in kind.__name__ for kind in kinds)


@pytest.mark.parametrize("name", ["opt-64", "gpt2-64", "opt-350m-64"])
def test_nf4_is_the_same_wherever_the_model_is(tiny_model, plain, name):
    resident, stream = (
        load_encoder(tiny_model(name), "nf4", compute(placement=place)).encode(PROMPTS, "last")
        for place in ("resident", "stream")
    )
    assert far(resident, plain(name, precision="nf4")) <= 1e-5
    assert far(stream, resident) <= 1e-5


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("name", ["opt-64", "gpt2-64"])
def test_nf4_is_close_to_fp32_but_not_it(tiny_model, plain, name, placement):
    encoder = load_encoder(tiny_model(name), "nf4", compute(placement=placement))
    found = encoder.encode(PROMPTS, "last", [PREFIX])
    assert 0.8 < cosines(found, plain(name)).mean() < 0.99
