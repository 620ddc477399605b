"""Interrupted jobs."""

import pytest
from engine_helpers import PREFIX, SHORT_PROMPTS, far, files

from sentscale.decoders import Decoder
from sentscale.offload import Weights


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
    whole = stream("llama").encode(SHORT_PROMPTS, pooling, prefixes)
    tokens = sum(map(len, stream("llama").tokenise(SHORT_PROMPTS)))
    workspace, told = tmp_path / "states", []
    with monkeypatch.context() as patch:
        dying_in(patch, layer, batches)
        with pytest.raises(KilledError):
            stream("llama").encode(SHORT_PROMPTS, pooling, prefixes, told.append, workspace)
    assert sum(told) < tokens
    assert f"layer-{layer:04d}" in "".join(files(workspace))
    told.clear()
    again = stream("llama")
    names = modules_read(monkeypatch)
    found = again.encode(SHORT_PROMPTS, pooling, prefixes, told.append, workspace)
    assert found.tobytes() == whole.tobytes()
    assert names == [f"layers.{number}" for number in range(layer, 3)]
    assert sum(told) == tokens
    assert files(workspace) == []


def test_a_smaller_budget_goes_on_with_the_same_states(stream, plain, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        dying_in(patch, 2)
        with pytest.raises(KilledError):
            stream("opt", 10_000).encode(SHORT_PROMPTS, "last", [PREFIX], workspace=tmp_path)
    again = stream("opt", 25)
    names = modules_read(monkeypatch)
    found = again.encode(SHORT_PROMPTS, "last", [PREFIX], workspace=tmp_path)
    assert far(found, plain("opt", SHORT_PROMPTS)) <= 1e-5
    assert names == ["decoder.layers.2"]


def test_damaged_states_are_made_again(stream, monkeypatch, tmp_path):
    whole = stream("gpt2").encode(SHORT_PROMPTS, "last", [PREFIX])
    with monkeypatch.context() as patch:
        dying_in(patch, 2)
        with pytest.raises(KilledError):
            stream("gpt2").encode(SHORT_PROMPTS, "last", [PREFIX], workspace=tmp_path)
    (path,) = tmp_path.glob("layer-0002-*")
    path.write_bytes(bytes(path.stat().st_size))
    again = stream("gpt2")
    names = modules_read(monkeypatch)
    found = again.encode(SHORT_PROMPTS, "last", [PREFIX], workspace=tmp_path)
    assert found.tobytes() == whole.tobytes()
    assert names == ["h.0", "h.1", "h.2"]
    assert files(tmp_path) == []


def test_without_a_workspace_nothing_is_left_behind(stream, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stream("llama").encode(SHORT_PROMPTS, "last")
    assert files(tmp_path) == []
    dying_in(monkeypatch, 1)
    with pytest.raises(KilledError):
        stream("llama").encode(SHORT_PROMPTS, "last")
    assert files(tmp_path) == []
