import bitsandbytes as bnb
import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from sentscale.four_bits import quantise_linears, widen_linears
from sentscale.linear import PackedLinear, pack_linears

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN"
)


def block(bias=True):
    """Linear layers at several depths, among other things."""
    torch.manual_seed(0)
    inner = nn.ModuleDict({"up": nn.Linear(64, 96, bias=bias), "down": nn.Linear(96, 64)})
    return nn.ModuleDict({"inner": inner, "norm": nn.LayerNorm(64), "out": Conv1D(192, 64)}).eval()


def far(found, expected):
    return ((found - expected).abs().max() / expected.abs().max()).item()


@pytest.mark.parametrize("tokens", [1, 7, 300])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_a_packed_layer_is_the_linear_layer(tokens, bias):
    torch.manual_seed(tokens)
    layer, x = nn.Linear(48, 80, bias=bias), torch.randn(tokens, 48)
    packed = PackedLinear(layer.weight, layer.bias)
    expected = x.double() @ layer.weight.double().T + (layer.bias.double() if bias else 0)
    assert far(packed(x), expected) < 1e-6
    assert far(packed(x), layer(x)) < 1e-6


@torch.inference_mode()
def test_rows_need_not_lie_side_by_side():
    torch.manual_seed(0)
    layer, x = nn.Linear(48, 80), torch.randn(48, 30).mT
    assert far(PackedLinear(layer.weight, layer.bias)(x), layer(x)) < 1e-6


@torch.inference_mode()
def test_all_linear_layers_of_a_module_are_packed():
    module, x = block(), torch.randn(5, 64)
    up, out, norm = module["inner"]["up"], module["out"], module["norm"]
    # Conv1D is stored as (in, out).
    expected = [up(x), x @ out.weight + out.bias]
    pack_linears(module)
    packed = [module["inner"]["up"], module["inner"]["down"], module["out"]]
    assert [type(layer) for layer in packed] == [PackedLinear] * 3
    assert module["norm"] is norm
    for layer, states in zip((packed[0], packed[2]), expected, strict=True):
        assert far(layer(x), states) < 1e-6


@torch.inference_mode()
def test_packing_twice_changes_nothing():
    module = block()
    pack_linears(module)
    first = module["out"]
    pack_linears(module)
    assert module["out"] is first


@torch.inference_mode()
def test_bfloat16_is_packed_where_the_processor_has_it():
    module, x = block().bfloat16(), torch.randn(9, 64).bfloat16()
    expected = module["out"](x).float()
    pack_linears(module)
    found = module["out"](x)
    there = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert type(module["out"]) is (PackedLinear if there else Conv1D)
    assert found.dtype == torch.bfloat16
    assert far(found.float(), expected) < 0.02


def test_other_types_are_left_alone():
    module = block().double()
    pack_linears(module)
    assert type(module["out"]) is Conv1D


@torch.inference_mode()
def test_nothing_is_packed_without_onednn(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    module = block()
    pack_linears(module)
    assert type(module["out"]) is Conv1D


@torch.inference_mode()
def test_quantised_layers_are_left_alone():
    module = block()
    quantise_linears(module, torch.float32)
    kinds = [type(layer) for layer in (module["inner"]["up"], module["out"])]
    assert kinds == [bnb.nn.Linear4bit] * 2
    before = module["out"]
    pack_linears(module)
    assert module["out"] is before


@pytest.mark.parametrize("name", ["up", "down", "out"])
@torch.inference_mode()
def test_four_bits_are_close_to_the_weights_but_not_them(name):
    module = block()
    places = {"up": module["inner"], "down": module["inner"], "out": module}
    layer = places[name][name]
    weight = layer.weight.mT if name == "out" else layer.weight  # (out, in)
    bias = layer.bias
    quantise_linears(module, torch.float32)
    four = places[name][name]
    assert four.weight.dtype == torch.uint8
    assert four.weight.quant_state.quant_type == "nf4"
    assert four.weight.quant_state.nested  # double quantisation
    wide = bnb.functional.dequantize_4bit(four.weight.data, four.weight.quant_state)
    assert wide.shape == weight.shape
    assert 0.01 < far(wide, weight) < 0.2
    widen_linears(module)
    linear = places[name][name]
    assert type(linear) is nn.Linear
    torch.manual_seed(0)
    x = torch.randn(5, weight.shape[1])
    assert far(linear(x), x @ wide.mT + bias) < 1e-6


@torch.inference_mode()
def test_layers_without_weights_are_left_alone():
    # Those of a model that is read layer by layer, but for the one that was read.
    with torch.device("meta"):
        module = block()
    module["inner"]["up"] = nn.Linear(64, 96)
    for change in (pack_linears, lambda module: quantise_linears(module, torch.float32)):
        change(module)
        assert type(module["inner"]["down"]) is nn.Linear
        assert type(module["out"]) is Conv1D
    assert type(module["inner"]["up"]) is PackedLinear


@torch.inference_mode()
def test_layers_that_are_not_in_four_bits_are_not_widened():
    module = block()
    before = module["inner"]["up"]
    widen_linears(module)
    assert module["inner"]["up"] is before
