"""What the fast engine leaves out, and what it says of its progress."""

import torch
from engine_helpers import PREFIX, PROMPTS


def spy(monkeypatch, target, name):
    """Record the first tensor that each call of a method gets, and call it."""
    seen, method = [], getattr(target, name)

    def recording(*args, **named):
        seen.append(next(arg for arg in args if isinstance(arg, torch.Tensor)))
        return method(*args, **named)

    monkeypatch.setattr(target, name, recording)
    return seen


def test_a_prefix_is_computed_once(fast, monkeypatch):
    encoder = fast("llama")
    head, rows = encoder.tokenise([PREFIX])[0], encoder.tokenise(PROMPTS)
    own = sum(len(ids) - len(head) + (ids[: len(head)] != head) for ids in rows)
    seen = spy(monkeypatch, encoder.decoder, "embed")
    encoder.encode(PROMPTS, "last", [PREFIX])
    assert sum(map(len, seen)) == len(head) + own
    for pooling, prefixes in (("last", []), ("mean", [PREFIX])):
        seen.clear()
        encoder.encode(PROMPTS, pooling, prefixes)
        assert sum(map(len, seen)) == sum(map(len, rows))


def test_the_last_layer_is_computed_for_last_tokens_alone(fast, monkeypatch):
    tokens = sum(map(len, fast("opt").tokenise(PROMPTS)))
    for trim, pooling, last in (
        (True, "last", len(PROMPTS)),
        (False, "last", tokens),
        (True, "mean", tokens),
    ):
        encoder = fast("opt", 10_000, trim_last_layer=trim)
        with monkeypatch.context() as patch:
            seen = spy(patch, encoder.decoder, "leave")
            # The second argument of `leave` is the layer's input, of the rows it goes on with.
            encoder.encode(PROMPTS, pooling)
        assert [len(states) for states in seen] == [tokens, tokens, last]


def test_prompts_are_side_by_side_unless_they_are_told_apart(fast, monkeypatch):
    seen = spy(monkeypatch, fast("opt").decoder, "embed")
    fast("opt", 10_000).encode(PROMPTS, "last")
    assert len(seen) == 1
    seen.clear()
    fast("opt", 10_000, pack_rows=False).encode(PROMPTS, "last")
    assert len(seen) == len(PROMPTS)


def test_progress_counts_every_token_once(fast):
    encoder, told = fast("opt", 40), []
    tokens = sum(map(len, encoder.tokenise(PROMPTS)))
    for prefixes in ([], [PREFIX]):
        encoder.encode(PROMPTS, "last", prefixes, told.append)
        assert sum(told) == tokens
        assert len(told) > 2
        told.clear()
