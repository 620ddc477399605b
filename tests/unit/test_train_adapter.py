"""The script of the rule: killed, stopped or left by one of its processes, and run again."""

import json
import signal
import time

import pandas as pd
import pytest
from engine_helpers import files
from safetensors.torch import load_file
from training_helpers import SMALL, Quiet, launch, relative

from sentscale import checkpoints, training
from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import read_json, write_json
from sentscale.pairs import Pair
from sentscale.pairs import write_table as write_pairs
from sentscale.triplets import Triplet, write_table
from sentscale.weights import write_manifest

WORDS = ["man", "dog", "beach", "stick", "stocks", "bank", "rates", "guitar", "plays", "runs"]
NAMES = ["step-000002", "step-000004", "step-000006"]
# The script with a fault: `name step`, in an environment variable.
FAULTY = """
import os
import signal
import sys
from sentscale import checkpoints, training
from train_adapter import main

kind, step = os.environ["FAULT"].split()
take, save = training.Trainer.step, checkpoints.save_file

def dying_step(self, number, *others):
    if kind == "rank" and self.ranks.rank == 1 and number + 1 == int(step):
        os._exit(9)
    return take(self, number, *others)

def dying_save(tensors, path, **options):
    save(tensors, path, **options)
    if kind == "save" and f"step-{int(step):06d}" in str(path):
        os.kill(os.getpid(), signal.SIGKILL)

training.Trainer.step, checkpoints.save_file = dying_step, dying_save
main(sys.argv[1:])
"""


def sentence(number, words=5):
    return " ".join(WORDS[(number * step + step) % 10] for step in range(1, words)) + f" {number}"


@pytest.fixture
def options(tiny_model, tmp_path):
    """Function to the script's options; `name` is the folder that it writes to."""
    triplets = [Triplet(*(sentence(3 * row + place) for place in range(3))) for row in range(25)]
    write_table(tmp_path / "set.tsv", triplets)
    barred = [Pair("dev:1", "dev", triplets[7].sent1.upper() + ".", "Something else", 2.5)]
    write_pairs(tmp_path / "dev.tsv", barred)
    write_manifest(tmp_path / "manifest.json", {"path": str(tiny_model("llama"))}, None)
    template = {"template": 'A "{text}" means "', "clean_up": "sentence", "pooling": "last"}
    write_json(tmp_path / "prompt.json", template)

    def given(name, **changes):
        out = tmp_path / name
        named = {
            "weights": tmp_path / "manifest.json",
            "triplets": tmp_path / "set.tsv",
            "left-out": tmp_path / "dev.tsv",
            "prompt": tmp_path / "prompt.json",
            "recipe": json.dumps(SMALL | changes),
            "protocol": 1,
            "threads": 1,
            "gpus": 0,
            "kept-rows": 5,
            "activations": "kept",
            "unfinished": out / "unfinished",
            "tensorboard": out / "board",
            "checkpoints": out / "checkpoints",
            "curve": out / "curve.csv",
            "about": out / "about.json",
        }
        return [str(word) for option, value in named.items() for word in (f"--{option}", value)]

    return given


def train_here(given):
    from train_adapter import main

    main(given)


def adapters(folder):
    assert files(folder / "checkpoints") == NAMES
    return {name: load_file(folder / "checkpoints" / name / ADAPTER) for name in NAMES}


def digests(folder):
    return {
        name: (folder / "checkpoints" / name / ADAPTER).read_bytes()
        for name in files(folder / "checkpoints")
    }


def test_the_script_writes_candidates_curve_and_description(options, tmp_path):
    train_here(options("out"))
    out = tmp_path / "out"
    assert files(out) == ["about.json", "board", "checkpoints", "curve.csv"]
    assert files(out / "checkpoints") == NAMES
    assert files(out / "checkpoints" / NAMES[0]) == [CONFIG, ADAPTER]
    curve = pd.read_csv(out / "curve.csv")
    assert curve.step.tolist() == [1, 2, 3, 4, 5, 6]
    assert curve.triplets.sum() == 24  # one of 25 holds a sentence that is left out
    about = read_json(out / "about.json")
    assert about["rows"] == 24
    assert about["recipe"] == SMALL
    assert (about["ranks"], about["device"]) == (1, "cpu")
    assert {"manifest", "triplets", "dev"} <= set(about["inputs"])
    assert str(tmp_path) not in (out / "about.json").read_text()


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 138)])
def test_a_stopped_script_says_so_and_goes_on_when_run_again(
    options, tmp_path, monkeypatch, caplog, signum, status
):
    stop = Quiet({3: lambda: signal.raise_signal(signum)})
    with monkeypatch.context() as patch:
        patch.setattr("train_adapter.Reports", lambda *_: stop)
        with pytest.raises(SystemExit) as left:
            train_here(options("out"))
    assert left.value.code == status
    assert f"stopped by {signum.name}; step 3 is saved" in caplog.text
    (unfinished,) = (tmp_path / "out" / "unfinished").iterdir()
    assert files(unfinished) == ["step-000002", "step-000003"]
    assert files(tmp_path / "out") == ["unfinished"]
    caplog.set_level("INFO")
    train_here(options("out"))
    assert "going on from the checkpoint of step 3" in caplog.text
    train_here(options("whole"))
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_another_recipe_does_not_go_on_from_this_one(options, tmp_path, monkeypatch):
    stop = Quiet({3: lambda: signal.raise_signal(signal.SIGTERM)})
    with monkeypatch.context() as patch:
        patch.setattr("train_adapter.Reports", lambda *_: stop)
        with pytest.raises(SystemExit):
            train_here(options("out"))
        again = Quiet()
        patch.setattr("train_adapter.Reports", lambda *_: again)
        train_here(options("out", chunk=4))
    assert again.skipped == 0
    train_here(options("whole", chunk=4))
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_a_run_that_could_not_publish_has_nothing_to_train_again(options, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints.shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            train_here(options("out"))
    assert files(tmp_path / "out") == ["board", "unfinished"]
    with monkeypatch.context() as patch:
        patch.setattr(training.Trainer, "step", full)
        train_here(options("out"))
    assert files(tmp_path / "out" / "checkpoints") == NAMES


@pytest.mark.slow
def test_a_script_that_is_killed_while_it_saves_ends_with_the_same_bits(root, options, tmp_path):
    (tmp_path / "faulty.py").write_text(FAULTY)
    done = launch(root, tmp_path / "faulty.py", *options("out"), FAULT="save 4")
    assert done.returncode == -signal.SIGKILL, done.stderr
    (unfinished,) = (tmp_path / "out" / "unfinished").iterdir()
    left, done_before = files(unfinished)
    assert left.startswith(".step-000004.")
    assert done_before == "step-000002"
    script = root / "workflow" / "scripts" / "train_adapter.py"
    done = launch(root, script, *options("out"))
    assert done.returncode == 0, done.stderr
    assert "going on from the checkpoint of step 2" in done.stderr
    train_here(options("whole"))
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_end_together_and_train_what_one_does(root, options, tmp_path):
    (tmp_path / "faulty.py").write_text(FAULTY)
    began = time.monotonic()
    done = launch(root, tmp_path / "faulty.py", *options("out"), ranks=2, FAULT="rank 4")
    assert done.returncode not in (0, 124), done.stderr
    assert time.monotonic() - began < 120  # torchrun ends it, not the patience of a rank
    (unfinished,) = (tmp_path / "out" / "unfinished").iterdir()
    assert "step-000002" in files(unfinished)
    script = root / "workflow" / "scripts" / "train_adapter.py"
    done = launch(root, script, *options("out"), ranks=2)
    assert done.returncode == 0, done.stderr
    assert "going on from the checkpoint of step " in done.stderr
    assert read_json(tmp_path / "out" / "about.json")["ranks"] == 2
    train_here(options("whole"))
    alone, two = adapters(tmp_path / "whole"), adapters(tmp_path / "out")
    for name in NAMES:
        # AdamW divides small gradients by their own size, so that roundings grow step by step.
        assert relative(two[name], alone[name]) <= (1e-5 if name == NAMES[0] else 1e-3)
    curves = [pd.read_csv(tmp_path / one / "curve.csv") for one in ("whole", "out")]
    assert curves[1].loss.tolist() == pytest.approx(curves[0].loss.tolist(), rel=1e-4)
