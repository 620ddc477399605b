"""Encoders for sentence-transformers: the same vectors, by its own code alone."""

import functools
import json
import random
import re
import sys

import numpy as np
import pytest
import torch
import yaml
from engine_helpers import compute, far
from export_encoder import main
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tiny_models import LLAMA_TOKENS, save_tokenizer
from tokenizers import Regex, normalizers
from transformers import AutoModel, AutoTokenizer
from transformers.pytorch_utils import Conv1D

from sentscale.adapters import write_manifest
from sentscale.export import Names
from sentscale.files import read_json, write_json
from sentscale.loading import load_encoder
from sentscale.prompting import WHITE, prompting_tokenizer
from sentscale.prompts import Representation
from sentscale.weights import write_manifest as write_model_manifest

EOL = 'This sentence : "{text}" means in one word:"'
ONE_WORD = Representation(EOL, "sentence", "last")
SHOT = 'This sentence : "A \\1 dog $0 runs." means in one word:"Dog".'
AVERAGE = Representation("{text}", "words", "mean")
AWKWARD = [
    *(
        "A dog runs",
        "A dog runs.",
        "Why?",
        "So!",
        "?",
        ".",
        "!",
        "??",
        "?.",
        '"',
        "'",
        '?"',
        "a\"'",
    ),
    *('He said "no"', "He said 'no'", '"Why?" he asked?', "Is it 'it'?", 'Is it "it"?'),
    *(
        "two  spaces",
        "tab\tand\nline\r\nfeed",
        "  in front",
        "behind  ",
        "\u00a0no\u2003break\u3000",
    ),
    *(
        "\x1c\x1fodd\x85white\u2028space\u200b",
        "caf\u00e9 cafe\u0301",
        "\U0001f600",
        "\ud55c\uad6d\uc5b4?",
    ),
    *(
        "{text}",
        "a {text} b",
        "{demo} {word}",
        "\\",
        "\\1 $0 \\z",
        "a\\nb",
        "$",
        "(?<=x)",
        "x" * 60,
    ),
]
SLOW = pytest.mark.slow  # more of the same
MODELS = ["opt", "opt-350m", "llama-bare"]
MODELS += [pytest.param(name, marks=SLOW) for name in ("llama", "gpt2", "gemma3")]
HUB = {"repository": "someone/tiny", "revision": "0123456789012345678901234567890123456789"}
NAMES = {
    "model": "tiny",
    "adapter": "cse",
    "representation": "eol",
    "weights": "merged",
    "licence": {"id": "other", "name": "OPT-175B licence"},
    "metrics": ["accuracy", "spearman_all"],
    "protocol": 1,
}
SCORE = {
    "encoder": {"model": "tiny", "adapter": "cse", "precision": "nf4", "representation": "eol"},
    "task": "STSB-dev",
    "scores": {
        "spearman_all": {"value": 71.612, "low": 57.219, "high": 81.216},
        "pearson_all": {"value": 1.0, "low": 0.0, "high": 2.0},
    },
    "bootstrap": {"resamples": 1000, "confidence": 0.95, "seed": 1111},
}
TRAINED = {
    "training": {
        "recipe": {"rank": 4, "temperature": 0.05},
        "representation": vars(ONE_WORD),
        "rows": 7547,
        "inputs": {"manifest": "1a", "triplets": "2b", "STS12": "4d"},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "triplets": "nli-substitute",
    },
    "selection": {
        "precision": "nf4",
        "inputs": {"manifest": "1a", "STSB-dev": "3c"},
        "step": 60,
        "score": 67.041,
        "zero_shot": 60.116,
    },
}


@pytest.fixture(scope="module")
def adapter_of(tiny_model, tmp_path_factory):
    """Function to the manifest of a tiny model's adapter, made by PEFT, B not zero."""

    @functools.cache
    def manifest_of(name):
        folder = tmp_path_factory.mktemp("adapters") / name
        body = AutoModel.from_pretrained(tiny_model(name), dtype=torch.float32)
        conv = any(type(module) is Conv1D for module in body.modules())
        config = LoraConfig(r=4, lora_alpha=6, target_modules="all-linear", fan_in_fan_out=conv)
        torch.manual_seed(2222)
        model = get_peft_model(body, config)
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                torch.nn.init.normal_(parameter, std=0.2)
        model.save_pretrained(folder)
        write_manifest(folder / "manifest.json", TRAINED)
        return folder / "manifest.json"

    return manifest_of


@pytest.fixture
def export(tiny_model, adapter_of, tmp_path):
    """Function that runs the command; the model is where `source` says."""

    def run(name, representation=ONE_WORD, adapter=True, source=None, scores=(), **names):
        source = source or {"path": str(tiny_model(name))}
        write_model_manifest(tmp_path / "model/manifest.json", source, None)
        write_json(tmp_path / "representation.json", vars(representation))
        for number, score in enumerate(scores):
            write_json(tmp_path / f"{number}.json", score)
        if not adapter:
            names |= {"adapter": "none"}
        main(
            [
                *("--weights", str(tmp_path / "model/manifest.json")),
                *("--adapter", *([str(adapter_of(name))] if adapter else [])),
                *("--representation", str(tmp_path / "representation.json")),
                *("--scores", *[str(tmp_path / f"{n}.json") for n in range(len(scores))]),
                *("--names", json.dumps(NAMES | names), "--out", str(tmp_path / "out")),
            ]
        )
        return tmp_path / "out"

    return run


def load(folder):
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def ours(folder, adapter, representation, sentences=AWKWARD):
    """Vectors of the workflow's own engine."""
    encoder = load_encoder(folder, "fp32", compute(), adapter.parent if adapter else None)
    return encoder.encode([representation.prompt(one) for one in sentences], representation.pooling)


@pytest.mark.parametrize("pooling", ["last", pytest.param("mean", marks=SLOW)])
@pytest.mark.parametrize("name", MODELS)
def test_the_vectors_are_those_of_the_workflow(name, pooling, export, tiny_model, adapter_of):
    representation = Representation(SHOT + EOL, "sentence", pooling)
    model = load(export(name, representation))
    expected = ours(tiny_model(name), adapter_of(name), representation)
    assert far(model.encode(AWKWARD, batch_size=8), expected) <= 1e-5
    # The adapter does something, or the comparison would say nothing.
    assert far(ours(tiny_model(name), None, representation), expected) > 0.1
    # Alone, too: no vector depends on what is beside it.
    alone = np.stack([model.encode(one) for one in AWKWARD[:4]])
    assert far(alone, expected[:4]) <= 1e-5


@pytest.mark.parametrize("name", ["opt", "llama-bare"])
def test_without_an_adapter_and_with_words_alone(name, export, tiny_model):
    found = load(export(name, AVERAGE, adapter=False)).encode(AWKWARD)
    assert far(found, ours(tiny_model(name), None, AVERAGE)) <= 1e-5


def test_no_code_of_ours_is_needed(export):
    folder = export("opt")
    assert not list(folder.rglob("*.py"))
    modules = read_json(folder / "modules.json")
    assert all(one["type"].startswith("sentence_transformers.") for one in modules)
    assert "auto_map" not in (folder / "config.json").read_text()


def test_what_is_written_is_complete_and_readable(export):
    folder = export("llama")
    config = read_json(folder / "config.json")
    assert (config["architectures"], config["dtype"]) == (["LlamaModel"], "float32")
    weights = load_file(folder / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert not any("lm_head" in name for name in weights)
    assert all(path.stat().st_mode & 0o044 for path in folder.rglob("*"))


@pytest.mark.parametrize(("name", "width"), [("opt", 32), ("opt-350m", 16)])
def test_the_width_is_that_of_the_output(name, width, export):
    model = load(export(name))
    assert model.get_embedding_dimension() == width
    assert model.encode("A dog.").shape == (width,)
    assert model.max_seq_length == 256


@pytest.mark.parametrize(("name", "start"), [("opt", [2]), ("llama", [1]), ("llama-bare", [])])
def test_an_empty_sentence_gets_no_prompt(name, start, export):
    tokenizer = load(export(name)).tokenizer
    assert tokenizer("").input_ids == tokenizer(" \n").input_ids == start


def test_an_empty_sentence_is_zero_where_there_is_no_start_token(export):
    assert not load(export("llama-bare")).encode(["A dog.", ""])[1].any()


def test_a_token_in_a_sentence_is_read_as_text(export, tiny_model):
    model = load(export("opt"))
    own = AutoTokenizer.from_pretrained(tiny_model("opt"))
    (ids,) = model.tokenizer(["one </s> two"]).input_ids
    assert own.decode(ids[1:]) == ONE_WORD.prompt("one </s> two")
    assert ids.count(own.eos_token_id) == 1  # the start
    assert own(ONE_WORD.prompt("one </s> two")).input_ids.count(own.eos_token_id) == 2


def test_a_long_prompt_is_cut(export):
    assert load(export("opt")).preprocess(["a b " * 300])["input_ids"].shape == (1, 256)


@pytest.mark.parametrize("added", ["  ", "<h1>", "\n\n"])
def test_tokens_that_were_added_split_nothing(added, tiny_model, tmp_path):
    # GPT-NeoX has such tokens of white space, Gemma of line feeds and markup.
    own = AutoTokenizer.from_pretrained(tiny_model("llama"))
    own.add_tokens([added])
    prompting_tokenizer(own, ONE_WORD, 256).save_pretrained(tmp_path)
    sentence = f"one{added}two"
    prompt = ONE_WORD.prompt(sentence)
    (ids,) = AutoTokenizer.from_pretrained(tmp_path)([sentence]).input_ids
    assert own.decode(ids[1:]) == prompt
    if not added.strip():
        assert ids == own(prompt).input_ids


def test_the_models_own_normalizer_comes_after_the_prompt(tmp_path):
    # LLaMA's: a space in front of the whole text, spaces are a sign of their own.
    save_tokenizer(tmp_path, LLAMA_TOKENS, "<s>", bos_token="<s>", eos_token="</s>")
    own = AutoTokenizer.from_pretrained(tmp_path)
    own.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("_"), normalizers.Replace(" ", "_")]
    )
    made = prompting_tokenizer(own, ONE_WORD, None)
    for sentence in AWKWARD:
        assert made(sentence).input_ids == own(ONE_WORD.prompt(sentence)).input_ids
    assert made.pad_token == "</s>"  # it has none of its own


def test_white_space_is_pythons():
    remove = normalizers.Replace(Regex(WHITE), "")
    for code in [*range(0xD800), *range(0xE000, 0x10000), 0x1F600]:
        assert (remove.normalize_str(f"a{chr(code)}b") == "ab") == chr(code).isspace()


@pytest.mark.parametrize(
    "representation",
    [
        ONE_WORD,
        AVERAGE,
        Representation(SHOT + EOL, "sentence", "last"),
        Representation("  {text} is", "words", "last"),
        Representation("so {text} ", "sentence", "last"),
    ],
)
def test_random_sentences_get_the_same_tokens(representation, tiny_model):
    own = AutoTokenizer.from_pretrained(tiny_model("llama"))
    made = prompting_tokenizer(own, representation, None)
    rng, signs = (
        random.Random(1111),
        [*".?!\"' \t\n\\${}aA,-\u00a0\x1c\u00e9", "{text}", "\u200b", "\u0301"],
    )
    sentences = ["".join(rng.choices(signs, k=rng.randint(1, 8))) for _ in range(500)]
    kept = [one for one in sentences if one.strip()]
    expected = own([representation.prompt(one) for one in kept]).input_ids
    assert made(kept).input_ids == expected


def test_an_adapter_alone_takes_its_base_from_the_hub(
    export, tiny_model, adapter_of, hub_cache, monkeypatch
):
    repository = hub_cache / "models--someone--tiny"
    snapshot = repository / "snapshots" / HUB["revision"]
    snapshot.mkdir(parents=True)
    half = AutoModel.from_pretrained(tiny_model("opt-350m")).to(torch.float16)
    half.save_pretrained(snapshot)  # a hub's weights are often in half precision
    AutoTokenizer.from_pretrained(tiny_model("opt-350m")).save_pretrained(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(HUB["revision"])
    folder = export("opt-350m", source={"hub": HUB}, weights="adapter")
    settings = read_json(folder / "adapter_config.json")
    found = settings["base_model_name_or_path"], settings["revision"]
    assert found == (HUB["repository"], HUB["revision"])
    assert not (folder / "model.safetensors").exists()
    model = load(folder)
    assert model.get_embedding_dimension() == 16
    assert model[0].auto_model.dtype == torch.float32
    expected = ours(snapshot, adapter_of("opt-350m"), ONE_WORD)
    assert far(model.encode(AWKWARD), expected) <= 1e-5
    card = (folder / "README.md").read_text()
    assert front(card)["base_model"] == HUB["repository"]
    assert front(card)["base_model_relation"] == "adapter"
    assert f"revision `{HUB['revision']}`" in card


def front(card):
    return yaml.safe_load(card.split("---\n")[1])


def test_the_card_tells_what_the_encoder_is(export, tiny_model, tmp_path):
    other = SCORE | {"task": "MR", "scores": {"accuracy": {"value": 80, "low": 79, "high": 81}}}
    card = (export("opt", scores=[SCORE, other]) / "README.md").read_text()
    assert front(card) == {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "license": "other",
        "license_name": "opt-175b-licence",
        "tags": [
            *("sentence-transformers", "sentence-similarity", "feature-extraction", "prompteol"),
            "lora",
        ],
    }
    assert EOL in card
    assert "| STSB-dev | spearman_all | nf4 | 71.61 | 57.22 to 81.22 (95%) |" in card
    assert "| MR | accuracy | nf4 | 80.00 | 79.00 to 81.00 (95%) |" in card
    assert "pearson" not in card
    flowing = " ".join(card.split())
    assert (
        "7,547 triplets of the training set `nli-substitute`, which is **not the paper's**"
        in flowing
    )
    assert "No sentence of `STS12` is in them." in flowing
    assert "| temperature | 0.05 |" in card
    assert (
        "of step 60, chosen by its score of 67.04 on `STSB-dev` (60.12 without it), weights in nf4"
        in flowing
    )
    assert "| triplets | `2b` |" in card
    assert "Licence: OPT-175B licence." in card
    assert "torch 2.13.0" in card


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_no_place_of_this_machine_is_in_an_export(name, export, tiny_model, tmp_path):
    folder = export(name)
    for path in folder.rglob("*"):
        if path.suffix in (".json", ".md"):
            text = path.read_text()
            for place in (tmp_path.parent, tiny_model(name).parent, sys.prefix):
                assert str(place) not in text, path


def test_the_code_in_the_card_works(export, monkeypatch):
    folder = export("opt")
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert len(code.splitlines()) == 3
    names = {}
    exec(code.replace("path/to/this/folder", str(folder)), names)
    assert names["vectors"].shape == (2, 32)


def test_the_papers_training_set_is_told_apart(export, adapter_of, monkeypatch):
    manifest = adapter_of("gpt2")
    known = read_json(manifest)
    training = known["training"] | {"triplets": "nli", "representation": vars(AVERAGE)}
    write_json(manifest, known | {"training": training})
    flowing = " ".join((export("gpt2") / "README.md").read_text().split())
    assert "training set `nli`, which is the paper's." in flowing
    assert "trained with another prompt: `{text}`" in flowing
    write_json(manifest, {"source": {"hub": HUB}, "files": known["files"]})
    published = (export("gpt2") / "README.md").read_text()
    assert f"Published as `someone/tiny`, revision `{HUB['revision']}`" in published
    write_json(manifest, known)


def test_a_model_as_it_comes_has_no_training(export):
    card = (export("opt", adapter=False) / "README.md").read_text()
    assert "# tiny, a sentence encoder" in card
    assert "Training" not in card
    assert "None were computed." in card
    assert "lora" not in front(card)["tags"]


@pytest.mark.parametrize("pooling", ["first", "mask"])
def test_other_poolings_are_refused(pooling, export, tmp_path):
    with pytest.raises(ValueError, match=f"pooling is '{pooling}'; .* last, mean only"):
        export("opt", Representation(EOL, "sentence", pooling))
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_an_adapter_alone_needs_a_model_on_the_hub(export):
    with pytest.raises(ValueError, match=r"source is 'path', not hub.*use merged"):
        export("opt", weights="adapter")


def test_an_adapter_alone_needs_an_adapter():
    with pytest.raises(ValueError, match="the adapter is none"):
        Names(**NAMES | {"adapter": "none", "weights": "adapter"})


def test_weights_are_of_two_kinds():
    with pytest.raises(ValueError, match="weights is 'both', allowed"):
        Names(**NAMES | {"weights": "both"})


def test_a_template_with_a_token_is_refused(export):
    with pytest.raises(ValueError, match="template holds the token '</s>'"):
        export("opt", Representation("</s>{text}", "words", "last"))


def test_a_tokenizer_that_loses_the_prompt_is_refused(export, tmp_path):
    # transformers makes Qwen2's tokenizer anew from its words.
    with pytest.raises(ValueError, match="loads the tokenizer as Qwen2Tokenizer"):
        export("qwen2", adapter=False)
    assert not (tmp_path / "out").exists()
