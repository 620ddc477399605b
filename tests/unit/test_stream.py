import functools
import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM, LlamaConfig

from sentscale.decoders import Decoder
from sentscale.encoder import Compute
from sentscale.loading import load_encoder
from sentscale.offload import States, Weights
from sentscale.stream import EachLayer

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
TEMPLATE = 'This sentence : "{}" means in one word:"'
PREFIX = TEMPLATE.partition("{}")[0]
TEXTS = ["A man plays.", "Two dogs run along the beach.", "'Hi' there.", "", "x", "Monday", "x y z"]
PROMPTS = [TEMPLATE.format(text) for text in TEXTS]


def far(found, expected):
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


@pytest.fixture
def stream(tiny_model):
    """Function to a stream encoder of a tiny model or of a folder."""

    def encoder(model, max_tokens=64, precision="fp32"):
        folder = model if isinstance(model, Path) else tiny_model(model)
        return load_encoder(folder, precision, Compute("fast", "stream", 1, 0, max_tokens, 8))

    return encoder


@pytest.fixture(scope="module")
def plain(tiny_model):
    @functools.cache
    def vectors(name, pooling="last"):
        settings = Compute("plain", "resident", 1, 0, 64, 8)
        return load_encoder(tiny_model(name), "fp32", settings).encode(PROMPTS, pooling)

    return vectors


def files(folder):
    return sorted(path.name for path in folder.iterdir())


# --- Weights


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
    assert far(stream(sharded).encode(PROMPTS, "last", [PREFIX]), plain("llama")) <= 1e-5


@pytest.mark.parametrize("name", ["llama", "opt", "gpt2", "pythia"])
def test_a_file_of_the_body_alone_will_do(tiny_model, stream, plain, tmp_path, name):
    AutoModel.from_pretrained(tiny_model(name)).save_pretrained(tmp_path)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_bytes((tiny_model(name) / file).read_bytes())
    whole, body = (
        set(load_file(folder / "model.safetensors")) for folder in (tiny_model(name), tmp_path)
    )
    assert not whole & body  # they name the same tensors in two ways
    assert far(stream(tmp_path).encode(PROMPTS, "last"), plain(name)) <= 1e-5


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
        stream(folder).encode(PROMPTS, "last")


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


# --- States between two layers


def batches_of(value):
    return [torch.full((tokens, 4), value + tokens / 8) for tokens in (3, 1, 2)]


def read(states, number, sizes=(3, 1, 2)):
    return [hidden.tolist() for hidden in states.read(number, sizes)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_states_come_back_as_they_were(tmp_path, dtype):
    torch.manual_seed(0)
    states = States(tmp_path / "new" / "folder", dtype, 4)
    written = [torch.randn(tokens, 4).to(dtype) for tokens in (3, 1, 2)]
    states.write(0, iter(written))
    found = list(states.read(0, [3, 1, 2]))
    assert all(map(torch.equal, found, written))
    # A tensor that does not lie in one piece, and batches cut elsewhere.
    states.write(1, iter([torch.cat(written).T.contiguous().T]))
    assert torch.equal(torch.cat(list(states.read(1, [2, 4]))), torch.cat(written))


def test_the_file_before_goes_when_the_next_is_complete(tmp_path):
    states = States(tmp_path, torch.float32, 4)
    assert states.newest() == -1
    states.write(0, iter(batches_of(1)))
    assert (states.newest(), len(files(tmp_path))) == (0, 1)

    def dying():
        yield batches_of(2)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        states.write(1, dying())
    again = States(tmp_path, torch.float32, 4)
    assert again.newest() == 0
    assert read(again, 0) == [hidden.tolist() for hidden in batches_of(1)]
    again.write(1, iter(batches_of(2)))
    assert again.newest() == 1
    assert len(files(tmp_path)) == 1
    again.clear()
    assert files(tmp_path) == []


def test_the_layer_is_written_while_the_one_before_is_read(tmp_path):
    states = States(tmp_path, torch.float32, 4)
    states.write(0, iter(batches_of(1)))
    states.write(1, (hidden + 1 for hidden in states.read(0, [3, 1, 2])))
    assert read(states, 1) == [hidden.tolist() for hidden in batches_of(2)]


@pytest.mark.parametrize("damage", ["flip", "cut", "longer"])
def test_a_damaged_file_is_not_used(tmp_path, caplog, damage):
    states = States(tmp_path, torch.float32, 4)
    states.write(8, iter(batches_of(1)))
    older = next(tmp_path.glob("layer-*"))
    kept = older.read_bytes()
    states.write(9, iter(batches_of(2)))
    older.write_bytes(kept)  # as if the job had been killed before it was removed
    states.write(10, iter(batches_of(3)))
    assert (states.newest(), len(files(tmp_path))) == (10, 2)
    newest = max(tmp_path.glob("layer-*"))
    raw = bytearray(newest.read_bytes())
    raw[5] ^= 1
    newest.write_bytes({"flip": bytes(raw), "cut": kept[:-16], "longer": kept + b"\0"}[damage])
    assert states.newest() == 8
    assert [newest.name in record.getMessage() for record in caplog.records] == [True]
    assert read(states, 8) == [hidden.tolist() for hidden in batches_of(1)]
    assert files(tmp_path) == [older.name]


# --- Interrupted jobs


class KilledError(Exception):
    """What ends a job."""


def dying_in(monkeypatch, number, batches=0):
    """The job dies in a layer, after some batches of it."""
    step, left = Decoder.step, [batches]

    def killed(self, layer, *args, **named):
        inner = getattr(layer, "self_attn", None) or layer.attn
        if inner.layer_idx == number:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
        return step(self, layer, *args, **named)

    monkeypatch.setattr(Decoder, "step", killed)


def modules_read(monkeypatch):
    names, method = [], Weights.read

    def reading(self, module, *args):
        names.append(module)
        return method(self, module, *args)

    monkeypatch.setattr(Weights, "read", reading)
    return names


@pytest.mark.parametrize("prefixes", [[], [PREFIX]], ids=["whole", "prefix"])
@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize(("layer", "batches"), [(0, 0), (1, 2), (2, 0), (2, 1)])
def test_an_interrupted_job_goes_on_with_its_layer(
    stream, monkeypatch, tmp_path, pooling, prefixes, layer, batches
):
    whole = stream("llama").encode(PROMPTS, pooling, prefixes)
    tokens = sum(map(len, stream("llama").tokenise(PROMPTS)))
    workspace, told = tmp_path / "states", []
    with monkeypatch.context() as patch:
        dying_in(patch, layer, batches)
        with pytest.raises(KilledError):
            stream("llama").encode(PROMPTS, pooling, prefixes, told.append, workspace)
    assert sum(told) < tokens
    assert f"layer-{layer:04d}" in "".join(files(workspace))
    told.clear()
    again = stream("llama")
    names = modules_read(monkeypatch)
    found = again.encode(PROMPTS, pooling, prefixes, told.append, workspace)
    assert found.tobytes() == whole.tobytes()
    assert names == [f"layers.{number}" for number in range(layer, 3)]
    assert sum(told) == tokens
    assert files(workspace) == []


def test_a_smaller_budget_goes_on_with_the_same_states(stream, plain, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        dying_in(patch, 2)
        with pytest.raises(KilledError):
            stream("opt", 10_000).encode(PROMPTS, "last", [PREFIX], workspace=tmp_path)
    again = stream("opt", 25)
    names = modules_read(monkeypatch)
    found = again.encode(PROMPTS, "last", [PREFIX], workspace=tmp_path)
    assert far(found, plain("opt")) <= 1e-5
    assert names == ["decoder.layers.2"]


def test_damaged_states_are_made_again(stream, monkeypatch, tmp_path):
    whole = stream("gpt2").encode(PROMPTS, "last", [PREFIX])
    with monkeypatch.context() as patch:
        dying_in(patch, 2)
        with pytest.raises(KilledError):
            stream("gpt2").encode(PROMPTS, "last", [PREFIX], workspace=tmp_path)
    (path,) = tmp_path.glob("layer-0002-*")
    path.write_bytes(bytes(path.stat().st_size))
    again = stream("gpt2")
    names = modules_read(monkeypatch)
    found = again.encode(PROMPTS, "last", [PREFIX], workspace=tmp_path)
    assert found.tobytes() == whole.tobytes()
    assert names == ["h.0", "h.1", "h.2"]
    assert files(tmp_path) == []


def test_one_encoder_encodes_many_times(stream, plain):
    # Search and shards do: the words of one call are not those of the next.
    encoder = stream("opt-350m")
    for _ in range(2):
        for pooling in ("last", "mean"):
            expected = plain("opt-350m", pooling)
            assert far(encoder.encode(PROMPTS, pooling, [PREFIX]), expected) <= 1e-5
            for row in (1, 4):
                found = encoder.encode([PROMPTS[row]], pooling, [PREFIX])
                assert far(found, expected[[row]]) <= 1e-5


def test_several_prefixes_at_once(stream, tiny_model):
    other = 'Stocks fell sharply on "'
    prompts = PROMPTS + [prompt.replace(PREFIX, other) for prompt in PROMPTS]
    settings = Compute("plain", "resident", 1, 0, 64, 8)
    expected = load_encoder(tiny_model("llama"), "fp32", settings).encode(prompts, "last")
    found = stream("llama").encode(prompts, "last", [PREFIX, other])
    assert far(found, expected) <= 1e-5


@pytest.mark.parametrize("name", ["opt", "gemma3"])
def test_a_single_word_is_enough(stream, tiny_model, name):
    # The table of words then has one row; the model's padding is a row that it lacks.
    settings = Compute("plain", "resident", 1, 0, 64, 8)
    expected = load_encoder(tiny_model(name), "fp32", settings).encode([""], "last")
    assert far(stream(name).encode([""], "last"), expected) <= 1e-5


def test_without_a_workspace_nothing_is_left_behind(stream, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stream("llama").encode(PROMPTS, "last")
    assert files(tmp_path) == []
    dying_in(monkeypatch, 1)
    with pytest.raises(KilledError):
        stream("llama").encode(PROMPTS, "last")
    assert files(tmp_path) == []


# --- Progress and memory


@pytest.mark.parametrize("prefixes", [[], [PREFIX]], ids=["whole", "prefix"])
@pytest.mark.parametrize("max_tokens", [20, 10_000])
def test_progress_sums_to_the_tokens(stream, prefixes, max_tokens):
    encoder, told = stream("gemma3", max_tokens), []
    encoder.encode(PROMPTS, "last", prefixes, told.append)
    assert sum(told) == sum(map(len, encoder.tokenise(PROMPTS)))
    assert min(told) >= 0
    assert len(told) > 3


def test_tokens_times_layers_by_hand():
    told = []
    report = EachLayer(told.append, 3)
    for tokens in (7, 7, 7, 0, 3):  # 7, 14, 21, 21, 24 of thirds
        report(tokens)
    assert told == [2, 2, 3, 0, 1]


@pytest.mark.parametrize("prefixes", [[], [PREFIX]], ids=["whole", "prefix"])
@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError], ids=["gpu", "host"])
def test_a_batch_that_does_not_fit_is_halved(
    stream, plain, monkeypatch, tmp_path, pooling, prefixes, error
):
    encoder, told, tried, step = stream("llama", 10_000), [], [], Decoder.step
    most = max(map(len, encoder.tokenise(PROMPTS)))

    def failing(self, layer, hidden, *args, **named):
        tried.append(len(hidden))
        if len(hidden) > most:
            raise error("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return step(self, layer, hidden, *args, **named)

    monkeypatch.setattr(Decoder, "step", failing)
    found = encoder.encode(PROMPTS, pooling, prefixes, told.append, tmp_path)
    assert far(found, plain("llama", pooling)) <= 1e-5
    assert sum(told) == sum(map(len, encoder.tokenise(PROMPTS)))
    assert max(tried) > most
    assert files(tmp_path) == []


def test_a_layer_is_gone_before_the_next_one_computes(stream, monkeypatch):
    encoder, alive, counts = stream("llama"), weakref.WeakSet(), []

    def watched(layer):
        alive.add(layer)
        gc.collect()
        counts.append(len(alive))

    monkeypatch.setattr(encoder, "prepare", watched)
    encoder.encode(PROMPTS, "last", [PREFIX])
    assert counts == [1, 1, 1]
    # What is outside the layers stays in memory, but for the words.
    named = encoder.decoder.model.named_parameters()
    assert [name for name, weight in named if not weight.is_meta] == ["norm.weight"]


MEASURE = """
import json, sys
from pathlib import Path

from sentscale.encoder import Compute
from sentscale.loading import load_encoder

def peak():
    # Not ru_maxrss, which begins with the size of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

before = peak()
settings = Compute("fast", "stream", 2, 0, 256, 8)
encoder = load_encoder(Path(sys.argv[1]), "fp32", settings)
vectors = encoder.encode(json.loads(sys.argv[2]), "last", [sys.argv[3]])
print(json.dumps([before, peak(), vectors.shape]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured on Linux")
def test_the_model_is_never_in_memory(tiny_model, tmp_path):
    config = LlamaConfig(
        vocab_size=340,
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=12,
        num_attention_heads=16,
        max_position_embeddings=256,
    )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    layer = sum(weight.numel() for weight in model.model.layers[0].parameters()) * 4 / 2**20
    whole = sum(weight.numel() for weight in model.parameters()) * 4 / 2**20
    model.save_pretrained(tmp_path, max_shard_size="150MB")
    del model
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / file).write_bytes((tiny_model("llama") / file).read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path, json.dumps(PROMPTS * 4), PREFIX],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    before, peak, shape = json.loads(done.stdout)
    print(f"{before:.0f} MB before, {peak:.0f} at most, {layer:.0f} a layer, {whole:.0f} the model")
    assert shape == [len(PROMPTS) * 4, 1024]
    assert peak < before + 3 * layer + 150 < before + whole / 2
