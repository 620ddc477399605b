import dataclasses
import json

import numpy as np
import pytest
import score_transfer
import senteval_reference as reference
import torch
from sklearn.metrics import f1_score

from sentscale.files import sha256_of, write_json
from sentscale.logreg import LogReg
from sentscale.samples import Sample, write_table
from sentscale.senteval import SentEval
from sentscale.transfer import (
    Outcome,
    Problem,
    Splits,
    features,
    labels,
    mean_percent,
    split,
    transfer_scores,
)

SENTEVAL = SentEval(
    folds=3,
    inner_folds=3,
    seed=reference.SEED,
    l2=reference.L2,
    validation=0.05,
    batch=64,
    learning_rate=1e-3,
    passes=4,
    most_passes=200,
    tenacity=5,
)
LOGREG = LogReg(folds=3, inner_folds=3, seed=1111, c=[0.01, 1.0], most_steps=1000)
BOOTSTRAP = {"resamples": 200, "confidence": 0.95, "seed": 1111}


def task(classes, subsets, d=9, seed=0, noise=2.0):
    """Samples of the subsets `{name: rows}`, and their features."""
    rng = np.random.default_rng(seed)
    names = [name for name, rows in subsets.items() for _ in range(rows)]
    y = rng.integers(0, classes, len(names))
    x = rng.normal(size=(classes, d))[y] + noise * rng.normal(size=(len(names), d))
    samples = [
        Sample(f"{name}:{number}", name, (f"text {number}",), int(label))
        for number, (name, label) in enumerate(zip(names, y, strict=True))
    ]
    return samples, torch.from_numpy(x), torch.from_numpy(y)


def solve(classifier, samples, x, y, design, workers=1):
    problems = split(samples, design, "T", classifier)
    return problems, classifier.solve(x, y, problems, workers)


def told(problems, outcomes, y):
    """(accuracy, choice, search) of each test set."""
    scores = [
        round(100 * float((one.predicted == y.numpy()[problem.test]).mean()), 2)
        for problem, one in zip(problems, outcomes, strict=True)
    ]
    return [
        (score, one.chosen, list(one.searched.values()))
        for score, one in zip(scores, outcomes, strict=True)
    ]


@pytest.mark.parametrize("classes", [2, 3])
def test_a_nested_task_is_scored_as_the_reference_does(classes):
    samples, x, y = task(classes, {"all": 240})
    problems, outcomes = solve(SENTEVAL, samples, x, y, "nested", workers=2)
    assert told(problems, outcomes, y) == reference.nested(x, y, 3, classes)
    assert sorted(np.concatenate([one.test for one in problems])) == list(range(240))


def test_a_task_with_a_test_set_is_scored_as_the_reference_does():
    samples, x, y = task(6, {"train": 300, "test": 100}, noise=1.0)
    problems, outcomes = solve(SENTEVAL, samples, x, y, "folds")
    expected = reference.one_test_set(x[:300], y[:300], x[300:], y[300:], 3, 6)
    assert told(problems, outcomes, y) == [expected]


def test_a_task_with_a_dev_set_is_scored_as_the_reference_does():
    samples, x, y = task(2, {"train": 200, "dev": 60, "test": 90})
    problems, outcomes = solve(SENTEVAL, samples, x, y, "dev")
    dev, test = (x[200:260], y[200:260]), (x[260:], y[260:])
    assert told(problems, outcomes, y) == [reference.with_dev(x[:200], y[:200], dev, test, 2)]


def test_float32_differs_by_rows_at_most():
    samples, x, y = task(2, {"all": 240})
    double = told(*solve(SENTEVAL, samples, x, y, "nested"), y)
    single = told(*solve(SENTEVAL, samples, x.float(), y, "nested"), y)
    for one, other in zip(double, single, strict=True):
        assert one[0] == pytest.approx(other[0], abs=100 / 80 + 1e-9)  # one row of 80


@pytest.mark.parametrize("design", ["nested", "folds", "dev"])
def test_progress_is_told_of_every_classifier(design):
    samples, x, y = task(2, {"train": 200, "dev": 60, "test": 90})
    if design == "folds":
        samples, x, y = task(2, {"train": 200, "test": 90})
    for classifier in (SENTEVAL, LOGREG):
        counts = []
        problems = split(samples, design, "T", classifier)
        classifier.solve(x, y, problems, 1, counts.append)
        assert sum(counts) == classifier.count(problems)


def test_the_papers_protocol_has_410_classifiers_and_a_refit_each():
    samples, _, _ = task(2, {"all": 500})
    paper = dataclasses.replace(SENTEVAL, folds=10, inner_folds=10)
    # 10 test sets x (4 L2 x 10 folds + 1).
    assert paper.count(split(samples, "nested", "T", paper)) == 410


def test_logreg_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import scale

    samples, x, y = task(2, {"train": 200, "test": 90})
    _, (outcome,) = solve(LOGREG, samples, x, y, "folds")
    train, test = x[:200].numpy(), x[200:].numpy()
    model = LogisticRegression(C=outcome.chosen).fit(scale(train), y[:200])
    expected = model.predict((test - train.mean(0)) / train.std(0))
    assert outcome.predicted.tolist() == expected.tolist()
    assert outcome.chosen == max(outcome.searched, key=outcome.searched.get)


def test_features_of_a_pair_are_difference_and_product():
    vectors = np.array([[1.0, 2.0], [4.0, -3.0]], dtype=np.float32)
    samples = [
        Sample("t:1", "train", ("a", "b"), 0),
        Sample("t:2", "train", ("b", "b"), 1),
    ]
    found = features(vectors, samples, {"a": 0, "b": 1}, "T")
    assert found.tolist() == [[3, 5, 4, -6], [0, 0, 16, 9]]


def one_sentence(texts):
    return [Sample(f"t:{n}", "train", (text,), n % 2) for n, text in enumerate(texts)]


def test_a_vector_that_is_not_finite_names_task_and_sentence():
    vectors = np.array([[1.0, 2.0], [np.nan, 0.0]], dtype=np.float32)
    with pytest.raises(ValueError, match=r"task T: a feature of 'b' is not a finite number"):
        features(vectors, one_sentence("ab"), {"a": 0, "b": 1}, "T")


def test_a_constant_feature_names_task_and_feature():
    vectors = np.array([[1.0, 2.0], [3.0, 2.0]], dtype=np.float32)
    with pytest.raises(ValueError, match=r"task T: feature 1 is 2\.0 for all 2 samples"):
        features(vectors, one_sentence("ab"), {"a": 0, "b": 1}, "T")


def test_fewer_rows_than_folds_name_task_and_class():
    samples = [Sample(f"t:{n}", "all", ("x",), int(n < 2)) for n in range(50)]
    with pytest.raises(ValueError, match=r"task T: class 1 has 2 rows to train on.* 3 folds"):
        split(samples, "nested", "T", Splits(3, 3, 0))


def test_too_few_rows_for_early_stopping_name_the_task():
    samples = [Sample(f"t:{n}", "all", ("x",), n % 2) for n in range(12)]
    x = torch.randn(12, 3)
    problems = split(samples, "nested", "T", SENTEVAL)
    with pytest.raises(
        ValueError, match=r"task T: 8 rows to train on; 0\.05 of them is less than one"
    ):
        SENTEVAL.solve(x, torch.from_numpy(labels(samples)), problems, 1)


def scored(predictions, pairs=False, **bootstrap):
    """Scores of test sets `[(true, predicted), ...]`."""
    true = np.concatenate([one for one, _ in predictions])
    texts = ("a", "b") if pairs else ("a",)
    samples = [Sample(str(n), "all", texts, int(label)) for n, label in enumerate(true)]
    ends = np.cumsum([len(one) for one, _ in predictions])
    rows = np.split(np.arange(len(true)), ends[:-1])
    problems = [Problem("T", one, one, []) for one in rows]
    outcomes = [Outcome(np.array(one), 0.1, {0.1: 50.0}) for _, one in predictions]
    return transfer_scores(samples, problems, outcomes, **(BOOTSTRAP | bootstrap))


def test_test_sets_are_rounded_before_the_mean():
    # 2 of 3 and 1 of 3: 66.67 and 33.33; the mean of the unrounded would be 50 too.
    # 2 of 3 and 2 of 3 and 1 of 7: (66.67 + 66.67 + 14.29) / 3 = 49.21.
    sets = [([1, 1, 0], [1, 1, 1]), ([1, 1, 0], [1, 1, 1]), ([1] * 7, [1] + [0] * 6)]
    scores, tests = scored(sets)
    assert [one["accuracy"] for one in tests] == [66.67, 66.67, 14.29]
    assert scores["accuracy"].value == 49.21
    assert "f1" not in scores


def test_f1_is_scikit_learns():
    rng = np.random.default_rng(0)
    true, predicted = rng.integers(0, 2, (2, 300))
    scores, _ = scored([(true, predicted)], pairs=True)
    assert scores["f1"].value == round(100 * f1_score(true, predicted), 2)
    assert scores["f1"].low < scores["f1"].value < scores["f1"].high


def test_ties_are_rounded_as_numpy_does():
    # The mean of these is 80.725 on paper; in binary the two kinds of rounding differ.
    values = [80.72, 80.73]
    assert mean_percent(values) == float(np.round(np.mean(values), 2))


def test_the_interval_is_the_binomials():
    # 800 of 1,000: the 95 % interval of a binomial share is 80 +- 1.96 sqrt(.8 .2 / 1000) x 100.
    true = np.ones(1000, int)
    predicted = np.arange(1000) % 5 != 0
    scores, _ = scored([(true, predicted.astype(int))], resamples=4000)
    assert scores["accuracy"].value == 80
    assert scores["accuracy"].low == pytest.approx(80 - 2.48, abs=0.25)
    assert scores["accuracy"].high == pytest.approx(80 + 2.48, abs=0.25)


@pytest.fixture
def files(tmp_path):
    """Arguments of score_transfer for a small task with stored vectors."""
    samples, x, _ = task(2, {"train": 120, "test": 60})
    write_table(tmp_path / "T.tsv", samples)
    (tmp_path / "s.txt").write_text("".join(f"{one.sentences[0]}\n" for one in samples))
    np.save(tmp_path / "v.npy", x.numpy().astype(np.float32))
    write_json(tmp_path / "m.json", {"files": {}})
    prompt = {"template": "{text}", "clean_up": "words", "pooling": "last"}
    write_json(tmp_path / "r.json", prompt | {"demonstration": None})
    inputs = {
        "manifest": sha256_of(tmp_path / "m.json"),
        "sentences": sha256_of(tmp_path / "s.txt"),
    }
    about = {"representation": prompt, "inputs": inputs}
    write_json(tmp_path / "v.json", about | {"sha256": sha256_of(tmp_path / "v.npy")})
    return tmp_path


def run(folder, classifier=SENTEVAL, name="senteval", gpus=0):
    settings = {
        "classifier": name,
        "options": vars(classifier),
        "bootstrap": BOOTSTRAP,
        "protocol": 1,
    }
    arguments = {
        "samples": folder / "T.tsv",
        "sentences": folder / "s.txt",
        "vectors": folder / "v.npy",
        "about": folder / "v.json",
        "task": "T",
        "design": "folds",
        "settings": json.dumps(settings),
        "threads": 1,
        "gpus": gpus,
        "out": folder / "T.json",
        "predictions": folder / "T.npy",
    }
    words = [str(word) for key, value in arguments.items() for word in (f"--{key}", value)]
    words += ["--made-from", str(folder / "m.json"), str(folder / "r.json")]
    score_transfer.main([*words, "--encoder", "m", "none", "fp32", "eol"])
    return json.loads((folder / "T.json").read_text()), np.load(folder / "T.npy")


@pytest.mark.parametrize(
    ("classifier", "name", "metric"),
    [(SENTEVAL, "senteval", "accuracy"), (LOGREG, "logreg", "accuracy_logreg")],
)
def test_a_score_file_tells_what_it_stands_on(files, classifier, name, metric):
    score, predicted = run(files, classifier, name)
    assert score["samples"] == len(predicted) == 60
    assert list(score["scores"]) == [metric]
    interval = score["scores"][metric]
    assert interval["low"] <= interval["value"] <= interval["high"]
    assert score["tests"][0]["accuracy"] == interval["value"]
    assert score["dev_accuracy"] == pytest.approx(
        max(score["tests"][0]["searched"].values()), abs=0.006
    )
    assert score["classifier"] == name
    assert score["encoder"]["representation"] == "eol"
    assert score["inputs"]["vectors"] == sha256_of(files / "v.npy")


def test_a_gpu_that_is_not_there_is_missed(files, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"transfer\.gpus is 1, but torch sees no GPU"):
        run(files, gpus=1)
    assert not (files / "T.json").exists()


def test_the_same_bytes_again(files):
    run(files)
    first = (files / "T.json").read_bytes()
    run(files)
    assert (files / "T.json").read_bytes() == first


def test_vectors_of_another_list_are_refused(files):
    with (files / "s.txt").open("a") as file:
        file.write("one more\n")
    with pytest.raises(ValueError, match=r"v\.npy was made from another sentences"):
        run(files)
