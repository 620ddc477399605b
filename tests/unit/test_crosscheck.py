"""The witness: SentEval's interface, played by a stand-in."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import senteval_adapter

import crosscheck
from sentscale.files import write_json

VECTORS = np.arange(8, dtype=np.float32).reshape(4, 2)
SENTENCES = ["a good film .", "", "so so", "never again"]


class Engine:
    """Asks as SentEval's engine does: lists of lists of words."""

    asked = None

    def __init__(self, params, batcher, prepare=None):
        Engine.asked = (params, batcher)

    def eval(self, name):
        params, batcher = Engine.asked
        found = batcher(params, [["a", "good", "film", "."], [], ["never", "again"]])
        assert found.tolist() == VECTORS[[0, 1, 3]].tolist()
        path = Path(params["task_path"]) / "downstream/MR/rt-polarity.pos"
        assert path.read_text() == "so so\n"
        score = {"acc": 81.25, "devacc": 80.5, "ntest": 4, "ndev": 4}
        return score | ({"f1": 70.5} if name == "MRPC" else {})


@pytest.fixture
def folder(tmp_path):
    """A checkout, data, vectors and our scores."""
    (tmp_path / "checkout/senteval").mkdir(parents=True)
    (tmp_path / "checkout/senteval/engine.py").touch()
    (tmp_path / "data/MR").mkdir(parents=True)
    (tmp_path / "data/MR/rt-polarity.pos").write_text("so so\n")
    np.save(tmp_path / "v.npy", VECTORS)
    (tmp_path / "s.txt").write_text("".join(f"{one}\n" for one in SENTENCES))
    for task in ("MR", "MRPC"):
        scores = {"accuracy": {"value": 81.3}} | ({"f1": {"value": 70.5}} if task == "MRPC" else {})
        write_json(tmp_path / f"{task}.json", {"scores": scores})
    return tmp_path


def arguments(folder, **other):
    words = {
        "senteval": folder / "checkout",
        "data": folder / "data",
        "sentences": folder / "s.txt",
        "vectors": folder / "v.npy",
        "out": folder / "out.json",
    } | other
    return [str(word) for name, value in words.items() for word in (f"--{name}", value)]


def test_senteval_is_asked_what_the_authors_ask(folder):
    found = senteval_adapter.run(Engine, folder / "data", SENTENCES, VECTORS, ["MR", "MRPC"])
    assert found["MR"] == {"accuracy": 81.25, "dev_accuracy": 80.5, "f1": None}
    assert found["MRPC"]["f1"] == 70.5
    params = Engine.asked[0]
    # Protocol, section 4: ten folds, no hidden layer, Adam, batch 64, tenacity 5, 4 passes.
    assert (params["usepytorch"], params["kfold"]) == (True, 10)
    assert params["classifier"] == {
        "nhid": 0,
        "optim": "adam",
        "batch_size": 64,
        "tenacity": 5,
        "epoch_size": 4,
    }


def test_an_unknown_sentence_is_not_made_up():
    batcher = senteval_adapter.make_batcher(SENTENCES, VECTORS)
    with pytest.raises(KeyError, match="what"):
        batcher({}, [["what"]])


def test_without_a_gpu_the_adapter_says_so(folder, monkeypatch):
    module = types.ModuleType("senteval")
    module.engine = types.SimpleNamespace(SE=Engine)
    monkeypatch.setitem(sys.modules, "senteval", module)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit, match="need a GPU"):
        senteval_adapter.main([*arguments(folder), "--tasks", "MR"])


def test_with_a_gpu_the_adapter_writes_scores(folder, monkeypatch):
    module = types.ModuleType("senteval")
    module.engine = types.SimpleNamespace(SE=Engine)
    monkeypatch.setitem(sys.modules, "senteval", module)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    senteval_adapter.main([*arguments(folder), "--tasks", "MR", "MRPC"])
    table = crosscheck.compare(folder, crosscheck.read_json(folder / "out.json"))
    assert table.to_dict("list") == {
        "task": ["MR", "MRPC", "MRPC"],
        "metric": ["accuracy", "accuracy", "f1"],
        "sentscale": [81.3, 81.3, 70.5],
        "senteval": [81.25, 81.25, 70.5],
        "difference": [0.05, 0.05, 0.0],
    }


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("checkout/senteval/engine.py", "SENTEVAL=PATH"),
        ("data/MR", "DATA=PATH"),
        ("python", "conda env create"),
    ],
)
def test_what_is_missing_is_named(folder, missing, told):
    python = sys.executable
    if missing == "python":
        python = str(folder / "no/python")
    else:
        (folder / missing).rename(folder / "gone")
    with pytest.raises(SystemExit, match=told) as stopped:
        crosscheck.check(folder / "checkout", folder / "data", python)
    assert str(stopped.value).count("\n- ") == 1
