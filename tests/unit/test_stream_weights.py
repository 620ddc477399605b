"""Weights that are read from their files when they are needed."""

import pytest
import torch
from engine_helpers import PREFIX, SHORT_PROMPTS, far
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM

from sentscale.offload import Weights


@pytest.fixture(scope="module")
def sharded(tiny_model, tmp_path_factory):
    """A model in many files with an index."""
    folder = tmp_path_factory.mktemp("sharded")
    model = AutoModelForCausalLM.from_pretrained(tiny_model("llama"))
    model.save_pretrained(folder, max_shard_size="20KB")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_model("llama") / name).read_bytes())
    return folder


def test_weights_are_found_in_many_files(sharded, tiny_model):
    assert len(list(sharded.glob("*.safetensors"))) > 3
    weights = Weights(sharded, "model")
    assert len(set(weights.files.values())) > 3
    for name, tensor in AutoModel.from_pretrained(tiny_model("llama")).state_dict().items():
        module, _, key = name.rpartition(".")
        assert torch.equal(weights.read(module, [key], torch.float32)[key], tensor)


def test_a_model_in_many_files_gives_the_same_vectors(sharded, stream, plain):
    found = stream(sharded).encode(SHORT_PROMPTS, "last", [PREFIX])
    assert far(found, plain("llama", SHORT_PROMPTS)) <= 1e-5


@pytest.mark.parametrize("name", ["llama", "opt", "gpt2", "pythia"])
def test_a_file_of_the_body_alone_will_do(tiny_model, stream, plain, tmp_path, name):
    AutoModel.from_pretrained(tiny_model(name)).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_bytes((tiny_model(name) / file).read_bytes())
    whole, body = (
        set(load_file(folder / "model.safetensors")) for folder in (tiny_model(name), tmp_path)
    )
    assert not whole & body  # they name the same tensors in two ways
    assert far(stream(tmp_path).encode(SHORT_PROMPTS, "last"), plain(name, SHORT_PROMPTS)) <= 1e-5


def damaged_copy(folder, target, missing):
    """A model without one tensor."""
    target.mkdir()
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (target / path.name).write_bytes(path.read_bytes())
    tensors = load_file(folder / "model.safetensors")
    del tensors[missing]
    save_file(tensors, target / "model.safetensors", {"format": "pt"})
    return target


@pytest.mark.parametrize(
    "name", ["model.norm.weight", "model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight"]
)
def test_a_missing_tensor_is_named(tiny_model, stream, tmp_path, name):
    folder = damaged_copy(tiny_model("llama"), tmp_path / "x", name)
    body = name.removeprefix("model.")
    with pytest.raises(ValueError, match=f"{folder}: no tensor {body} or {name}"):
        stream(folder).encode(SHORT_PROMPTS, "last")


def test_tensors_are_read_in_a_type_and_in_memory_of_their_own(tmp_path):
    table = torch.arange(12, dtype=torch.bfloat16).view(4, 3) / 3
    path = tmp_path / "model.safetensors"
    save_file({"model.a.weight": table, "model.a.bias": table[0].clone()}, path)
    weights = Weights(tmp_path, "model")
    same = weights.read("a", ["weight", "bias"], torch.bfloat16)
    wide = weights.read("a", ["weight"], torch.float32)
    rows = weights.rows("a.weight", torch.tensor([3, 1]), torch.float32)
    assert (wide["weight"].dtype, rows.dtype) == (torch.float32, torch.float32)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert torch.equal(same["weight"], table)
    assert torch.equal(same["bias"], table[0])
    assert torch.equal(wide["weight"], table.float())
    assert torch.equal(rows, table[[3, 1]].float())
