"""A streamed model takes little memory, and makes do with less."""

import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
from engine_helpers import PREFIX, SHORT_PROMPTS, far, files
from transformers import AutoModelForCausalLM, LlamaConfig

from sentscale.decoders import Decoder

SCRIPTS = Path(__file__).resolve().parents[2] / "workflow" / "scripts"


@pytest.mark.parametrize("prefixes", [[], [PREFIX]], ids=["whole", "prefix"])
@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError], ids=["gpu", "host"])
def test_a_batch_that_does_not_fit_is_halved(
    stream, plain, monkeypatch, tmp_path, pooling, prefixes, error
):
    encoder, told, tried, step = stream("llama", 10_000), [], [], Decoder.step
    most = max(map(len, encoder.tokenise(SHORT_PROMPTS)))

    def failing(self, layer, hidden, *args, **named):
        tried.append(len(hidden))
        if len(hidden) > most:
            raise error("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return step(self, layer, hidden, *args, **named)

    monkeypatch.setattr(Decoder, "step", failing)
    found = encoder.encode(SHORT_PROMPTS, pooling, prefixes, told.append, tmp_path)
    assert far(found, plain("llama", SHORT_PROMPTS, pooling)) <= 1e-5
    assert sum(told) == sum(map(len, encoder.tokenise(SHORT_PROMPTS)))
    assert max(tried) > most
    assert files(tmp_path) == []


def test_a_layer_is_gone_before_the_next_one_computes(stream, monkeypatch):
    encoder, alive, counts = stream("llama"), weakref.WeakSet(), []

    def watched(layer, name):
        alive.add(layer)
        gc.collect()
        counts.append(len(alive))

    monkeypatch.setattr(encoder, "prepare", watched)
    encoder.encode(SHORT_PROMPTS, "last", [PREFIX])
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
        [sys.executable, "-c", MEASURE, tmp_path, json.dumps(SHORT_PROMPTS * 4), PREFIX],
        env=os.environ | {"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    before, peak, shape = json.loads(done.stdout)
    print(f"{before:.0f} MB before, {peak:.0f} at most, {layer:.0f} a layer, {whole:.0f} the model")
    assert shape == [len(SHORT_PROMPTS) * 4, 1024]
    assert peak < before + 3 * layer + 150 < before + whole / 2
