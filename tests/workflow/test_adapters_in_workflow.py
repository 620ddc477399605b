"""An adapter in the workflow: trained, chosen, used, and what a change of its recipe reruns."""

import html
import json
import signal
import time

import pandas as pd
import psutil
import pytest

FOLDER = "results/adapters/tiny/cse-tiny"


@pytest.mark.slow
def test_an_adapter_is_trained_chosen_and_shown(trained):
    folder = trained.folder / FOLDER
    curve = pd.read_csv(folder / "curve.csv")
    assert list(curve.step) == list(range(1, 13))
    assert curve.triplets.sum() == 120
    candidates = pd.read_csv(folder / "checkpoints.csv")
    assert list(candidates.step) == [0, 3, 6, 9, 12]
    assert candidates.chosen.sum() == 1
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["selection"]["precision"] == "fp32"
    assert manifest["training"]["triplets"] == "sample-triplets"
    assert not (folder / ".unfinished").exists()
    assert (trained.folder / "results/figures/training/cse-tiny.svg").stat().st_size
    for kind in ("csv", "md", "tex", "html"):
        table = (trained.folder / f"results/tables/sample.{kind}").read_text()
        assert "sample-triplets, 60 triplets (not the paper's)" in html.unescape(table)
    assert trained.planned() == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [("kept_rows: 0", "kept_rows: 128"), ("activations: kept", "activations: recomputed")],
)
def test_speed_and_memory_of_training_rerun_nothing(trained, tmp_path, old, new):
    flow = trained.copy(tmp_path / "workflow")
    flow.edit("config.yaml", old, new)
    assert flow.planned() == {}


@pytest.mark.slow
def test_another_recipe_trains_anew_and_leaves_the_rest_alone(trained, tmp_path):
    flow = trained.copy(tmp_path / "workflow")
    flow.edit("tiny.yaml", "learning_rate: 0.01", "learning_rate: 0.02")
    planned = flow.planned()
    assert planned["train_adapter"] == planned["choose_checkpoint"] == 1
    assert planned["embed_sentences"] == 2
    assert planned["score_sts"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_training_goes_on_and_ends_in_the_same_bytes(
    planned_workflow, trained, tmp_path, signum
):
    flow = planned_workflow.copy(tmp_path / "workflow")
    wanted = [f"{FOLDER}/training.json"]
    process = psutil.Popen(flow.command("--", *wanted), cwd=flow.folder)
    kept = flow.folder / FOLDER / ".unfinished"
    while not list(kept.glob("*/step-*")):
        assert process.poll() is None, "the job ended before it could be stopped"
        time.sleep(0.002)
    for child in process.children(recursive=True):
        job = "train_adapter" in " ".join(child.cmdline())
        # SLURM's signal comes to the shell and to tee too.
        if job and (signum == signal.SIGTERM or "python" in child.name()):
            child.send_signal(signum)
    assert process.wait() != 0
    assert list(kept.glob("*/step-*"))
    assert "going on from the checkpoint" in flow.run("--", *wanted)
    for path in (trained.folder / FOLDER / "checkpoints").rglob("*.safetensors"):
        again = flow.folder / path.relative_to(trained.folder)
        assert again.read_bytes() == path.read_bytes()
