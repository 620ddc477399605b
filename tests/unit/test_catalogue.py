"""Every entry of the catalogue is complete, and its numbers are those of its architecture."""

import csv
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml
from harness import ROOT, configuration
from transformers import (
    AutoModel,
    BertConfig,
    Gemma3Config,
    Gemma3TextConfig,
    GPTJConfig,
    GPTNeoConfig,
    GPTNeoXConfig,
    LlamaConfig,
    OPTConfig,
    Qwen2Config,
    Qwen3Config,
    RobertaConfig,
    T5Config,
    T5EncoderModel,
)

from sentscale.families import decoder_for
from sentscale.figures import short_count

FOLDER = ROOT / "workflow/catalogue"
MODELS = yaml.safe_load((FOLDER / "models.yaml").read_text())["models"]
CONFIG = configuration()
ADAPTERS = {
    (name, model): entry
    for name, adapter in CONFIG["adapters"].items()
    for model, entry in adapter.get("published", {}).items()
}

# What layers and width leave open, from the config.json of each repository: width of the feed-
# forward block, heads of queries, heads of keys, number of tokens.
OPT = {"vocab_size": 50272, "max_position_embeddings": 2048}
OPT_350M = {"word_embed_proj_dim": 512, "do_layer_norm_before": False}
GQA = ("intermediate_size", "num_attention_heads", "num_key_value_heads", "vocab_size")
LLAMA = {
    "llama2-7b": 11008,
    "llama-7b": 11008,
    "llama-13b": 13824,
    "llama-30b": 17920,
    "llama-65b": 22016,
}
QWEN2 = {
    "0.5b": (4864, 14, 2, 151936),
    "1.5b": (8960, 12, 2, 151936),
    "3b": (11008, 16, 2, 151936),
    "7b": (18944, 28, 4, 152064),
    "14b": (13824, 40, 8, 152064),
    "32b": (27648, 40, 8, 152064),
    "72b": (29568, 64, 8, 152064),
}
QWEN3 = {
    "0.6b": (3072, 16, 8, 151936),
    "1.7b": (6144, 16, 8, 151936),
    "4b": (9728, 32, 8, 151936),
    "8b": (12288, 32, 8, 151936),
    "14b": (17408, 40, 8, 151936),
}
GEMMA3 = {
    "270m": (2048, 4, 1, 262144),
    "1b": (6912, 4, 1, 262144),
    "4b": (10240, 8, 4, 262208),
    "12b": (15360, 16, 8, 262208),
    "27b": (21504, 32, 16, 262208),
}
IMAGES = {  # SigLIP, in front of Gemma 3 from 4B on
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 896,
    "patch_size": 14,
    "vision_use_head": False,
}
PYTHIA = {"pythia-6.9b": 50432, "pythia-12b": 50688}  # the smaller ones have 50304
T5 = {
    "base": (3072, 12, 64),
    "large": (4096, 16, 64),
    "xl": (16384, 32, 128),
    "xxl": (65536, 128, 128),
}


def architecture(name, layers, width):
    """Configuration of a model with so many layers."""
    kind, _, size = name.rpartition("-")
    shape = {"num_hidden_layers": layers, "hidden_size": width}
    heads = {"num_attention_heads": width // 64}
    wide = {"intermediate_size": 4 * width}
    if kind == "opt":
        more = {"word_embed_proj_dim": width} | (OPT_350M if size == "350m" else {})
        return OPTConfig(**OPT, **shape, **heads, **more, ffn_dim=4 * width)
    if kind in ("llama", "llama2"):
        return LlamaConfig(**shape, **heads, intermediate_size=LLAMA[name], vocab_size=32000)
    if kind == "pythia":
        return GPTNeoXConfig(**shape, **heads, **wide, vocab_size=PYTHIA.get(name, 50304))
    if kind == "qwen2.5":
        return Qwen2Config(**shape, **dict(zip(GQA, QWEN2[size], strict=True)))
    if kind == "qwen3":
        return Qwen3Config(**shape, **dict(zip(GQA, QWEN3[size], strict=True)), head_dim=128)
    if kind == "gemma3":
        text = shape | dict(zip(GQA, GEMMA3[size], strict=True))
        text["head_dim"] = 128 if size == "27b" else 256
        if size in ("270m", "1b"):
            return Gemma3TextConfig(**text)
        return Gemma3Config(text_config=text, vision_config=IMAGES)
    if kind == "st5":
        inner, number, head = T5[size]
        t5 = {"d_model": width, "num_layers": layers, "d_ff": inner, "num_heads": number}
        return T5Config(**t5, d_kv=head, vocab_size=32128)
    if name == "sgpt-5.8b":
        return GPTJConfig(n_layer=layers, n_embd=width)
    if kind == "sgpt":
        kinds = [[["global"], layers]]  # as many parameters as those that look nearby
        return GPTNeoConfig(
            hidden_size=width, num_layers=layers, num_heads=width // 64, attention_types=kinds
        )
    if name == "smollm2-135m":
        return LlamaConfig(**shape, **dict(zip(GQA, (1536, 9, 3, 49152), strict=True)))
    if "roberta" in name:
        return RobertaConfig(
            **shape,
            **heads,
            **wide,
            vocab_size=50265,
            max_position_embeddings=514,
            type_vocab_size=1,
        )
    return BertConfig(**shape, **heads, **wide)


def counted(name, layers, width):
    """Parameters that transformers gives the architecture."""
    config = architecture(name, layers, width)
    with torch.device("meta"):
        encoder = T5EncoderModel if config.model_type == "t5" else AutoModel.from_config
        return sum(weight.numel() for weight in encoder(config).parameters())


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_of_the_architecture(name):
    entry = MODELS[name]
    one, two = (counted(name, layers, entry["width"]) for layers in (1, 2))
    assert entry["parameters"] == one + (entry["layers"] - 1) * (two - one)


@pytest.mark.parametrize("name", MODELS)
def test_what_the_fast_engine_does_not_know_is_on_one_device(name):
    known, _ = decoder_for(architecture(name, 1, MODELS[name]["width"]))
    assert (known is None) == (MODELS[name].get("placement") == "resident")


# Totals with both embeddings, as the authors print them: github.com/EleutherAI/pythia.
@pytest.mark.parametrize(
    ("size", "tokens", "total"),
    [
        ("70m", 50304, 70_426_624),
        ("1b", 50304, 1_011_781_632),
        ("6.9b", 50432, 6_857_302_016),
        ("12b", 50688, 11_846_072_320),
    ],
)
def test_the_body_of_pythia_is_the_published_total_without_the_head(size, tokens, total):
    entry = MODELS[f"pythia-{size}"]
    assert entry["parameters"] == total - tokens * entry["width"]


SIZED = [name for name in MODELS if re.search(r"-[0-9.]+[mb]$", name)]


def test_most_models_are_named_by_their_size():
    assert len(SIZED) > 40


@pytest.mark.parametrize("name", SIZED)
def test_figures_print_the_size_that_the_name_tells(name):
    entry = MODELS[name]
    printed = entry.get("size") or short_count(entry["parameters"])
    assert printed == name.rpartition("-")[2].upper()


@pytest.mark.parametrize("name", MODELS)
def test_an_entry_is_complete(name):
    entry = MODELS[name]
    assert {"family", "parameters", "layers", "width", "source", "licence"} <= entry.keys()
    assert entry["licence"]["id"] in {"apache-2.0", "gemma", "other"}
    if "hub" in entry["source"]:
        # The last part of the name is the size, or what was trained: it is in the repository's too.
        assert name.rpartition("-")[2] in entry["source"]["hub"]["repository"].lower()


def test_each_repository_and_each_commit_is_there_once():
    hubs = [entry["source"]["hub"] for entry in MODELS.values() if "hub" in entry["source"]]
    hubs += ADAPTERS.values()
    assert len(hubs) > 50
    for key in ("repository", "revision"):
        assert max(Counter(hub[key] for hub in hubs).values()) == 1
    assert all(re.fullmatch("[0-9a-f]{40}", hub["revision"]) for hub in hubs)


def test_every_model_that_adapters_name_is_in_the_catalogue():
    named = {model for _, model in ADAPTERS}
    for adapter in CONFIG["adapters"].values():
        named |= adapter.get("recipe", {"by_model": {}})["by_model"].keys()
    assert {"opt-6.7b", "llama-13b"} <= named <= CONFIG["models"].keys()
    for (_, model), entry in ADAPTERS.items():
        assert entry["repository"].endswith(f"-{model}")


def test_what_is_missing_is_not_there():
    with Path(FOLDER / "missing.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    there = {
        entry["source"]["hub"]["repository"]
        for entry in MODELS.values()
        if "hub" in entry["source"]
    }
    there |= {entry["repository"] for entry in ADAPTERS.values()}
    for row in rows:
        assert row["repository"] not in there
        assert re.fullmatch("([0-9a-f]{7})?", row["commit"])
        assert row["why"]
        assert None not in row


def test_models_of_the_paper_are_there():
    sizes = {
        "opt": ["125m", "350m", "1.3b", "2.7b", "6.7b", "13b", "30b", "66b"],
        "llama": ["7b", "13b", "30b", "65b"],
    }
    assert {f"{name}-{size}" for name in sizes for size in sizes[name]} <= MODELS.keys()
