import pytest
from small_run import BENCHMARK, DIGEST, PLACE, PROMPT, write_run

from sentscale.files import write_json, write_text
from sentscale.lines import EncoderName
from sentscale.trace import facts_of, job_of, task_data, trace


@pytest.fixture
def results(tmp_path):
    write_run(tmp_path / "results")
    return tmp_path / "results"


def test_every_number_says_where_it_is_from(results):
    (record,) = trace(results, [f"{PLACE}/dev"], {"dev": (["T"], ["sts"])})
    assert record.name == EncoderName("m", "fp32", "eol", "cse")
    assert record.name.place == PLACE
    about = dict(record.facts)
    assert about["weights, hub"] == f"repository o/m, revision {'0' * 40}"
    assert about["adapter, training, recipe"] == "seed 42, rank 64"
    assert about["adapter, training, inputs, triplets"] == DIGEST
    assert about["template"] == PROMPT
    (suite,) = record.suites
    vectors = dict(suite.facts)
    assert vectors["inputs, manifest"] == DIGEST
    assert vectors["protocol"] == "2"
    assert vectors["time, memory"] == "2 min, 0.85 GB"  # 812.5 MiB
    assert vectors["log"] == str(results / f"logs/embed_sentences/{PLACE}/dev.log")
    (task,) = suite.tasks
    assert (task.task, task.rows, task.scores["spearman_all"]["value"]) == ("T", 5, 61.5)
    score = dict(task.facts)
    assert score["bootstrap"] == "resamples 10, confidence 0.95, seed 1111"
    assert score["versions"] == "python 3.11.7, scipy 1.17.1"
    assert score["inputs, pairs"] == DIGEST
    assert score["time, memory"] == "not on record"
    assert score["log"].endswith(f"logs/score_sts/{PLACE}/T.log")


def test_a_model_as_it_comes_has_no_adapter(results):
    (results / "embeddings/m/cse").rename(results / "embeddings/m/none")
    (results / "scores/sts/m/cse").rename(results / "scores/sts/m/none")
    (record,) = trace(results, ["m/none/fp32/eol/dev"], {"dev": (["T"], ["sts"])})
    assert record.name.adapter == ""
    assert not [label for label, _ in record.facts if label.startswith("adapter")]


def test_a_missing_result_is_an_error(results):
    with pytest.raises(FileNotFoundError, match=r"U\.json"):
        trace(results, [f"{PLACE}/dev"], {"dev": (["T", "U"], ["sts"])})


def test_scores_of_a_classifier_have_the_logs_of_theirs(results):
    for kind in ("transfer", "transfer-logreg"):
        write_json(results / f"scores/{kind}/{PLACE}/T.json", {"samples": 3, "scores": {}})
    (record,) = trace(results, [f"{PLACE}/dev"], {"dev": (["T"], ["transfer", "transfer-logreg"])})
    logs = [dict(task.facts)["log"] for task in record.suites[0].tasks]
    assert [log.split("logs/")[1] for log in logs] == [
        f"score_transfer/transfer/{PLACE}/T.log",
        f"score_transfer/transfer-logreg/{PLACE}/T.log",
    ]


@pytest.mark.parametrize("absent", ["NA", "-", "0"])
def test_a_job_too_short_to_be_measured_has_no_memory(tmp_path, absent):
    write_text(tmp_path / "benchmarks/x.tsv", BENCHMARK.format(0.2, absent))
    job = job_of(tmp_path, "x")
    assert job.timed
    assert dict(job.facts())["time, memory"] == "0 s, not measured"


def test_data_have_licences_and_digests(results):
    data = task_data(results, "T")
    assert data.rows == 5
    assert data.facts == [("licences", "own"), ("sha256, f", DIGEST)]


def test_json_becomes_lines():
    told = {"a": 1, "b": {"c": {"d": [1, 2]}, "e": None}, "f": {}, "g": {"h": DIGEST, "i": 3}}
    assert facts_of(told) == [
        ("a", "1"),
        ("b, c, d", "1, 2"),
        ("b, e", "none"),
        ("g, h", DIGEST),
        ("g, i", "3"),
    ]
