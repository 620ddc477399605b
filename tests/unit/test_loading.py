"""What an encoder is loaded as, and what is refused."""

import numpy as np
import pytest
import torch
from engine_helpers import PREFIX, PROMPTS, compute, warnings_of
from transformers import AutoConfig, GPT2Config, LlamaConfig

from sentscale.encoder import Compute, check_gpus
from sentscale.families import decoder_for
from sentscale.labels import LocalLabeller
from sentscale.linear import PackedLinear
from sentscale.loading import dtype_of, load_encoder
from sentscale.ranks import joined_ranks


def test_a_loaded_model_is_packed_and_in_order(tiny_model):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute())
    packed = isinstance(encoder.decoder.layers[0].mlp.up_proj, PackedLinear)
    assert packed == torch.backends.mkldnn.is_available()
    assert (encoder.max_tokens, encoder.reuse_prefix, encoder.trim_last_layer) == (64, True, True)
    assert not any(module.training for module in encoder.decoder.layers)


# --- Models that the fast engine does not know


def test_an_unknown_architecture_is_computed_plainly_with_one_warning(tiny_model, plain, caplog):
    encoder = load_encoder(tiny_model("bloom"), "fp32", compute())
    assert len(warnings_of(caplog)) == 1
    assert "does not know model_type 'bloom'" in warnings_of(caplog)[0]
    for pooling in ("last", "mean"):
        found = encoder.encode(PROMPTS, pooling, [PREFIX])
        np.testing.assert_array_equal(found, plain("bloom", pooling=pooling))


@pytest.mark.parametrize(
    ("name", "engine"), [("llama", "fast"), ("llama", "plain"), ("bloom", "plain")]
)
def test_nobody_is_warned_of_what_was_asked_for(tiny_model, caplog, name, engine):
    load_encoder(tiny_model(name), "fp32", compute(engine)).encode(PROMPTS, "last", [PREFIX])
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("placement", ["split", "stream"])
@pytest.mark.parametrize("name", ["bloom", "bert"])
def test_other_placements_of_an_unknown_architecture_are_refused(tiny_model, name, placement):
    with pytest.raises(ValueError, match=f"placement {placement} .*'{name}'; use resident"):
        load_encoder(tiny_model(name), "fp32", compute(placement=placement))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (LlamaConfig(rope_parameters={"rope_type": "dynamic", "factor": 2.0}), "'dynamic'"),
        (GPT2Config(add_cross_attention=True), "add_cross_attention"),
        (
            AutoConfig.for_model("gemma3_text", attn_logit_softcapping=30.0),
            "attn_logit_softcapping",
        ),
        (
            AutoConfig.for_model("gemma3_text", use_bidirectional_attention=True),
            "use_bidirectional_attention",
        ),
        (AutoConfig.for_model("falcon"), "falcon"),
    ],
)
def test_what_the_engine_would_get_wrong_is_named(config, reason):
    kind, why = decoder_for(config)
    assert kind is None
    assert reason in why


# --- What is not there


def test_an_unknown_precision_is_refused(tiny_model):
    with pytest.raises(ValueError, match="'fp8', allowed: fp32, bf16, fp16, nf4"):
        load_encoder(tiny_model("opt"), "fp8", compute())


def test_fp16_on_a_cpu_is_refused(tiny_model):
    for settings in (("fast",), ("plain",), ("fast", "stream")):
        with pytest.raises(ValueError, match="fp16 needs a GPU"):
            load_encoder(tiny_model("opt"), "fp16", compute(*settings))


def test_nf4_computes_in_half_precision_on_a_gpu_alone():
    assert (dtype_of("nf4", True), dtype_of("nf4", False)) == (torch.float16, torch.float32)
    assert dtype_of("fp16", True) == torch.float16


@pytest.mark.parametrize(("asked", "seen"), [(1, 0), (2, 1), (4, 2)])
def test_a_job_without_its_gpus_ends_before_it_loads_a_model(tmp_path, monkeypatch, asked, seen):
    # A stand-in: a cluster granted some GPUs, torch sees others (the folder has no model).
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    told = f"asks for {asked} GPUs, torch sees {seen}"
    with pytest.raises(RuntimeError, match=told):
        load_encoder(tmp_path, "fp32", Compute("fast", "split", 1, asked, 64, 8))
    with pytest.raises(RuntimeError, match=told), joined_ranks(asked, 1):
        pass
    with pytest.raises(RuntimeError, match=told):
        LocalLabeller(tmp_path, "fp32", '"{text}"', asked, 1)


def test_a_job_with_its_gpus_goes_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_gpus(0)
    check_gpus(2)
