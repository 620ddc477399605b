"""An encoder as mteb calls it, with stand-ins for mteb: it is no dependency."""

import sys
from dataclasses import make_dataclass
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pytest
import torch
from engine_helpers import compute, cosines, far
from mteb_schema import MODEL_META

from sentscale.files import write_json
from sentscale.loading import load_encoder
from sentscale.mteb_encoder import MtebEncoder
from sentscale.prompts import Representation
from sentscale.weights import write_manifest

EOL = Representation('This sentence : "{text}" means in one word:"', "sentence", "last")
CALL = {"task_metadata": SimpleNamespace(name="STS12"), "hf_split": "test", "hf_subset": "default"}


@runtime_checkable
class EncoderProtocol(Protocol):
    """Names and arguments of mteb's own, in models/models_protocols.py of 2.26.24."""

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: Any = None,
        **kwargs: Any,
    ) -> Any: ...

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any: ...

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any: ...

    @property
    def mteb_model_meta(self) -> Any: ...


class Counting:
    """Vectors that tell which prompts were asked for: their lengths, and their numbers."""

    def __init__(self):
        self.asked = []

    def encode(self, prompts, pooling, prefixes, advance, workspace, *, starts, every_layer):
        self.asked.append((list(prompts), pooling, list(prefixes)))
        return np.array([[len(one), n + 1] for n, one in enumerate(prompts)], dtype=np.float32)


@pytest.fixture
def mteb(monkeypatch):
    """A package mteb with a ModelMeta that takes the fields of the real one and no others."""
    fields = [*MODEL_META["properties"]]
    module = ModuleType("mteb.models.model_meta")
    module.ModelMeta = make_dataclass("ModelMeta", fields)
    for name in ("mteb", "mteb.models"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_texts_of_all_batches_in_their_order_each_computed_once():
    inner = Counting()
    found = MtebEncoder(inner, EOL, {}).encode(
        [{"text": ["Rain", "A dog"]}, {"text": ["A dog", "Rain", "So"]}], **CALL, batch_size=2
    )
    ((prompts, pooling, prefixes),) = inner.asked
    assert prompts == [EOL.prompt(text) for text in ("Rain", "A dog", "So")]
    assert (pooling, prefixes) == ("last", ['This sentence : "'])
    assert found[:, 1].tolist() == [1, 2, 2, 1, 3]


@pytest.mark.parametrize(
    ("clean_up", "prompt"),
    [
        ("sentence", """This sentence : "Is it 'no'." means in one word:\""""),
        ("words", """This sentence : "Is it "no"?" means in one word:\""""),
    ],
)
def test_with_and_without_the_clean_up_of_the_paper(clean_up, prompt):
    inner = Counting()
    representation = Representation(EOL.template, clean_up, "last")
    MtebEncoder(inner, representation, {}).encode([{"text": ['Is it  "no"?']}], **CALL)
    assert inner.asked[0][0] == [prompt]


def test_vectors_of_another_precision_are_refused():
    encoder = MtebEncoder(Counting(), EOL, {})
    with pytest.raises(ValueError, match="precision of vectors is 'int8'; float32 only"):
        encoder.encode([{"text": ["Rain"]}], **CALL, precision="int8")


def test_a_vector_without_a_direction_is_refused():
    inner = SimpleNamespace(encode=lambda *given, **named: np.zeros((1, 2)))
    with pytest.raises(ValueError, match="vector of sentence 'Rain' is zero"):
        MtebEncoder(inner, EOL, {}).encode([{"text": ["Rain"]}], **CALL)


def test_similarities_by_pencil():
    encoder = MtebEncoder(Counting(), EOL, {})
    left = np.array([[3.0, 4.0], [1.0, 0.0]], dtype=np.float32)
    right = torch.tensor([[4.0, 3.0], [0.0, 2.0]])
    # 24 / 25, 8 / 10, 4 / 5, 0.
    expected = torch.tensor([[0.96, 0.8], [0.8, 0.0]])
    torch.testing.assert_close(encoder.similarity(left, right), expected)
    torch.testing.assert_close(encoder.similarity_pairwise(left, right), torch.tensor([0.96, 0.0]))
    torch.testing.assert_close(encoder.similarity(left[0], right), expected[:1])


@pytest.fixture
def results(tiny_model, tmp_path):
    """A folder of results with a tiny model and the prompt."""
    folder = tmp_path / "results"
    write_manifest(
        folder / "models/tiny/manifest.json", {"path": str(tiny_model("opt-350m"))}, None
    )
    write_json(folder / "representations/tiny/eol.json", vars(EOL) | {"demonstration": None})
    return folder


def test_an_encoder_of_the_workflow_fits_the_protocol(results, tiny_model, mteb):
    encoder = MtebEncoder.open(results, "tiny", "none", "fp32", "eol", compute())
    assert isinstance(encoder, EncoderProtocol)
    texts = ["Why?", "A dog runs", "Why?"]
    own = load_encoder(tiny_model("opt-350m"), "fp32", compute())
    expected = own.encode([EOL.prompt(text) for text in texts], "last")
    assert far(encoder.encode([{"text": texts}], **CALL), expected) <= 1e-5
    meta = encoder.mteb_model_meta
    assert isinstance(meta, mteb.ModelMeta)
    # 16, the width of the output, and not the model's hidden size of 32.
    assert (meta.name, meta.embed_dim, meta.max_tokens) == ("sentscale/tiny_none_fp32_eol", 16, 256)


def test_another_clean_up_is_another_encoder(results, mteb):
    paper, words = (
        MtebEncoder.open(results, "tiny", "none", "fp32", "eol", compute(), clean_up)
        for clean_up in (None, "words")
    )
    assert words.representation.clean_up == "words"
    assert words.mteb_model_meta.name == "sentscale/tiny_none_fp32_eol.words"
    assert words.mteb_model_meta.revision != paper.mteb_model_meta.revision


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("clean_up", [None, "words"])
def test_mteb_itself_runs_an_encoder(results, tmp_path, monkeypatch, clean_up):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    mteb = pytest.importorskip("mteb", reason="mteb is not installed, and no dependency")
    from datasets import Dataset

    columns = {
        "sentence1": ["A dog runs", "A dog runs", 'He said "no"', "Stocks fell"],
        "sentence2": ["A dog is running", "It rains", "He refused?", "Prices went down"],
        "score": [4.8, 0.2, 3.0, 3.6],
    }
    task = mteb.get_task("STS16")
    task.dataset, task.data_loaded = {"test": Dataset.from_dict(columns)}, True
    encoder = MtebEncoder.open(results, "tiny", "none", "fp32", "eol", compute(), clean_up)
    cache = mteb.ResultCache(tmp_path / "cache")
    (found,) = mteb.evaluate(encoder, task, cache=cache, show_progress_bar=False).task_results
    texts = columns["sentence1"] + columns["sentence2"]
    prompts = [encoder.representation.prompt(text) for text in texts]
    vectors = encoder.encoder.encode(prompts, "last").astype(np.float64)
    cosine = cosines(vectors[:4], vectors[4:])
    expected = np.corrcoef(cosine, columns["score"])[0, 1]
    assert found.scores["test"][0]["pearson"] == pytest.approx(expected, abs=1e-4)
    name = encoder.meta["name"].replace("/", "__")
    assert (tmp_path / f"cache/results/{name}/{encoder.meta['revision']}/STS16.json").exists()
