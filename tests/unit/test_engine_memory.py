"""What the fast engine does where memory runs out."""

import itertools

import pytest
import torch
from engine_helpers import PREFIX, PROMPTS, compute, far, warnings_of

from sentscale.decoders import Decoder
from sentscale.loading import load_encoder

LACKS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"
    ),
]


def fail_above(monkeypatch, tokens, error, from_call=0):
    """From some call on, a layer that gets more than so many tokens has no memory for them.

    Returns the tokens of each call that went well.
    """
    step, calls, well = Decoder.step, itertools.count(), []

    def failing(self, layer, hidden, *args, **named):
        call = next(calls)
        assert call < 1000, "tries for ever"
        if call >= from_call and len(hidden) > tokens:
            raise error
        out = step(self, layer, hidden, *args, **named)
        well.append(len(hidden))
        return out

    monkeypatch.setattr(Decoder, "step", failing)
    return well


@pytest.mark.parametrize("prefixes", [[], [PREFIX]], ids=["whole", "prefix"])
@pytest.mark.parametrize("error", LACKS, ids=["gpu", "host"])
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_less_memory_gives_the_same_vectors(
    fast, plain, monkeypatch, caplog, pooling, error, prefixes
):
    encoder, told = fast("llama", 10_000), []
    lengths = [len(ids) for ids in encoder.tokenise(PROMPTS)]
    limit = max(lengths)
    fail_above(monkeypatch, limit, error)
    found = encoder.encode(PROMPTS, pooling, prefixes, told.append)
    assert far(found, plain("llama", pooling=pooling)) <= 1e-5
    assert sum(told) == sum(lengths)
    assert limit / 2 <= encoder.max_tokens <= 2 * limit
    warned = warnings_of(caplog)
    assert warned[-1] == f"out of memory; going on with max_tokens {encoder.max_tokens}"
    # The next call begins with what fits.
    caplog.clear()
    encoder.encode(PROMPTS, pooling, prefixes)
    assert warnings_of(caplog) == []


def test_the_budget_is_halved_when_memory_runs_out(fast, monkeypatch, caplog):
    encoder = fast("llama", 10_000)
    lengths = [len(ids) for ids in encoder.tokenise(["q" * 59] * 8)]
    assert lengths == [60] * 8
    fail_above(monkeypatch, 150, LACKS[0])
    encoder.encode(["q" * 59] * 8, "last")
    budgets = [message.rpartition(" ")[2] for message in warnings_of(caplog)]
    assert budgets == ["240", "120"]
    assert encoder.max_tokens == 120


def test_finished_batches_are_not_computed_again(fast, plain, monkeypatch, caplog):
    # Three layers a batch: memory runs short in the third batch's second layer.
    encoder, told = fast("opt", 60), []
    lengths = sorted(len(ids) for ids in encoder.tokenise(PROMPTS))
    well = fail_above(monkeypatch, lengths[-3], LACKS[0], from_call=7)
    found = encoder.encode(PROMPTS, "last", [], told.append)
    assert far(found, plain("opt")) <= 1e-5
    assert well[:6] == 3 * [told[0]] + 3 * [told[1]]
    assert well[6] > lengths[-3] >= max(well[7:])
    # Each token went through three layers, the third batch's through one of them twice.
    assert sum(well) == 3 * sum(lengths) + well[6]
    assert sum(told) == sum(lengths)
    assert len(warnings_of(caplog)) >= 1


@pytest.mark.parametrize("error", LACKS, ids=["gpu", "host"])
@pytest.mark.parametrize("placement", ["resident", "stream"])
def test_a_prompt_that_does_not_fit_is_named_by_its_tokens(
    tiny_model, monkeypatch, placement, error
):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute(placement=placement))
    lengths = [len(ids) for ids in encoder.tokenise(PROMPTS)]
    fail_above(monkeypatch, max(lengths) - 1, error)
    with pytest.raises(RuntimeError, match=f"with one prompt of {max(lengths)} tokens: .*memory"):
        encoder.encode(PROMPTS, "last")


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), KeyError("x")])
def test_other_errors_pass_through(tiny_model, monkeypatch, caplog, placement, error):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute(placement=placement))
    fail_above(monkeypatch, 5, error)
    with pytest.raises(type(error)) as caught:
        encoder.encode(PROMPTS, "last")
    assert caught.value is error
    assert warnings_of(caplog) == []
