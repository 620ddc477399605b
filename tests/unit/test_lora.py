"""LoRA on every linear layer of a frozen body, and nothing else to train."""

import bitsandbytes as bnb
import pytest
import torch
from training_helpers import CPU, gradients, lora_model, random_tokens, relative, same_bits, small
from transformers import AutoModel

from sentscale.contrast import contrastive_loss, embed_chunk, make_chunks
from sentscale.four_bits import quantise_linears, widen_linears
from sentscale.linear import linears_of
from sentscale.loading import load_body
from sentscale.lora import load_trainable, put_lora, trained

GATED = [f"self_attn.{one}_proj" for one in "qkvo"] + [
    f"mlp.{n}_proj" for n in ("gate", "up", "down")
]
OPT = [f"self_attn.{one}" for one in ("q_proj", "k_proj", "v_proj", "out_proj")] + ["fc1", "fc2"]
# Linear layers by hand: of a block, where the blocks are, and others.
LAYERS = {
    "llama": (GATED, "layers", []),
    "qwen3": (GATED, "layers", []),
    "gemma3": (GATED, "layers", []),
    "opt": (OPT, "decoder.layers", []),
    "opt-350m": (OPT, "decoder.layers", ["decoder.project_in", "decoder.project_out"]),
    "gpt2": (["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"], "h", []),
    "pythia": (
        ["attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"],
        "layers",
        [],
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_lora_is_on_all_linear_layers_and_nothing_else_is_trained(tiny_model, name):
    model = load_trainable(tiny_model(name), small(rank=4), CPU, "kept")
    block, where, others = LAYERS[name]
    layers = [f"{where}.{n}.{one}" for n in range(3) for one in block] + others
    halves = [f"base_model.model.{one}.lora_{half}.weight" for one in layers for half in "AB"]
    assert sorted(trained(model)) == sorted(halves)
    body = AutoModel.from_pretrained(tiny_model(name))
    for one in layers:  # (in, out) at gpt2
        wide, narrow = body.get_submodule(one).weight.shape
        wide, narrow = (narrow, wide) if name == "gpt2" else (wide, narrow)
        found = [trained(model)[f"base_model.model.{one}.lora_{half}.weight"] for half in "AB"]
        assert [tuple(half.shape) for half in found] == [(4, narrow), (wide, 4)]
        assert not found[1].any()  # the first step starts from the model as it is
    assert model.training


@pytest.mark.parametrize("name", ["llama", "opt-350m", "gpt2"])
def test_lora_adds_its_product(tiny_model, name):
    # W + alpha / r B A in transformers' own model, which has no LoRA.
    model = lora_model(tiny_model(name), small(rank=4, alpha=6)).eval()
    body = AutoModel.from_pretrained(tiny_model(name), dtype=torch.float64).eval()
    ids = torch.tensor([random_tokens(9)[0] + [7, 8, 9]])
    with torch.no_grad():
        before = body(ids).last_hidden_state
        for key, a in trained(model).items():
            if "lora_A" in key:
                b = trained(model)[key.replace("lora_A", "lora_B")]
                layer = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
                change = 6 / 4 * b @ a
                body.get_submodule(layer).weight += change.T if name == "gpt2" else change
        expected, found = body(ids).last_hidden_state, model(ids).last_hidden_state
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(found, before, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("name", "base", "compute", "weights", "states"),
    [
        ("llama", "fp32", "fp32", torch.float32, torch.float32),
        ("llama", "bf16", "bf16", torch.bfloat16, torch.bfloat16),
        ("opt-64", "nf4", "fp32", torch.float32, torch.float32),
        ("opt-64", "nf4", "bf16", torch.bfloat16, torch.float32),
        ("gpt2-64", "nf4", "bf16", torch.bfloat16, torch.float32),
    ],
)
def test_what_is_trained_is_in_float32(tiny_model, name, base, compute, weights, states):
    model = load_trainable(tiny_model(name), small(base=base, compute=compute), CPU, "kept")
    assert {one.dtype for one in trained(model).values()} == {torch.float32}
    frozen = {key: one for key, one in model.named_parameters() if not one.requires_grad}
    linear = {key for key in frozen if "base_layer.weight" in key}
    assert {frozen[key].dtype for key in linear} == {weights}
    assert {frozen[key].dtype for key in frozen if "norm" in key or "embed" in key} <= {states}


@pytest.mark.parametrize("name", ["opt-64", "gpt2-64"])
def test_a_base_in_4_bits_has_16_values_in_each_block(tiny_model, name):
    model = load_trainable(tiny_model(name), small(base="nf4"), CPU, "kept").get_base_model()
    whole = AutoModel.from_pretrained(tiny_model(name))
    plain = {key: weight for _, key, weight in named_linears(whole)}
    layers = {
        key.removesuffix(".base_layer"): one.weight
        for key, one in model.named_modules()
        if key.endswith(".base_layer")
    }
    assert layers.keys() == plain.keys()
    for key, weight in layers.items():
        blocks = weight.detach().reshape(-1, 64)
        assert max(len(block.unique()) for block in blocks) <= 16
        assert 0 < (weight - plain[key]).abs().max() < 0.2 * plain[key].abs().max()
    assert not any(isinstance(one, bnb.nn.Linear4bit) for one in model.modules())


def named_linears(model):
    names = {id(module): name for name, module in model.named_modules()}
    for parent, name, weight, _ in linears_of(model):
        yield parent, f"{names[id(parent)]}.{name}", weight


def test_the_same_seed_begins_with_the_same_matrices(tiny_model):
    def first(seed):
        model = load_trainable(tiny_model("llama"), small(seed=seed), CPU, "kept")
        return {name: one.detach() for name, one in trained(model).items()}

    assert same_bits(first(1), first(1))
    assert not same_bits(first(1), first(2))


@pytest.mark.parametrize(
    ("name", "reason"), [("bert", "chunks have no mask for padding"), ("bloom", "training is not")]
)
def test_a_model_that_sees_padding_is_refused(tiny_model, name, reason):
    with pytest.raises(ValueError, match=reason):
        load_trainable(tiny_model(name), small(), CPU, "kept")


def test_fp16_needs_a_gpu(tiny_model):
    with pytest.raises(ValueError, match="fp16 needs a GPU"):
        load_trainable(tiny_model("llama"), small(compute="fp16"), CPU, "kept")


def step(model):
    """Loss and gradients of one step of four triplets, one graph over its chunks."""
    chunks = make_chunks(random_tokens(12), 5, 1, 2)
    vectors = torch.cat([embed_chunk(model, chunk, "last") for chunk in chunks])
    loss = contrastive_loss(vectors, 0.5)
    loss.backward()
    return loss.item(), gradients(model)


@pytest.mark.parametrize("name", ["llama", "opt", "gpt2"])
def test_recomputed_activations_change_no_bit(tiny_model, name):
    steps, calls = {}, {}
    for activations in ("kept", "recomputed"):
        model = lora_model(tiny_model(name), small(), activations, torch.float32)
        seen = []
        ends = ("1.mlp.act", "1.mlp.act_fn", "1.fc1.base_layer")  # inside the second block
        layer = next(one for key, one in model.named_modules() if key.endswith(ends))
        layer.register_forward_hook(lambda *_, seen=seen: seen.append(1))
        steps[activations], calls[activations] = step(model), len(seen)
    assert calls == {"kept": 3, "recomputed": 6}  # three chunks
    assert steps["recomputed"][0] == steps["kept"][0]
    assert same_bits(steps["recomputed"][1], steps["kept"][1])


@pytest.mark.parametrize("name", ["opt-64", "gpt2-64"])
def test_4_bit_layers_of_a_gpu_train_as_their_widened_weights(tiny_model, name):
    # On a CPU with avx512_bf16 bitsandbytes' own layers may compute in bfloat16.
    found = {}
    for wide in (True, False):
        model = load_body(tiny_model(name), torch.float32, "fp32", {"": CPU})
        quantise_linears(model, torch.float32)
        if wide:
            widen_linears(model)
        torch.manual_seed(1)
        model = put_lora(model, 4, 8, 0.2)
        rng = torch.Generator().manual_seed(3)
        for key, matrix in trained(model).items():
            if "lora_B" in key:
                matrix.data = 0.1 * torch.randn(matrix.shape, generator=rng)
        kinds = {type(one).__name__ for one in model.modules()}
        assert ("Linear4bit" in kinds) is not wide
        found[wide] = step(model.train())
    assert found[False][0] == pytest.approx(found[True][0], rel=2e-2)
    assert relative(found[False][1], found[True][1]) <= 5e-2
