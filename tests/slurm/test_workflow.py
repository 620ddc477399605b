"""The workflow through a real SLURM: whatever happens on the way, it ends in the same bytes.

Most of the time Snakemake waits before it asks SLURM again, so all faults that do not
disturb other jobs are made to happen at once.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import yaml
from cluster import wait_until
from harness import PATH

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

ENCODER = "tiny/none/fp32/eol"
SCORES = [f"results/scores/sts/{ENCODER}/sample-{part}.json" for part in ("talk", "text")]
EMBEDDING = [*SCORES, *[f"results/embeddings/{ENCODER}/sample.{kind}" for kind in ("npy", "json")]]
ADAPTER = "results/adapters/tiny/cse-tiny"
TRAINED = [f"{ADAPTER}/{name}" for name in ("training.json", "curve.csv", "checkpoints")]


class OnSlurm:
    """A workflow whose profile is the project's, made quick and fitted to the test's cluster."""

    def __init__(self, flow, cluster, partition="cpu", status="squeue"):
        self.flow, self.cluster = flow, cluster
        self.printed = flow.folder / "snakemake.log"
        flow.flags = ["--workflow-profile", "workflow/profiles/slurm", "--configfile", "tiny.yaml"]
        profile = "workflow/profiles/slurm/config.yaml"
        flow.edit(profile, "slurm-status-command: squeue", f"slurm-status-command: {status}")
        flow.edit(profile, "status-checks: 20", "status-checks: 2")
        flow.edit(profile, "checks-per-second: 0.1", "checks-per-second: 1")
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
            return subprocess.Popen(
                self.flow.command(*arguments),
                cwd=self.flow.folder,
                env=os.environ | self.cluster.environment | {"PATH": path},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def run(self, *arguments, path=PATH):
        """Its exit status and all that it printed so far."""
        return self.ended(self.start(*arguments, path=path))

    def ended(self, process):
        """Exit status of a Snakemake, and all that was printed so far."""
        return process.wait(timeout=500), self.printed.read_text()

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
        wait_until(lambda: bool(self.running()), 200, "a job runs")
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


def check(run, reference, status, printed):
    """The run ended well, with the bytes of one without faults or SLURM."""
    assert status == 0, printed
    assert files(run.flow.folder) == files(reference.folder)


def states(run):
    """What became of the jobs of a run."""
    return sorted(state for _, state, _ in run.jobs())


def cancelled(to_do, reference):
    run = to_do(*EMBEDDING)
    process = run.start("--", *SCORES)
    number, *_ = run.wait_for_a_running_job()
    run.cluster.run("scancel", number)
    check(run, reference, *run.ended(process))
    assert states(run) == ["CANCELLED", "COMPLETED"]


def over_its_time(to_do, reference):
    run = to_do(*TRAINED)
    run.set_model(training={"runtime_min": 1})
    process = run.start("--", TRAINED[0])
    unfinished = run.flow.folder / ADAPTER / ".unfinished"
    wait_until(lambda: bool(list(unfinished.glob("*/step-*"))), 200, "a checkpoint")
    for one in run.processes("train_adapter.py"):
        one.send_signal(signal.SIGSTOP)  # until SLURM's SIGCONT and SIGTERM, a minute later
    status, printed = run.ended(process)
    for one in run.processes("train_adapter.py"):
        one.kill()  # without cgroups, SLURM loses a process whose parent ended first
    assert status == 0, printed
    assert states(run) == ["COMPLETED", "TIMEOUT"]
    log = (run.flow.folder / "results/logs/train_adapter/tiny/cse-tiny.log").read_text()
    assert "going on from the checkpoint" in log
    for path in (reference.folder / ADAPTER / "checkpoints").rglob("*.safetensors"):
        again = run.flow.folder / path.relative_to(reference.folder)
        assert again.read_bytes() == path.read_bytes()


def over_its_memory(to_do, reference):
    run = to_do(*EMBEDDING)
    run.set_model(mem_mb=450)
    check(run, reference, *run.run("--", *SCORES))
    found = states(run)
    assert found.count("COMPLETED") == 1
    assert 2 <= len(found) <= 3


def snakemake_killed(to_do, reference):
    run = to_do(*EMBEDDING)
    process = run.start("--", *SCORES)
    number, *_ = run.wait_for_a_running_job()
    wait_until(lambda: bool(run.processes("embed_sentences.py")), 200, "the job computes")
    for one in run.processes("embed_sentences.py"):
        one.send_signal(signal.SIGSTOP)  # or it may be done before the next run begins
    process.send_signal(signal.SIGKILL)
    process.wait()
    run.run("--unlock")
    status, printed = run.run("--", *SCORES)
    for one in run.processes("embed_sentences.py"):
        one.kill()  # without cgroups, SLURM loses a process whose parent ended first
    check(run, reference, status, printed)
    assert f"cancelling jobs of an earlier run in this folder: {number}" in printed
    assert states(run) == ["CANCELLED", "COMPLETED"]


def beside_another_run(to_do, reference):
    # Another Snakemake in the same folder, with other targets, is no reason to cancel jobs.
    table = "results/datasets/sample-opinion.tsv"
    run = to_do(*EMBEDDING, table)
    process = run.start("--", *SCORES)
    run.wait_for_a_running_job()
    other = run.start("--", table)
    assert other.wait(timeout=200) == 0, run.printed.read_text()
    check(run, reference, *run.ended(process))
    assert (run.flow.folder / table).read_bytes() == (reference.folder / table).read_bytes()
    assert states(run) == ["COMPLETED"]


# The first looks at the jobs of a run go wrong; all other calls are SLURM's own.
STATUS = """#!/bin/sh
case "$*" in
*--name*)
    echo look >> {looks}
    [ $(wc -l < {looks}) -gt {wrong} ] || {{ {answer}; exit; }} ;;
esac
exec {program} "$@"
"""


def blind(to_do, reference, program, answer, wrong=6):
    """A run whose looks at its jobs go wrong for a while."""
    run = to_do(*EMBEDDING, status=program)
    folder = run.flow.folder / "bin"
    folder.mkdir()
    looks, real = folder / "looks", shutil.which(program)
    answer = answer.replace("{program}", real)
    (folder / program).write_text(
        STATUS.format(looks=looks, wrong=wrong, answer=answer, program=real)
    )
    (folder / program).chmod(0o755)
    path = f"{folder}:{PATH}"
    status, printed = run.run("--", *SCORES, path=path)
    if status:  # an error is allowed, if the same command then goes on
        status, printed = run.run("--", *SCORES, path=path)
    assert looks.read_text().count("look") > 1
    check(run, reference, status, printed)


def sacct_unavailable(to_do, reference):
    blind(to_do, reference, "sacct", "echo 'sacct: error: no connection' >&2; exit 1")


def sacct_empty(to_do, reference):
    blind(to_do, reference, "sacct", ":")


def squeue_garbage(to_do, reference):
    blind(to_do, reference, "squeue", "echo '%$|(/'; echo 'slurm_load_jobs error'")


def job_forgotten(to_do, reference):
    # The plugin takes UNKNOWN for success, while the job is still to run.
    blind(to_do, reference, "squeue", "{program} \"$@\" | sed 's/|.*/|UNKNOWN/'", wrong=2)


def without_its_gpus(to_do, reference):
    # The simulated GPUs are granted, but torch sees none.
    run = to_do(*EMBEDDING)
    gpu = {"partition": "gpu", "account": None, "memory_gb": 80, "per_node": 2}
    gpu |= {"node_memory_gb": 8, "tflops": {"fp32": 1, "half": 1}, "max_tokens": 1024}
    gpu |= {"request": "gpus", "model": None, "extra": None, "limit_min": None}
    run.set_machine(gpu=gpu)
    run.set_model(gpus=2)
    process = run.start("--retries", "0", "--", *SCORES)
    number, *_ = run.wait_for_a_running_job()
    assert "TresPerJob=gres:gpu:2" in run.cluster.run("scontrol", "show", "job", number)
    assert run.ended(process)[0] != 0
    log = run.flow.folder / f"results/logs/embed_sentences/{ENCODER}/sample.log"
    assert "the job asks for 2 GPUs, torch sees 0" in log.read_text()


def everything(to_do, reference):
    # Every step of the demo, from weights to figures, with a tiny model; nothing made yet.
    run = to_do("results", ".snakemake")
    begun = time.monotonic()
    check(run, reference, *run.run())
    seconds = time.monotonic() - begun
    jobs = run.jobs()
    # 7 times sentences, a list's words, a search, a training, its choice, a group of classifiers.
    assert [state for _, state, _ in jobs] == 12 * ["COMPLETED"]
    assert {node for *_, node in jobs} == {"n1", "n2"}
    assert not list((run.flow.folder / "results/logs/slurm").rglob("*.log"))
    assert run.flow.planned("--executor", "local", "--cores", "2") == {}
    return f"all steps of the demo: {len(jobs)} jobs, {seconds:.0f} s beside the other faults"


AT_ONCE = [
    everything,
    cancelled,
    over_its_time,
    over_its_memory,
    snakemake_killed,
    beside_another_run,
    sacct_unavailable,
    sacct_empty,
    squeue_garbage,
    job_forgotten,
    without_its_gpus,
]


@pytest.fixture(scope="module")
def to_do(trained, cluster, tmp_path_factory):
    """Function to the finished workflow with some files to make again, on SLURM."""

    def without(*paths, **options):
        flow = trained.copy(tmp_path_factory.mktemp("slurm") / "workflow")
        for path in paths:
            target = flow.folder / path
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        return OnSlurm(flow, cluster, **options)

    return without


@pytest.fixture(scope="module")
def outcomes(to_do, trained, request):
    """What becomes of each fault; all that were selected happen at once."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = [call.params["fault"] for call in calls if call and "fault" in call.params]
    with ThreadPoolExecutor(len(chosen)) as pool:
        yield {fault: pool.submit(fault, to_do, trained) for fault in chosen}


@pytest.mark.parametrize("fault", AT_ONCE, ids=lambda fault: fault.__name__)
def test_a_fault_changes_no_byte(outcomes, fault):
    if told := outcomes[fault].result():
        print(f"\n{told}")


def test_a_preempted_job_is_requeued(to_do, trained):
    run = to_do(*EMBEDDING, partition="scavenge")
    process = run.start("--", *SCORES)
    number, *_ = run.wait_for_a_running_job()
    urgent = ["--partition=cpu", "--nodes=2", "--exclusive", "--mem=0", "--output=/dev/null"]
    run.cluster.run("sbatch", *urgent, "--wrap", "sleep 3")
    check(run, trained, *run.ended(process))
    ((again, state, _),) = run.jobs()
    assert (again, state) == (number, "COMPLETED")
    assert run.restarts(number) >= 1


def test_jobs_of_a_node_that_died_run_elsewhere(to_do, trained):
    run = to_do(*EMBEDDING)
    process = run.start("--", *SCORES)
    number, _, node = run.wait_for_a_running_job()
    run.cluster.kill_node(node)
    try:
        status, printed = run.ended(process)
    finally:
        run.cluster.start_node(node)
    check(run, trained, status, printed)
    ((again, state, other),) = run.jobs()
    assert (again, state) == (number, "COMPLETED")
    assert run.restarts(number) >= 1
    assert other != node
