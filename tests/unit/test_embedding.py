"""Several templates, the second copy of a sentence, the states of every layer."""

import json

import numpy as np
import pytest
import torch
from engine_helpers import MODELS, compute, far
from transformers import AutoModel, AutoTokenizer

from sentscale.embedding import embed, lengths
from sentscale.layers import split_layers
from sentscale.loading import load_encoder
from sentscale.prompts import Representation, read_representation

TEXTS = ["A man plays.", "'Hi' there", "Rain?", "Two dogs run along the beach, one of them wet."]
SEVERAL = [
    'This sentence : "{text}" means in one word:"',
    'In this task, a text is read. This sentence : "{text}" means in one word:"',
    'In this task, a sentence is read. This sentence : "{text}" is about:"',
]
ECHO = "Rewrite this: {text} Rewritten: {text}"
ENGINES = [("plain",), ("fast",), ("fast", "split"), ("fast", "stream")]
BY_ENGINE = pytest.mark.parametrize("settings", ENGINES, ids="-".join)


def states_of(folder, prompt):
    """Tokens of a prompt and, by transformers alone, the states of all its layers."""
    tokens = AutoTokenizer.from_pretrained(folder)(prompt, return_tensors="pt")
    with torch.inference_mode():
        found = AutoModel.from_pretrained(folder).eval()(**tokens, output_hidden_states=True)
    return tokens.input_ids[0].tolist(), found


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("settings", [("plain",), ("fast",)], ids="-".join)
def test_vectors_of_several_templates_are_averaged_as_they_are(tiny_model, settings, pooling):
    encoder = load_encoder(tiny_model("opt"), "fp32", compute(*settings))
    one = [embed(encoder, Representation(t, "sentence", pooling), TEXTS) for t in SEVERAL]
    found = embed(encoder, Representation(SEVERAL, "sentence", pooling), TEXTS)
    assert found.dtype == np.float32
    assert far(found, (one[0] + one[1] + one[2]) / 3) <= 1e-5
    norm = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in one]
    assert far(found, sum(norm) / 3) > 0.1  # averaged directions are another vector


def test_tokens_of_a_sentence_are_those_of_all_its_prompts(tiny_model):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute())
    parts = [Representation(template, "sentence", "last") for template in SEVERAL]
    expected = np.sum([lengths(encoder, part, TEXTS) for part in parts], axis=0)
    assert lengths(encoder, Representation(SEVERAL, "sentence", "last"), TEXTS) == list(expected)
    ids = encoder.tokenise([parts[0].prompt(text) for text in TEXTS])
    assert lengths(encoder, parts[0], TEXTS) == list(map(len, ids))


def test_a_written_representation_is_read_as_it_was(tmp_path):
    # Vectors are compared with the JSON that they were made from: a list must stay one.
    representation = Representation(SEVERAL, "sentence", "last")
    (tmp_path / "r.json").write_text(json.dumps(vars(representation)))
    assert read_representation(tmp_path / "r.json") == representation
    assert json.loads(json.dumps(vars(representation))) == vars(representation)


@pytest.mark.parametrize("name", ["opt", "llama", "gemma3", "gpt2"])
def test_the_second_copy_alone_is_averaged(tiny_model, name):
    folder = tiny_model(name)
    encoder = load_encoder(folder, "fp32", compute())
    found = embed(encoder, Representation(ECHO, "sentence", "text"), TEXTS)
    for row, text in zip(found, ["A man plays.", "'Hi' there.", "Rain."], strict=False):
        ids, states = states_of(folder, f"Rewrite this: {text} Rewritten: {text}")
        # Tokens are told apart by what they spell: the last ones that together spell the sentence.
        tokenizer = AutoTokenizer.from_pretrained(folder)
        spelt = [tokenizer.decode(ids[place:]).strip() for place in range(len(ids))]
        place = max(place for place, spelling in enumerate(spelt) if spelling == text)
        expected = states.last_hidden_state[0, place:].mean(0).numpy()
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "template"),
    [*((name, ECHO) for name in MODELS), ("opt", "So: {text}"), ("llama", "{text}")],
)
def test_engines_agree_on_the_second_copy(tiny_model, name, template):
    representation = Representation(template, "sentence", "text")
    plain, *others = (
        embed(load_encoder(tiny_model(name), "fp32", compute(*settings)), representation, TEXTS)
        for settings in ENGINES
    )
    for found in others:
        assert far(found, plain) <= 1e-5


@BY_ENGINE
def test_a_copy_without_a_token_is_refused(tiny_model, settings):
    encoder = load_encoder(tiny_model("opt"), "fp32", compute(*settings))
    with pytest.raises(ValueError, match=r"'Rewrite this:  Rewritten:' ends in no text"):
        embed(encoder, Representation(ECHO, "sentence", "text"), ["A man.", ""])


@pytest.mark.parametrize(
    ("name", "pooling"), [*((name, "last") for name in MODELS), ("opt", "mean"), ("llama", "mean")]
)
def test_states_in_front_of_each_layer_are_transformers_own(tiny_model, name, pooling):
    folder, representation = tiny_model(name), Representation(SEVERAL[0], "sentence", pooling)
    _, states = states_of(folder, representation.prompt(TEXTS[0]))
    assert len(states.hidden_states) == 1 + 3
    layers = [*states.hidden_states[:3], states.last_hidden_state]
    chosen = slice(-1, None) if pooling == "last" else slice(None)
    expected = [layer[0, chosen].mean(0).numpy() for layer in layers]
    for settings in ENGINES:
        encoder = load_encoder(folder, "fp32", compute(*settings))
        found = embed(encoder, representation, TEXTS, every_layer=True)
        parts = split_layers(found, encoder.config)
        for part, layer in zip(parts, expected, strict=True):
            assert far(part[0], layer) <= 1e-5, settings


@pytest.mark.parametrize("pooling", ["last", "text"])
def test_engines_agree_on_every_layer(tiny_model, pooling):
    representation = Representation("So: {text}", "sentence", pooling)
    if pooling == "last":
        representation = Representation(SEVERAL, "sentence", pooling)
    for name in ("opt-350m", "gemma3"):
        plain, *others = (
            embed(
                load_encoder(tiny_model(name), "fp32", compute(*settings)),
                representation,
                TEXTS,
                every_layer=True,
            )
            for settings in ENGINES
        )
        for found in others:
            assert far(found, plain) <= 1e-5


@BY_ENGINE
def test_the_last_layer_of_all_is_the_usual_vector(tiny_model, settings):
    for name in ("opt-350m", "llama"):
        encoder = load_encoder(tiny_model(name), "fp32", compute(*settings))
        representation = Representation(SEVERAL[0], "sentence", "last")
        usual = embed(encoder, representation, TEXTS)
        every = embed(encoder, representation, TEXTS, every_layer=True)
        assert every.shape == (4, 3 * 32 + usual.shape[1])
        assert far(every[:, 3 * 32 :], usual) <= 1e-6


def test_every_layer_of_several_templates(tiny_model):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute())
    one = [
        embed(encoder, Representation(t, "sentence", "last"), TEXTS, every_layer=True)
        for t in SEVERAL
    ]
    found = embed(encoder, Representation(SEVERAL, "sentence", "last"), TEXTS, every_layer=True)
    assert far(found, (one[0] + one[1] + one[2]) / 3) <= 1e-5


@pytest.mark.parametrize("name", ["llama", "opt"])
def test_less_memory_for_every_layer_changes_nothing(tiny_model, name, monkeypatch):
    encoder = load_encoder(tiny_model(name), "fp32", compute())
    representation = Representation(SEVERAL[0], "sentence", "last")
    whole = embed(encoder, representation, TEXTS, every_layer=True)
    real, calls = encoder._embed, []

    def full(batch, *others):
        calls.append(len(batch.rows))
        if len(calls) == 1:
            raise torch.OutOfMemoryError("no room")
        return real(batch, *others)

    monkeypatch.setattr(encoder, "_embed", full)
    assert far(embed(encoder, representation, TEXTS, every_layer=True), whole) <= 1e-6
