"""The fast engine gives what the plain one gives."""

import itertools

import numpy as np
import pytest
from engine_helpers import GATED, MODELS, PREFIX, PROMPTS, TEXTS, compute, cosines, far
from transformers import AutoConfig

from sentscale.families import DECODERS
from sentscale.loading import load_encoder

SWITCHES = ["reuse_prefix", "trim_last_layer", "pack_rows"]


@pytest.mark.parametrize("packed", [False, True], ids=["linear", "packed"])
@pytest.mark.parametrize("off", [[], *([one] for one in SWITCHES), SWITCHES], ids="-".join)
@pytest.mark.parametrize("name", MODELS)
def test_no_switch_changes_a_vector(fast, plain, name, off, packed):
    encoder = fast(name, packed=packed, **dict.fromkeys(off, False))
    found = encoder.encode(PROMPTS, "last", [PREFIX])
    assert found.dtype == np.float32
    assert far(found, plain(name)) <= 1e-5
    assert far(encoder.encode(PROMPTS, "mean", [PREFIX]), plain(name, pooling="mean")) <= 1e-5


@pytest.mark.parametrize("values", list(itertools.product([True, False], repeat=3)), ids=str)
def test_switches_do_not_depend_on_each_other(fast, plain, values):
    for name in ("llama", "opt", "gemma3"):
        switches = dict(zip(SWITCHES, values, strict=True))
        assert far(fast(name, **switches).encode(PROMPTS, "last", [PREFIX]), plain(name)) <= 1e-5


@pytest.mark.parametrize("placement", ["resident", "split", "stream"])
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_gives_the_plain_vectors(tiny_model, plain, name, placement):
    encoder = load_encoder(tiny_model(name), "fp32", compute(placement=placement))
    for prefixes in ([PREFIX], []):
        assert far(encoder.encode(PROMPTS, "last", prefixes), plain(name)) <= 1e-5
    assert far(encoder.encode(PROMPTS, "mean", [PREFIX]), plain(name, pooling="mean")) <= 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_layers_on_several_devices_give_the_same(fast, plain, name):
    encoder = fast(name, split=True)
    assert far(encoder.encode(PROMPTS, "last", [PREFIX]), plain(name)) <= 1e-5
    assert far(encoder.encode(PROMPTS, "mean"), plain(name, pooling="mean")) <= 1e-5


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("name", MODELS)
def test_bf16_is_that_of_the_plain_engine(tiny_model, plain, name, placement):
    # Smaller weights, or the rounding of bfloat16 grows from layer to layer.
    spread = 0.1 if name in GATED else 0.3
    expected = plain(name, precision="bf16", spread=spread)
    encoder = load_encoder(tiny_model(name, spread), "bf16", compute(placement=placement))
    for prefixes in ([PREFIX], []):
        found = encoder.encode(PROMPTS, "last", prefixes)
        assert found.dtype == np.float32
        near = cosines(found, expected).min()
        assert near >= 0.999
        # The bound means something: distinct prompts are farther apart.
        distinct = expected[[row for row in range(len(TEXTS)) if TEXTS.index(TEXTS[row]) == row]]
        others = cosines(distinct[:, None], distinct[None])[~np.eye(len(distinct), dtype=bool)]
        assert 1 - near < (1 - others.max()) / 3
        assert far(found, plain(name, spread=spread)) > 1e-4


def test_every_known_architecture_is_tested(tiny_model):
    kinds = {AutoConfig.from_pretrained(tiny_model(name)).model_type for name in MODELS}
    assert kinds == set(DECODERS)
