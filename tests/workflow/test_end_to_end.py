"""The workflow from weights to report with a tiny random model, and what survives a kill."""

import json
import time

import numpy as np
import pandas as pd
import psutil
import pytest
from harness import ROOT

from sentscale.protocol import PROTOCOL

GOLDEN = ROOT / "tests/data/golden"
VECTORS = "results/embeddings/tiny/none/fp32/eol/sample.npy"


def test_scores_are_the_golden_ones(finished):
    golden = pd.read_csv(GOLDEN / "scores.csv")
    scores = pd.read_csv(finished.folder / "results/tables/scores.csv")
    names = ["model", "precision", "representation", "adapter", "task", "metric", "n"]
    pd.testing.assert_frame_equal(scores[names], golden[names])
    # Another processor adds in another order, which may turn a row: 1 of 60 is 1.67.
    steps = scores["metric"].eq("accuracy")
    off = np.abs(scores["value"] - golden["value"])
    assert off[~steps].max() < 0.01
    assert off[steps].max() < 1.7
    # New numbers need a raised integer: see protocol.py.
    assert json.loads((GOLDEN / "protocol.json").read_text()) == PROTOCOL


def test_every_table_and_figure_is_there(finished):
    results = finished.folder / "results"
    suites = ["sample-dev", "sample", "sample-transfer"]
    tables = [*suites, *(f"published/{suite}" for suite in suites), "chosen/sample"]
    for name in [*tables, "representations/sample-dev", "representations/sample"]:
        for kind in ("csv", "md", "tex", "html"):
            assert (results / f"tables/{name}.{kind}").stat().st_size
    for kind in ("svg", "pdf"):
        assert (results / f"figures/scaling/sample.{kind}").stat().st_size
        assert (results / f"figures/representations/sample-dev.{kind}").stat().st_size
        assert (results / f"figures/cost/sample.{kind}").stat().st_size
        assert (results / f"figures/heat_map/sample.{kind}").stat().st_size
        assert (results / f"figures/differences/sample.{kind}").stat().st_size


def test_what_is_told_of_two_encoders_follows_from_their_scores(finished):
    results = finished.folder / "results"
    table = pd.read_csv(results / "tables/sample.csv").set_index("representation")
    (row,) = pd.read_csv(results / "tables/comparisons/sample.csv").to_dict("records")
    assert (row["changed"], row["against"]) == ("demonstrations", "eol")
    gain = table.loc["icl-sample", "Avg."] - table.loc["eol", "Avg."]
    assert row["Avg."] == pytest.approx(gain, abs=1e-6)
    assert row["low"] <= row["Avg."] <= row["high"]
    geometry = pd.read_csv(results / "tables/geometry/sample.csv")
    assert geometry.representation.tolist() == ["eol", "icl-sample"]
    vectors = np.load(finished.folder / VECTORS).astype(float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (vectors @ vectors.T)[~np.eye(len(vectors), dtype=bool)]
    assert geometry.mean_cosine[0] == pytest.approx(cosines.mean(), abs=1e-6)


def test_the_page_shows_every_table_and_figure_and_every_score(finished):
    page = (finished.folder / "results/index.html").read_text(encoding="utf-8")
    for name in ("sample-dev", "sample", "sample-transfer", "gain/sample", "demonstrations/sample"):
        assert f"results/tables/{name}.html, .csv, .md, .tex" in page
    for name in ("scaling/sample", "representations/sample-dev", "demonstrations/sample"):
        assert f"results/figures/{name}.svg, .pdf" in page
    scores = pd.read_csv(finished.folder / "results/tables/scores.csv")
    assert all(f"{value:.2f} <small>(" in page for value in scores["value"])
    assert str(finished.folder) not in page  # no place of this machine


def test_vectors_are_described_beside_them(finished):
    about = json.loads((finished.folder / VECTORS).with_suffix(".json").read_text())
    vectors = np.load(finished.folder / VECTORS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (about["rows"], about["width"])
    assert {"torch", "transformers", "python"} <= set(about["versions"])


def test_the_report_holds_every_table_and_figure(finished, tmp_path):
    flow = finished.copy(tmp_path / "workflow")
    flow.run("--report", "results/report.html")
    report = (flow.folder / "results/report.html").read_text()
    for name in ("scores", "sample", "sample-dev", "sample-transfer"):
        assert f"results/tables/{name}.html" in report
    assert "results/index.html" in report
    assert "results/figures/scaling/sample.svg" in report
    assert "results/figures/representations/sample-dev.svg" in report


@pytest.mark.slow
def test_a_damaged_vector_file_is_refused(finished, tmp_path):
    flow = finished.copy(tmp_path / "workflow")
    path = flow.folder / VECTORS
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    done = flow.snakemake("--forcerun", "score_sts", "--rerun-triggers", "params")
    assert done.returncode != 0
    assert "sample.npy: sha256 is" in done.stdout
    # Snakemake deleted the failed scores, the old tables are still there: not done.
    assert flow.planned()["score_sts"]
    path.unlink()
    flow.run()
    assert path.read_bytes() == (finished.folder / VECTORS).read_bytes()


@pytest.mark.slow
def test_a_killed_embedding_goes_on_and_ends_in_the_same_bytes(finished, tmp_path):
    command = ["--rerun-triggers", "input", "--", VECTORS]
    clean, killed = finished.copy(tmp_path / "clean"), finished.copy(tmp_path / "killed")
    for flow in (clean, killed):
        (flow.folder / VECTORS).unlink()
        # One prompt a batch and eight a shard: slow enough to be caught at work.
        flow.edit("config.yaml", "max_tokens: 1024", "max_tokens: 1")
        flow.edit("config.yaml", "shard_sentences: 2048", "shard_sentences: 8")
    clean.run(*command)
    shards = (killed.folder / VECTORS).with_name(".sample.shards")
    process = psutil.Popen(killed.command(*command), cwd=killed.folder)
    while len(list(shards.glob("*/*.npy"))) < 3:
        assert process.poll() is None, "the job ended before it could be killed"
        time.sleep(0.002)
    for child in process.children(recursive=True):
        if "embed_sentences.py" in " ".join(child.cmdline()) and "python" in child.name():
            child.kill()
    assert process.wait() != 0
    assert not (killed.folder / VECTORS).exists()
    assert list(shards.glob("*/*.npy"))
    output = killed.run(*command)
    assert " 0 of them from an earlier run" not in output
    assert "of them from an earlier run" in output
    assert (killed.folder / VECTORS).read_bytes() == (clean.folder / VECTORS).read_bytes()
    assert not shards.exists()
