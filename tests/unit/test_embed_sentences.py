"""The step from a configured representation to vectors, on tiny models."""

import json

import embed_sentences
import fill_representation
import numpy as np
import pytest
import torch
import yaml
from transformers import AutoModel, AutoTokenizer

from sentscale.files import write_json
from sentscale.store import open_vectors

SENTENCES = ["A man plays", "Two dogs run.", "Rain?"]


@pytest.fixture
def vectors_of(tmp_path, root, tiny_model, monkeypatch):
    """Function from a model and a representation of config.yaml, or a prompt, to vectors."""
    known = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))["representations"]
    (tmp_path / "sentences.txt").write_text("\n".join([*SENTENCES, ""]))
    paths = {name: tmp_path / name for name in ("manifest.json", "r.json", "v.npy", "about.json")}
    write_json(paths["manifest.json"], {"files": {}})

    def run(model, prompt, engine="fast"):
        monkeypatch.setattr(embed_sentences, "open_weights", lambda path: tiny_model(model))
        entry = known[prompt] if isinstance(prompt, str) else prompt
        entry = {key: value for key, value in entry.items() if key != "demonstration"}
        given = ["--prompt", json.dumps(entry), "--choice", "--list", "--lines", "--best"]
        fill_representation.main([*given, "--out", str(paths["r.json"])])
        settings = {"engine": engine, "placement": "resident", "threads": 1, "gpus": 0}
        settings |= {"max_tokens": 64, "shard_sentences": 2}
        embed_sentences.main(
            [
                *("--weights", str(paths["manifest.json"]), "--adapter", "--precision", "fp32"),
                *("--sentences", str(tmp_path / "sentences.txt"), "--protocol", "1"),
                *("--representation", str(paths["r.json"]), "--out", str(paths["v.npy"])),
                *("--compute", *(f"{key}={value}" for key, value in settings.items())),
                *("--about", str(paths["about.json"])),
            ]
        )
        made_from = (tmp_path / "sentences.txt", paths["manifest.json"], paths["r.json"])
        vectors, row = open_vectors(paths["v.npy"], paths["about.json"], *made_from)
        assert row == {sentence: index for index, sentence in enumerate(SENTENCES)}
        return np.array(vectors), json.loads(paths["about.json"].read_text())

    return run


@pytest.mark.parametrize(
    ("name", "prompts", "token"),
    [
        ("cls", ["A man plays", "Two dogs run.", "Rain?"], "[CLS]"),
        (
            "mask",
            [
                'This sentence : "A man plays." means [MASK].',
                'This sentence : "Two dogs run." means [MASK].',
                'This sentence : "Rain." means [MASK].',
            ],
            "[MASK]",
        ),
        (
            "mask-no-period",
            [
                'This sentence : "A man plays." means [MASK]',
                'This sentence : "Two dogs run." means [MASK]',
                'This sentence : "Rain." means [MASK]',
            ],
            "[MASK]",
        ),
    ],
)
def test_bert_is_embedded_as_configured(vectors_of, tiny_model, name, prompts, token):
    folder = tiny_model("bert")
    found, about = vectors_of("bert", name)
    assert about["representation"]["pooling"] == ("first" if name == "cls" else "mask")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    for row, prompt in zip(found, prompts, strict=True):
        tokens = tokenizer(prompt, return_tensors="pt")
        place = tokens.input_ids[0].tolist().index(tokenizer.convert_tokens_to_ids(token))
        with torch.inference_mode():
            states = model.eval()(**tokens).last_hidden_state[0]
        np.testing.assert_allclose(row, states[place].numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", ["fast", "plain"])
def test_several_templates_from_the_configuration_to_the_mean(vectors_of, engine):
    prompt = {"clean_up": "sentence", "pooling": "last"}
    templates = ['"{text}" means:"', 'This "{text}" is about:"', 'In a word, "{text}" is:"']
    one = [vectors_of("opt", prompt | {"template": text}, engine)[0] for text in templates]
    found, about = vectors_of("opt", prompt | {"template": templates}, engine)
    np.testing.assert_allclose(found, np.mean(one, axis=0), rtol=0, atol=1e-5)
    assert about["representation"] == prompt | {"template": templates}


def test_echo_is_embedded_as_configured(vectors_of):
    fast, about = vectors_of("llama", "echo")
    assert about["representation"]["pooling"] == "text"
    np.testing.assert_allclose(fast, vectors_of("llama", "echo", "plain")[0], rtol=0, atol=1e-5)
