"""The SLURM of these tests does what a cluster does: it refuses, kills, requeues, preempts."""

import subprocess
from pathlib import Path

import pytest
from cluster import Cluster, missing, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.slurm]
# Sleeps until it is killed, and ends at once when it is started again. Notes where it ran.
SECOND_TIME = 'echo $SLURMD_NODENAME >> {seen}; [ "$SLURM_RESTART_COUNT" ] || sleep {seconds}'
LONG = 611  # seconds; no other process sleeps so long


def submit(cluster, folder, script, *options):
    """Submit a job; its id."""
    options = ("--parsable", f"--chdir={folder}", "--output=%j.log", "--mem=100", *options)
    return cluster.run("sbatch", *options, "--wrap", script)


def wait_for(cluster, job, *states, seconds=60):
    def reached():
        return cluster.jobs()[job] in states

    wait_until(reached, seconds, f"job {job} is {' or '.join(states)}, of {cluster.jobs()}")


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def sleepers():
    """Processes on this machine that sleep LONG."""
    return [
        process
        for process in Path("/proc").glob("[0-9]*/cmdline")
        if process.exists() and process.read_bytes() == b"sleep\0%d\0" % LONG
    ]


def test_nodes_are_idle(cluster):
    def idle():
        return cluster.node_states() == {"n1": "idle", "n2": "idle"}

    wait_until(idle, 10, "both nodes are idle")


def test_a_second_cluster_is_refused(cluster, tmp_path):
    assert missing() == ["/etc/slurm/slurm.conf belongs to another SLURM"]
    with pytest.raises(RuntimeError, match="belongs to another SLURM"):
        Cluster(tmp_path).start()
    assert cluster.run("scontrol", "ping")


def test_a_job_sees_its_gpus(cluster, tmp_path):
    job = submit(cluster, tmp_path, "echo $CUDA_VISIBLE_DEVICES", "-p", "gpu", "--gpus=2")
    wait_for(cluster, job, "COMPLETED")
    assert (tmp_path / f"{job}.log").read_text() == "0,1\n"


def test_more_gpus_than_a_node_has_are_refused(cluster, tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as refused:
        submit(cluster, tmp_path, "true", "-p", "gpu", "--nodes=1", "--gpus=3")
    assert "configuration is not available" in refused.value.stderr


def test_a_job_over_its_memory_is_killed(cluster, tmp_path):
    hog = f"python3 -c 'import time; held = bytearray(300 << 20); time.sleep({LONG})'"
    job = submit(cluster, tmp_path, hog)
    wait_for(cluster, job, "FAILED", "OUT_OF_MEMORY")
    assert "memory" in (tmp_path / f"{job}.log").read_text()


def test_the_jobs_of_a_killed_node_run_on_another(cluster, tmp_path):
    seen = tmp_path / "seen"
    job = submit(cluster, tmp_path, SECOND_TIME.format(seen=seen, seconds=LONG))
    wait_until(sleepers, 10, "the job sleeps")
    (first,) = lines(seen)
    cluster.kill_node(first)
    try:
        assert not sleepers()
        wait_for(cluster, job, "COMPLETED")
        assert set(lines(seen)) == {"n1", "n2"}
        assert cluster.node_states()[first] == "down*"
    finally:
        cluster.start_node(first)
    assert cluster.node_states()[first] == "idle"


def test_a_preempted_job_is_requeued(cluster, tmp_path):
    seen = tmp_path / "seen"
    script = SECOND_TIME.format(seen=seen, seconds=LONG)
    whole = ("--nodes=2", "--exclusive")
    victim = submit(cluster, tmp_path, script, "-p", "scavenge", *whole)
    wait_until(sleepers, 10, "the job sleeps")
    urgent = submit(cluster, tmp_path, "true", *whole)
    wait_for(cluster, urgent, "COMPLETED")
    assert cluster.jobs()[victim] == "PENDING"
    wait_for(cluster, victim, "COMPLETED")
    assert len(lines(seen)) == 2
