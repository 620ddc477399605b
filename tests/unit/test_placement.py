"""Several devices, by hand."""

import pytest
import torch
from engine_helpers import MODELS
from transformers import AutoConfig, OPTConfig

from sentscale.engine import places
from sentscale.families import OptDecoder, decoder_for
from sentscale.loading import device_map, empty_body

FIRST, SECOND, THIRD = (torch.device("cuda", index) for index in range(3))


def test_layers_are_in_equal_consecutive_shares():
    assert places(4, [FIRST, SECOND]) == [FIRST, FIRST, SECOND, SECOND]
    assert places(3, [FIRST, SECOND]) == [FIRST, FIRST, SECOND]
    assert places(7, [FIRST, SECOND, THIRD]) == [FIRST] * 3 + [SECOND] * 2 + [THIRD] * 2
    assert places(3, [FIRST]) == [FIRST] * 3


@pytest.mark.parametrize("layers", [5, 7, 24])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_last_layer_is_where_the_model_ends(layers, count):
    # The norm behind it is on the last device.
    devices = [torch.device("cuda", index) for index in range(count)]
    assert places(layers, devices)[-1] == devices[-1]


def test_more_devices_than_layers_are_refused():
    with pytest.raises(ValueError, match="2 layers cannot be split over 3 devices"):
        places(2, [FIRST, SECOND, THIRD])


def test_the_parts_of_opt_350m_on_two_devices():
    config = OPTConfig(
        vocab_size=340,
        hidden_size=32,
        num_hidden_layers=3,
        ffn_dim=64,
        num_attention_heads=4,
        word_embed_proj_dim=16,
        do_layer_norm_before=True,
    )
    assert device_map(OptDecoder(empty_body(config)), [FIRST, SECOND]) == {
        "decoder.embed_tokens": FIRST,
        "decoder.embed_positions": FIRST,
        "decoder.project_in": FIRST,
        "decoder.layers.0": FIRST,
        "decoder.layers.1": FIRST,
        "decoder.layers.2": SECOND,
        "decoder.final_layer_norm": SECOND,
        "decoder.project_out": SECOND,
    }


@pytest.mark.parametrize("name", MODELS)
def test_every_part_has_one_device(tiny_model, name):
    config = AutoConfig.from_pretrained(tiny_model(name))
    decoder = decoder_for(config)[0](empty_body(config))
    assert device_map(decoder, [FIRST]) == {"": FIRST}
    found = device_map(decoder, [FIRST, SECOND])
    for key, _ in [*decoder.model.named_parameters(), *decoder.model.named_buffers()]:
        assert sum(key.startswith(f"{part}.") for part in found) == 1, key
    where = {id(module): found.get(part) for part, module in decoder.model.named_modules()}
    assert [where[id(layer)] for layer in decoder.layers] == [FIRST, FIRST, SECOND]
    assert {where[id(part)] for part in decoder.first} == {FIRST}
