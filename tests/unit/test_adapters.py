"""Adapters in use, against PEFT's own unmerged forward, one prompt at a time."""

import functools
import json
import shutil

import numpy as np
import pytest
import torch
from engine_helpers import PREFIX, SHORT_PROMPTS, compute, cosines, dequantised, far
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer
from transformers.pytorch_utils import Conv1D

from sentscale.adapters import Adapter, WithAdapter, add_adapter, open_adapter, write_manifest
from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import read_json, sha256_of
from sentscale.loading import load_encoder

MODELS = ["opt", "opt-350m", "llama", "gpt2", "gemma3", "pythia"]
PLACES = {"fast": compute(), "plain": compute("plain"), "stream": compute(placement="stream")}
ALL_PLACES = pytest.mark.parametrize("place", PLACES)


def random_adapter(model, config):
    """A model with an adapter that does something: PEFT's own begins with B = 0."""
    torch.manual_seed(2222)
    found = get_peft_model(model, config)
    for name, parameter in found.named_parameters():
        if "lora_" in name:
            nn.init.normal_(parameter, std=0.2)
    return found


@pytest.fixture(scope="session")
def adapter_of(tiny_model, tmp_path_factory):
    """Function to the folder of a random adapter of a tiny model, as PEFT saves it."""

    @functools.cache
    def folder_of(name, head=False, rank=4):
        folder = tmp_path_factory.mktemp("adapters") / name
        kind = AutoModelForCausalLM if head else AutoModel
        model = kind.from_pretrained(tiny_model(name), dtype=torch.float32)
        conv = any(type(module) is Conv1D for module in model.modules())
        config = LoraConfig(
            r=rank, lora_alpha=6, lora_dropout=0.1, target_modules="all-linear", fan_in_fan_out=conv
        )
        random_adapter(model, config).save_pretrained(folder)
        return folder

    return folder_of


@torch.inference_mode()
def by_peft(body, folder, tokenizer):
    """Last states by transformers and PEFT alone, its matrices beside the weights."""
    model = PeftModel.from_pretrained(body, folder).eval()
    found = []
    for prompt in SHORT_PROMPTS:
        ids = torch.tensor([tokenizer(prompt)["input_ids"]])
        found.append(model(input_ids=ids).last_hidden_state[0, -1].float())
    return torch.stack(found).numpy()


@pytest.fixture(scope="session")
def expected(tiny_model, adapter_of):
    """Function to the vectors of a tiny model with its random adapter."""

    @functools.cache
    def vectors(name, precision="fp32", spread=0.3):
        folder = tiny_model(name, spread)
        if precision == "nf4":
            body = dequantised(folder)
        else:
            body = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
        return by_peft(body, adapter_of(name), AutoTokenizer.from_pretrained(folder))

    return vectors


def vectors_of(model, adapter, place="fast", precision="fp32"):
    encoder = load_encoder(model, precision, PLACES[place], adapter)
    return encoder.encode(SHORT_PROMPTS, "last", [PREFIX])


# --- Vectors


@ALL_PLACES
@pytest.mark.parametrize("name", MODELS)
def test_vectors_are_pefts(tiny_model, adapter_of, expected, name, place):
    found = vectors_of(tiny_model(name), adapter_of(name), place)
    assert far(found, expected(name)) <= 1e-5
    assert far(found, vectors_of(tiny_model(name), None, place)) > 0.1  # it does something


@pytest.mark.parametrize("name", MODELS)
def test_an_adapter_of_the_model_with_its_head_gives_the_same(
    tiny_model, adapter_of, expected, name
):
    folder = adapter_of(name, head=True)
    whole, body = (load_file(one / ADAPTER) for one in (folder, adapter_of(name)))
    prefix = AutoModel.from_pretrained(tiny_model(name)).base_model_prefix
    start = "base_model.model."
    assert set(whole) == {key.replace(start, f"{start}{prefix}.") for key in body}
    # The matrices are drawn in the same order.
    assert far(vectors_of(tiny_model(name), folder), expected(name)) <= 1e-5


@ALL_PLACES
@pytest.mark.parametrize("name", ["opt-64", "gpt2-64", "opt-350m-64"])
def test_nf4_on_a_cpu_is_the_widened_weights_and_pefts_matrices(
    tiny_model, adapter_of, expected, name, place
):
    found = vectors_of(tiny_model(name), adapter_of(name), place, "nf4")
    assert far(found, expected(name, "nf4")) <= 1e-5
    assert far(found, vectors_of(tiny_model(name), None, place, "nf4")) > 0.1


@ALL_PLACES
def test_bf16_is_close(tiny_model, adapter_of, expected, place):
    # With weights as large as in other tests the last digits of bfloat16 would count for more.
    found = vectors_of(tiny_model("llama", 0.1), adapter_of("llama"), place, "bf16")
    assert cosines(found, expected("llama", spread=0.1)).min() >= 0.999
    assert far(found, expected("llama", spread=0.1)) > 1e-4  # it is bf16


def test_the_product_is_made_in_float32():
    layer = nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    layer.weight.data = torch.ones(1, 1, dtype=torch.bfloat16)
    # In bfloat16 1 + 1/256 would be 1, the product 0.
    a, b = torch.tensor([[1 + 1 / 256], [-1.0]]), torch.ones(1, 2)
    add_adapter(nn.ModuleDict({"up": layer}), Adapter(4, {"up": (a, b)}), "")
    assert layer.weight.dtype == torch.bfloat16
    assert layer.weight.item() == 1 + 4 / 256


def test_settings_of_2023_are_read(tiny_model, adapter_of, expected, tmp_path):
    # Keys that PEFT no longer knows, and few of those that it has now.
    folder = changed(adapter_of("opt"), tmp_path / "old")
    old = {
        "base_model_name_or_path": "facebook/opt-125m",
        "bias": "none",
        "enable_lora": None,
        "fan_in_fan_out": False,
        "inference_mode": True,
        "lora_alpha": 6,
        "lora_dropout": 0.05,
        "merge_weights": True,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": 4,
        "target_modules": ["q_proj", "v_proj"],
        "task_type": "CAUSAL_LM",
    }
    (folder / CONFIG).write_text(json.dumps(old))
    assert far(vectors_of(tiny_model("opt"), folder), expected("opt")) <= 1e-5


# --- bitsandbytes' own layers, which a GPU has


def test_a_four_bit_layer_computes_the_product_beside_its_own():
    from sentscale.four_bits import quantise_linears

    torch.manual_seed(3333)
    inner = nn.ModuleDict({"up": nn.Linear(64, 128), "down": nn.Linear(128, 64)})
    body = nn.ModuleDict({"inner": inner, "out": Conv1D(192, 64)}).eval()
    quantise_linears(body, torch.float32)
    before = {"inner.up": inner["up"], "inner.down": inner["down"], "out": body["out"]}
    shapes = {"inner.up": (128, 64), "out": (192, 64)}
    pairs = {
        name: (torch.randn(4, narrow), torch.randn(wide, 4))
        for name, (wide, narrow) in shapes.items()
    }
    add_adapter(body, Adapter(1.5, pairs), "")
    assert inner["down"] is before["inner.down"]  # without matrices
    with torch.inference_mode():
        for name, (a, b) in pairs.items():
            x = torch.randn(5, a.shape[1])
            layer = body.get_submodule(name)
            assert type(layer) is WithAdapter
            expected = before[name](x) + 1.5 * (b @ (a @ x.T)).T
            torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("place", ["fast", "stream"])
@pytest.mark.parametrize("name", ["opt-64", "gpt2-64", "opt-350m-64"])
def test_four_bit_layers_with_an_adapter_walk_through_the_engine(
    tiny_model, adapter_of, expected, monkeypatch, name, place
):
    from sentscale import four_bits

    # As on a GPU: nothing is widened. On a CPU these layers may compute in bfloat16.
    monkeypatch.setattr(four_bits, "widen_linears", lambda module: None)
    made = []
    monkeypatch.setattr(WithAdapter, "__init__", counted(WithAdapter.__init__, made))
    found = vectors_of(tiny_model(name, 0.1), adapter_of(name), place, "nf4")
    assert len(made) == len(load_file(adapter_of(name) / ADAPTER)) / 2
    assert cosines(found, expected(name, "nf4", 0.1)).min() >= 0.999


def counted(function, calls):
    def call(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return call


# --- What is refused


def changed(folder, copy, tensors=None, **settings):
    """A copy with other settings, or with other tensors."""
    shutil.copytree(folder, copy)
    config = read_json(copy / CONFIG) | settings
    config = {key: value for key, value in config.items() if value != "gone"}
    (copy / CONFIG).write_text(json.dumps(config))
    if tensors is not None:
        save_file(tensors(load_file(copy / ADAPTER)), copy / ADAPTER)
    return copy


MORE_THAN_LORA = {
    "use_dora": {"use_dora": True},
    "use_rslora": {"use_rslora": True},
    "bias": {"bias": "all"},
    "modules_to_save": {"modules_to_save": ["final_layer_norm"]},
    "alpha_pattern": {"alpha_pattern": {"fc1": 32}},
    "rank_pattern": {"rank_pattern": {"fc1": 2}},
    "init_lora_weights": {"init_lora_weights": "pissa"},
    "trainable_token_indices": {"trainable_token_indices": [1, 2]},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("key", MORE_THAN_LORA)
def test_more_than_plain_lora_is_refused(tiny_model, tmp_path, key):
    model = AutoModel.from_pretrained(tiny_model("opt"))
    config = LoraConfig(r=4, target_modules=["q_proj", "fc1"], **MORE_THAN_LORA[key])
    get_peft_model(model, config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=rf"{CONFIG}: {key} is .*only plain LoRA"):
        load_encoder(tiny_model("opt"), "fp32", compute(), tmp_path)


def test_another_method_is_refused(tiny_model, tmp_path):
    config = IA3Config(target_modules=["k_proj", "fc2"], feedforward_modules=["fc2"])
    model = AutoModel.from_pretrained(tiny_model("opt"))
    get_peft_model(model, config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=rf"{CONFIG}: peft_type is 'IA3'; only plain LoRA"):
        load_encoder(tiny_model("opt"), "fp32", compute(), tmp_path)


def test_an_adapter_of_words_is_refused(tiny_model, tmp_path):
    config = LoraConfig(r=4, target_modules=["embed_tokens", "fc1"])
    model = AutoModel.from_pretrained(tiny_model("opt"))
    get_peft_model(model, config).save_pretrained(tmp_path, save_embedding_layers=False)
    with pytest.raises(
        ValueError, match=r"embed_tokens\.lora_embedding_A is none of LoRA on a lin"
    ):
        load_encoder(tiny_model("opt"), "fp32", compute(), tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"use_something_new": {"x": 1}}, "use_something_new is {'x': 1}; only plain LoRA"),
        ({"enable_lora": [True, False, True]}, "enable_lora is .*only plain LoRA"),
        ({"peft_type": "gone"}, "peft_type is None; only plain LoRA"),
        ({"r": "gone"}, "r is None, not a number above 0"),
        ({"lora_alpha": "gone"}, "lora_alpha is None, not a number above 0"),
        ({"r": 0}, "r is 0, not a number above 0"),
    ],
)
def test_settings_that_are_not_understood_are_refused(
    tiny_model, adapter_of, tmp_path, settings, told
):
    folder = changed(adapter_of("opt"), tmp_path / "copy", **settings)
    with pytest.raises(ValueError, match=rf"copy/{CONFIG}: {told}"):
        load_encoder(tiny_model("opt"), "fp32", compute(), folder)


FIRST = "base_model.model.decoder.layers.0.fc1.lora_A.weight"


def without(tensors):
    return {key: tensor for key, tensor in tensors.items() if key != FIRST}


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        (
            lambda all_: {key.replace("layers.2", "layers.3"): all_[key] for key in all_},
            r"layers\.3\.\S+ is for a layer that the model has not",
        ),
        (lambda all_: all_ | {"more": torch.ones(1)}, "tensor more is none of LoRA"),
        (
            lambda all_: all_ | {FIRST: torch.ones(4, 31)},
            r"layers\.0\.fc1 has {'A': \(4, 31\), .*ask for {'A': \(4, 32\), 'B': \(64, 4\)}",
        ),
        (lambda all_: all_ | {FIRST: torch.ones(32, 4)}, r"fc1 has {'A': \(32, 4\)"),
        (without, r"fc1 has {'B': \(64, 4\)}, the model and r ask for"),
        (lambda all_: {}, "holds no tensors"),
    ],
    ids=["layer", "name", "shape", "turned", "half", "empty"],
)
def test_tensors_that_are_not_the_models_are_refused(
    tiny_model, adapter_of, tmp_path, tensors, told
):
    folder = changed(adapter_of("opt"), tmp_path / "copy", tensors)
    with pytest.raises(ValueError, match=rf"copy/{ADAPTER}: .*{told}"):
        load_encoder(tiny_model("opt"), "fp32", compute(), folder)


def test_another_rank_than_the_settings_say_is_refused(tiny_model, adapter_of, tmp_path):
    # The factor alpha / r would be another.
    folder = changed(adapter_of("opt"), tmp_path / "copy", r=8)
    with pytest.raises(ValueError, match=r"has {'A': \(4, .*ask for {'A': \(8, "):
        load_encoder(tiny_model("opt"), "fp32", compute(), folder)


def test_an_adapter_of_another_model_is_refused(tiny_model, adapter_of):
    with pytest.raises(ValueError, match="is for a layer that the model has not"):
        load_encoder(tiny_model("llama"), "fp32", compute(), adapter_of("opt"))
    with pytest.raises(ValueError, match="ask for"):
        load_encoder(tiny_model("opt"), "fp32", compute(), adapter_of("opt-64"))


# --- Manifests


@pytest.fixture
def manifest(adapter_of, tmp_path):
    folder = shutil.copytree(adapter_of("opt"), tmp_path / "adapter")
    write_manifest(folder / "manifest.json", {"source": "test"})
    return folder / "manifest.json"


def test_a_manifest_holds_the_digest_of_both_files(manifest):
    files = {name: sha256_of(manifest.parent / name) for name in (ADAPTER, CONFIG)}
    assert read_json(manifest) == {"source": "test", "files": files}
    assert open_adapter(manifest) == manifest.parent
    assert open_adapter(None) is None


@pytest.mark.parametrize("name", [ADAPTER, CONFIG])
def test_a_changed_file_is_refused_and_named(manifest, name):
    content = bytearray((manifest.parent / name).read_bytes())
    content[-5] ^= 1
    (manifest.parent / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"adapter/{name}: sha256 is"):
        open_adapter(manifest)


# --- The command


@pytest.fixture
def embed(tiny_model, tmp_path):
    """Function that embeds some sentences with or without an adapter, to the same file."""
    import embed_sentences

    from sentscale.weights import write_manifest as write_manifest_of_model

    write_manifest_of_model(tmp_path / "model.json", {"path": str(tiny_model("opt"))}, None)
    (tmp_path / "sentences.txt").write_text("A man plays.\nTwo dogs run.\nMonday\n")
    representation = {"template": "{text}", "clean_up": "words", "pooling": "last"}
    (tmp_path / "eol.json").write_text(json.dumps(representation | {"shots": []}))

    def run(adapter):
        words = ["engine=fast", "placement=resident", "threads=1", "gpus=0", "max_tokens=64"]
        command = {
            "--weights": [tmp_path / "model.json"],
            "--adapter": [adapter] if adapter else [],
            "--precision": ["fp32"],
            "--sentences": [tmp_path / "sentences.txt"],
            "--representation": [tmp_path / "eol.json"],
            "--protocol": [1],
            "--compute": [*words, "shard_sentences=1"],
            "--out": [tmp_path / "out.npy"],
            "--about": [tmp_path / "out.json"],
        }
        options = [str(word) for key, values in command.items() for word in (key, *values)]
        embed_sentences.main(options)
        return np.load(tmp_path / "out.npy"), read_json(tmp_path / "out.json")

    return run


def test_shards_without_the_adapter_are_not_taken_for_it(embed, manifest, monkeypatch, tmp_path):
    import embed_sentences

    bare, about = embed(None)
    assert "adapter" not in about["inputs"]
    (tmp_path / "out.npy").unlink()

    # Killed when all but the last shard were done.
    seen = []

    def killed(vectors, texts):
        seen.append(texts)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(embed_sentences, "check_vectors", killed)
        with pytest.raises(KeyboardInterrupt):
            embed(None)
    assert list((tmp_path / ".out.shards").rglob("*.npy"))

    found, about = embed(manifest)
    assert about["inputs"]["adapter"] == sha256_of(manifest)
    assert (np.abs(found - bare).max(1) > 0.1).all()
    encoder = load_encoder(
        tmp_path / read_json(tmp_path / "model.json")["source"]["path"],
        "fp32",
        compute(),
        manifest.parent,
    )
    texts = ["A man plays.", "Two dogs run.", "Monday"]
    assert far(found, encoder.encode(texts, "last")) <= 1e-5
