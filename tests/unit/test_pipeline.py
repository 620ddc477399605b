"""Poolings that a model's authors made: modules of sentence-transformers, and poolers."""

import json
import shutil

import numpy as np
import pytest
import torch
from engine_helpers import compute
from safetensors.torch import load_file, save_file
from tiny_models import BERT_TOKENS, save_tokenizer, tiny_config
from transformers import AutoModel, AutoTokenizer, T5Config, T5EncoderModel

from sentscale.files import read_json
from sentscale.loading import load_encoder
from sentscale.weights import fetch_from_hub, open_weights, write_manifest

PROMPTS = ["A man plays.", "Two dogs run along the beach, and one of them carries a stick."]
REPOSITORY, REVISION = "org/sentences", "0123456789abcdef0123456789abcdef01234567"
TYPE = "sentence_transformers.models."  # as the repositories of 2022 have it


def add_modules(folder, pooling, width, behind=()):
    """What such repositories have beside a body; they state a length of 8 tokens here."""
    kinds = ["Transformer", "Pooling", *behind]
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": TYPE + kind}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 8}')
    (folder / "1_Pooling").mkdir()
    settings = {"word_embedding_dimension": width, f"pooling_mode_{pooling}_tokens": True}
    if pooling != "mean":
        settings["pooling_mode_mean_tokens"] = False
    (folder / "1_Pooling/config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def st5(tmp_path_factory):
    """Like sentence-t5: T5's encoder, its mean, a linear map, length 1. Normalize has no folder."""
    folder = tmp_path_factory.mktemp("st5") / "model"
    torch.manual_seed(1111)
    config = T5Config(vocab_size=340, d_model=32, num_layers=2, d_ff=48, num_heads=4, d_kv=8)
    T5EncoderModel(config).save_pretrained(folder)
    named = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    save_tokenizer(folder, ["<pad>", "</s>", "<unk>"], None, "</s>", **named)
    add_modules(folder, "mean", 32, ["Dense", "Normalize"])
    (folder / "2_Dense").mkdir()
    about = {"in_features": 32, "out_features": 24, "bias": False}
    about["activation_function"] = "torch.nn.modules.linear.Identity"
    (folder / "2_Dense/config.json").write_text(json.dumps(about))
    save_file({"linear.weight": torch.randn(24, 32)}, folder / "2_Dense/model.safetensors")
    return folder


@pytest.fixture(scope="module")
def sgpt(tiny_model, tmp_path_factory):
    """Like SGPT: a decoder with a mean that is weighted by position."""
    folder = tmp_path_factory.mktemp("sgpt") / "model"
    return add_modules(shutil.copytree(tiny_model("opt"), folder), "weightedmean", 32)


def states(folder, prompt, kind=AutoModel):
    """The last layer's states of a prompt, by transformers alone, shape `(t, d)`."""
    ids = AutoTokenizer.from_pretrained(folder)(prompt, return_tensors="pt").input_ids
    with torch.inference_mode():
        return kind.from_pretrained(folder).eval()(input_ids=ids).last_hidden_state[0].numpy()


def test_modules_do_what_they_say(st5):
    found = load_encoder(st5, "fp32", compute()).encode(PROMPTS, "own")
    weight = load_file(st5 / "2_Dense/model.safetensors")["linear.weight"].numpy()
    for row, prompt in zip(found, PROMPTS, strict=True):
        hidden = states(st5, prompt, T5EncoderModel)
        expected = weight @ hidden.mean(0)
        np.testing.assert_allclose(row, expected / np.linalg.norm(expected), atol=1e-6)
    assert found.shape == (2, 24)
    assert found.dtype == np.float32


def test_a_mean_that_is_weighted_by_position(sgpt):
    (found,) = load_encoder(sgpt, "fp32", compute()).encode(PROMPTS[1:], "own")
    hidden = states(sgpt, PROMPTS[1])
    assert len(hidden) > 8  # the length that the modules state: no token is cut
    place = np.arange(1, len(hidden) + 1)
    expected = (place[:, None] * hidden).sum(0) / place.sum()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_other_precisions(st5):
    fp32, bf16 = (
        load_encoder(st5, precision, compute()).encode(PROMPTS, "own")
        for precision in ("fp32", "bf16")
    )
    assert 0 < np.abs(bf16 - fp32).max() < 0.05


@pytest.mark.parametrize("pooling", ["last", "mean", "first"])
def test_a_model_with_modules_has_no_other_pooling(st5, pooling):
    with pytest.raises(ValueError, match=f"pooling is '{pooling}', but modules.json says"):
        load_encoder(st5, "fp32", compute()).encode(PROMPTS, pooling)


@pytest.mark.parametrize(
    ("precision", "settings", "adapter", "told"),
    [
        ("nf4", (), None, "precision nf4"),
        ("fp32", (), "adapter", "an adapter"),
        ("fp32", ("fast", "stream"), None, "placement stream"),
    ],
)
def test_what_modules_cannot_have_is_refused(st5, tmp_path, precision, settings, adapter, told):
    where = tmp_path / adapter if adapter else None
    with pytest.raises(ValueError, match=f"{told} is not for a model with modules of its own"):
        load_encoder(st5, precision, compute(*settings), where)


# --- From the hub


def fetch(hub, folder, tmp_path):
    """Fetch a model, write its manifest; the folder that the manifest leads to."""
    hub.add_model(REPOSITORY, REVISION, folder)
    made = fetch_from_hub(REPOSITORY, REVISION, tmp_path / "made/safetensors")
    source = {"hub": {"repository": REPOSITORY, "revision": REVISION}}
    write_manifest(tmp_path / "made/manifest.json", source, made)
    return open_weights(tmp_path / "made/manifest.json")


def test_modules_are_fetched_with_the_body(hub, st5, tmp_path):
    where = fetch(hub, st5, tmp_path)
    assert where.is_relative_to(hub.cache)
    listed = read_json(tmp_path / "made/manifest.json")["files"]
    assert {"1_Pooling/config.json", "2_Dense/model.safetensors", "config.json"} <= listed.keys()
    found, expected = (
        load_encoder(folder, "fp32", compute()).encode(PROMPTS, "own") for folder in (where, st5)
    )
    np.testing.assert_array_equal(found, expected)


def test_modules_go_with_a_body_that_is_converted(hub, sgpt, tmp_path):
    old = shutil.copytree(sgpt, tmp_path / "old", ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(load_file(sgpt / "model.safetensors"), old / "pytorch_model.bin")
    where = fetch(hub, old, tmp_path)
    assert where == tmp_path / "made/safetensors"
    assert "1_Pooling/config.json" in read_json(tmp_path / "made/manifest.json")["files"]
    found, expected = (
        load_encoder(folder, "fp32", compute()).encode(PROMPTS, "own") for folder in (where, sgpt)
    )
    np.testing.assert_array_equal(found, expected)


def test_a_changed_module_is_refused(st5, tmp_path):
    folder = shutil.copytree(st5, tmp_path / "model")
    write_manifest(tmp_path / "manifest.json", {"path": str(folder)}, None)
    (folder / "1_Pooling/config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"1_Pooling.config\.json: sha256 is"):
        open_weights(tmp_path / "manifest.json")


def test_a_module_outside_of_its_folder_is_refused(hub, sgpt, tmp_path):
    folder = shutil.copytree(sgpt, tmp_path / "evil")
    (folder / "modules.json").write_text(json.dumps([{"path": "../../x"}]))
    with pytest.raises(
        ValueError, match=r"modules\.json: path '../../x' is no name of a subfolder"
    ):
        fetch(hub, folder, tmp_path)


# --- A trained pooler


@pytest.fixture
def bert(tmp_path):
    """A tiny BERT with a pooler, as SimCSE's: the tiny model of the other tests has none."""
    torch.manual_seed(2222)
    AutoModel.from_config(tiny_config("bert")).save_pretrained(tmp_path / "bert")
    named = {"mask_token": "[MASK]", "pad_token": "[PAD]"}
    save_tokenizer(tmp_path / "bert", BERT_TOKENS, "[CLS]", "[SEP]", **named)
    return tmp_path / "bert"


def test_a_trained_pooler(bert):
    found = load_encoder(bert, "fp32", compute()).encode(PROMPTS, "own")
    tensors = load_file(bert / "model.safetensors")
    weight, bias = (tensors[f"pooler.dense.{name}"].numpy() for name in ("weight", "bias"))
    for row, prompt in zip(found, PROMPTS, strict=True):
        expected = np.tanh(weight @ states(bert, prompt)[0] + bias)
        np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("bert", "trained pooler .* this bert has neither"),
        ("opt", "one of their own; opt does not"),
    ],
)
def test_without_a_pooling_of_its_own_a_model_has_none(tiny_model, model, told):
    # transformers would give BERT a random pooler.
    with pytest.raises(ValueError, match=told):
        load_encoder(tiny_model(model), "fp32", compute()).encode(PROMPTS, "own")


def test_weights_that_are_missing_are_not_made_up(bert):
    tensors = load_file(bert / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, bert / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"no weights for encoder\.layer\.1\.output\.dense\.weight"
    ):
        load_encoder(bert, "fp32", compute())
