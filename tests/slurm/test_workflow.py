"""The workflow through a real SLURM: whatever happens on the way, it ends in the same bytes."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml
from cluster import wait_until
from harness import PATH

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

ENCODER = "tiny/none/fp32/eol"
SCORES = [f"results/scores/sts/{ENCODER}/sample-{part}.json" for part in ("talk", "text")]
VECTORS = [f"results/embeddings/{ENCODER}/sample.{kind}" for kind in ("npy", "json")]
ADAPTER = "results/adapters/tiny/cse-tiny"
TRAINED = [f"{ADAPTER}/{name}" for name in ("training.json", "curve.csv", "checkpoints")]


class OnSlurm:
    """A workflow whose profile is the project's, made quick and fitted to the test's cluster."""

    def __init__(self, flow, cluster, partition="cpu"):
        self.flow, self.cluster = flow, cluster
        self.printed = flow.folder / "snakemake.log"
        flow.flags = ["--workflow-profile", "workflow/profiles/slurm", "--configfile", "tiny.yaml"]
        profile = "workflow/profiles/slurm/config.yaml"
        flow.edit(profile, "slurm-status-command: sacct", "slurm-status-command: squeue")
        flow.edit(profile, "status-checks: 20", "status-checks: 2")
        flow.edit(profile, "latency-wait: 60", "latency-wait: 3")
        path = flow.folder / "workflow/profiles/slurm/machine.yaml"
        self.machine = yaml.safe_load(path.read_text())
        self.set_machine(gpu=None, cpu=self.machine["cpu"] | {"partition": partition})

    def set_machine(self, **values):
        self.machine |= values
        path = self.flow.folder / "workflow/profiles/slurm/machine.yaml"
        path.write_text(yaml.safe_dump(self.machine))

    def set_model(self, **values):
        path = self.flow.folder / "tiny.yaml"
        preset = yaml.safe_load(path.read_text())
        preset["models"]["tiny"] |= values
        path.write_text(yaml.safe_dump(preset))

    def start(self, *arguments, path=PATH):
        """Snakemake in the background, its output in a file."""
        with self.printed.open("ab") as file:
            return psutil.Popen(
                self.flow.command(*arguments),
                cwd=self.flow.folder,
                env=os.environ | self.cluster.environment | {"PATH": path},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def run(self, *arguments, path=PATH):
        """Its exit status and all that it printed so far."""
        status = self.start(*arguments, path=path).wait(timeout=300)
        return status, self.printed.read_text()

    def jobs(self):
        """(number, state, node) of the jobs submitted from this folder."""
        lines = self.cluster.run("squeue", "-h", "--states=all", "-o", "%A|%T|%N|%Z").splitlines()
        rows = [line.split("|") for line in lines]
        return [tuple(row[:3]) for row in rows if Path(row[3]) == self.flow.folder]

    def restarts(self, number):
        """How often SLURM has requeued a job."""
        shown = self.cluster.run("scontrol", "show", "job", number)
        return int(re.search(r"Restarts=(\d+)", shown)[1])

    def running(self):
        return [job for job in self.jobs() if job[1] == "RUNNING"]

    def wait_for_a_running_job(self):
        wait_until(lambda: bool(self.running()), 60, "a job runs")
        return self.running()[0]

    def processes(self, script):
        """Processes of this folder that run a script, on whatever node."""
        return [
            process
            for process in psutil.process_iter(["cmdline", "cwd", "name"])
            if process.info["cwd"] == str(self.flow.folder)
            and process.info["name"].startswith("python")
            and any(word.endswith(script) for word in process.info["cmdline"][:3])
        ]


def files(folder):
    """Every file below some folders, with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("results/scores", "results/tables")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def to_do(trained, cluster, tmp_path):
    """Function to the finished workflow with some files to make again, on SLURM."""

    def without(*paths, **options):
        flow = trained.copy(tmp_path / "workflow")
        for path in paths:
            target = flow.folder / path
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        return OnSlurm(flow, cluster, **options)

    return without


@pytest.fixture
def embedding(to_do):
    """One encoder's sentences are still to be embedded and scored."""
    return to_do(*VECTORS, *SCORES)


def check(run, trained, status, printed):
    assert status == 0, printed
    assert files(run.flow.folder) == files(trained.folder)


def test_the_whole_workflow_through_sbatch(trained, cluster, tmp_path):
    # Every step of the demo, from weights to figures, with a tiny model; nothing made yet.
    flow = trained.copy(tmp_path / "workflow")
    for path in ("results", ".snakemake"):
        shutil.rmtree(flow.folder / path)
    run = OnSlurm(flow, cluster)
    begun = time.monotonic()
    status, printed = run.run()
    check(run, trained, status, printed)
    jobs = run.jobs()
    print(f"\nthe demo's steps on SLURM: {len(jobs)} jobs, {time.monotonic() - begun:.0f} s")
    assert {job[1] for job in jobs} == {"COMPLETED"}
    # 7 times sentences, a list's words, a search, a training, its choice, one group of classifiers.
    assert len(jobs) == 12
    assert {job[2] for job in jobs} == {"n1", "n2"}
    assert run.flow.planned("--executor", "local", "--cores", "2") == {}
    assert not list((flow.folder / "results/logs/slurm").rglob("*.log"))


def test_a_cancelled_job_is_tried_again(embedding, trained):
    process = embedding.start("--", *SCORES)
    number, *_ = embedding.wait_for_a_running_job()
    embedding.cluster.run("scancel", number)
    check(embedding, trained, process.wait(timeout=200), embedding.printed.read_text())
    states = [state for _, state, *_ in embedding.jobs()]
    assert sorted(states) == ["CANCELLED", "COMPLETED"]


def test_a_training_over_its_time_limit_goes_on_at_its_checkpoint(to_do, trained):
    run = to_do(*TRAINED)
    run.set_model(training={"runtime_min": 1})
    process = run.start("--", TRAINED[0])
    unfinished = run.flow.folder / ADAPTER / ".unfinished"
    wait_until(lambda: bool(list(unfinished.glob("*/step-*"))), 90, "a checkpoint")
    for one in run.processes("train_adapter.py"):
        one.send_signal(signal.SIGSTOP)  # until SLURM's SIGCONT and SIGTERM, a minute later
    assert process.wait(timeout=300) == 0, run.printed.read_text()
    assert sorted(job[1] for job in run.jobs()) == ["COMPLETED", "TIMEOUT"]
    log = (run.flow.folder / "results/logs/train_adapter/tiny/cse-tiny.log").read_text()
    assert "going on from the checkpoint" in log
    for path in (trained.folder / ADAPTER / "checkpoints").rglob("*.safetensors"):
        again = run.flow.folder / path.relative_to(trained.folder)
        assert again.read_bytes() == path.read_bytes()


def test_a_preempted_job_is_requeued(to_do, trained):
    run = to_do(*VECTORS, *SCORES, partition="scavenge")
    process = run.start("--", *SCORES)
    number, *_ = run.wait_for_a_running_job()
    urgent = ["--partition=cpu", "--nodes=2", "--exclusive", "--mem=0", "--output=/dev/null"]
    run.cluster.run("sbatch", *urgent, "--wrap", "sleep 3")
    check(run, trained, process.wait(timeout=300), run.printed.read_text())
    ((again, state, _),) = run.jobs()
    assert (again, state) == (number, "COMPLETED")
    assert run.restarts(number) >= 1


def test_jobs_of_a_node_that_died_run_elsewhere(embedding, trained):
    process = embedding.start("--", *SCORES)
    number, _, node = embedding.wait_for_a_running_job()
    embedding.cluster.kill_node(node)
    try:
        status = process.wait(timeout=300)
    finally:
        embedding.cluster.start_node(node)
    check(embedding, trained, status, embedding.printed.read_text())
    ((again, state, other),) = embedding.jobs()
    assert (again, state) == (number, "COMPLETED")
    assert embedding.restarts(number) >= 1
    assert other != node


def test_a_job_over_its_memory_asks_for_more(embedding, trained):
    embedding.set_model(mem_mb=450)
    check(embedding, trained, *embedding.run("--", *SCORES))
    states = [state for _, state, *_ in embedding.jobs()]
    assert states.count("COMPLETED") == 1
    assert 2 <= len(states) <= 3


def test_a_killed_snakemake_is_started_again(embedding, trained):
    process = embedding.start("--", *SCORES)
    number, *_ = embedding.wait_for_a_running_job()
    process.send_signal(signal.SIGKILL)
    process.wait()
    embedding.run("--unlock")
    check(embedding, trained, *embedding.run("--", *SCORES))
    assert (
        f"cancelling jobs of an earlier run in this folder: {number}"
        in embedding.printed.read_text()
    )
    states = [state for _, state, *_ in embedding.jobs()]
    assert sorted(states) == ["CANCELLED", "COMPLETED"]


SQUEUE = """#!/bin/sh
# The first looks at the jobs of a run go wrong; all others are SLURM's own.
case "$*" in
*--name*)
    echo look >> {looks}
    [ $(wc -l < {looks}) -gt 3 ] || {{ {answer}; exit; }} ;;
esac
exec {squeue} "$@"
"""


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("exit 1", id="unavailable"),
        pytest.param(":", id="empty"),
        pytest.param("echo '%$|(/'; echo 'slurm_load_jobs error'", id="garbage"),
        pytest.param("{squeue} \"$@\" | sed 's/|.*/|UNKNOWN/'", id="forgotten"),
    ],
)
def test_a_squeue_that_fails_for_a_while_takes_nothing_half_made_as_done(
    embedding, trained, tmp_path, answer
):
    squeue = shutil.which("squeue")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "squeue"
    answer = answer.replace("{squeue}", squeue)
    script.write_text(SQUEUE.format(looks=tmp_path / "looks", answer=answer, squeue=squeue))
    script.chmod(0o755)
    path = f"{tmp_path / 'bin'}:{PATH}"
    status, printed = embedding.run("--", *SCORES, path=path)
    if status:  # an error is allowed, if the same command then goes on
        status, printed = embedding.run("--", *SCORES, path=path)
    assert len((tmp_path / "looks").read_text().splitlines()) > 3
    check(embedding, trained, status, printed)


def test_a_job_checks_its_gpus_before_it_loads_a_model(embedding):
    # The simulated GPUs are granted, but torch sees none.
    gpu = {"partition": "gpu", "account": None, "memory_gb": 80, "per_node": 2}
    gpu |= {"node_memory_gb": 8, "tflops": {"fp32": 1, "half": 1}, "max_tokens": 1024}
    gpu |= {"request": "gpus", "model": None, "extra": None}
    embedding.set_machine(gpu=gpu)
    embedding.set_model(gpus=2)
    process = embedding.start("--retries", "0", "--", *SCORES)
    number, *_ = embedding.wait_for_a_running_job()
    assert "gres/gpu=2" in embedding.cluster.run("scontrol", "show", "job", number)
    assert process.wait(timeout=100) != 0
    log = embedding.flow.folder / f"results/logs/embed_sentences/{ENCODER}/sample.log"
    assert "the job asks for 2 GPUs, torch sees 0" in log.read_text()
