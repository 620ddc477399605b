"""Vectors and progress of a model that is streamed."""

import pytest
from engine_helpers import PREFIX, SHORT_PROMPTS, far

from sentscale.encoder import Compute
from sentscale.loading import load_encoder
from sentscale.stream import EachLayer


def test_one_encoder_encodes_many_times(stream, plain):
    # Search and shards do: the words of one call are not those of the next.
    encoder = stream("opt-350m")
    for _ in range(2):
        for pooling in ("last", "mean"):
            expected = plain("opt-350m", SHORT_PROMPTS, pooling)
            assert far(encoder.encode(SHORT_PROMPTS, pooling, [PREFIX]), expected) <= 1e-5
            for row in (1, 4):
                found = encoder.encode([SHORT_PROMPTS[row]], pooling, [PREFIX])
                assert far(found, expected[[row]]) <= 1e-5


def test_several_prefixes_at_once(stream, tiny_model):
    other = 'Stocks fell sharply on "'
    prompts = SHORT_PROMPTS + [prompt.replace(PREFIX, other) for prompt in SHORT_PROMPTS]
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


@pytest.mark.parametrize("prefixes", [[], [PREFIX]], ids=["whole", "prefix"])
@pytest.mark.parametrize("max_tokens", [20, 10_000])
def test_progress_sums_to_the_tokens(stream, prefixes, max_tokens):
    encoder, told = stream("gemma3", max_tokens), []
    encoder.encode(SHORT_PROMPTS, "last", prefixes, told.append)
    assert sum(told) == sum(map(len, encoder.tokenise(SHORT_PROMPTS)))
    assert min(told) >= 0
    assert len(told) > 3


def test_tokens_times_layers_by_hand():
    told = []
    report = EachLayer(told.append, 3)
    for tokens in (7, 7, 7, 0, 3):  # 7, 14, 21, 21, 24 of thirds
        report(tokens)
    assert told == [2, 2, 3, 0, 1]
