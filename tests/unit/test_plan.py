"""The plan of a run: read from a dry run, added up by hand."""

import textwrap
from dataclasses import replace

import pytest

from costs import (
    Job,
    expected_seconds,
    read_benchmarks,
    read_jobs,
    wall_seconds,
    warnings_of,
)

DRY_RUN = """\
Building DAG of jobs...
Job stats:
job                count
---------------  -------
embed_sentences        1

[Sat Nov 21 20:13:48 2026]
rule embed_sentences:
    input: results/sentences/sts.txt, results/models/a/manifest.json
    output: results/embeddings/a/none/fp32/eol/sts.npy, results/embeddings/a/none/fp32/eol/sts.json
    log: results/logs/embed_sentences/a/none/fp32/eol/sts.log
    jobid: 1
    benchmark: results/benchmarks/embed_sentences/a/none/fp32/eol/sts.tsv
    reason: Missing output files: results/embeddings/a/none/fp32/eol/sts.npy
    wildcards: model=a, adapter=none, precision=fp32, representation=eol, suite=sts
    threads: 2
    resources: devices=2, gpu_mb=40000, expected_s=100, mem_mb=9000, mem=9 GB, launcher=-m x -n 2
[Sat Nov 21 20:21:52 2026] Group job x (jobs in lexicogr. order):

    [Sat Nov 21 20:21:52 2026]
    rule score_transfer:
        input: results/embeddings/a/none/fp32/eol/sts.npy
        output: results/scores/one.json
        jobid: 2
        resources: devices=0, expected_s=10
    [Sat Nov 21 20:21:52 2026]
    rule score_transfer:
        input: results/embeddings/a/none/fp32/eol/sts.npy
        output: results/scores/two.json
        jobid: 3
        resources: devices=0, expected_s=10
[Sat Nov 21 20:13:48 2026]
rule score_sts:
    input: results/embeddings/a/none/fp32/eol/sts.npy
    output: results/scores/three.json
    jobid: 4
    resources: tmpdir=/tmp
[Sat Nov 21 20:13:48 2026]
rule all:
    input: results/scores/three.json
    jobid: 0
    resources: tmpdir=/tmp
"""


CPU = {"memory_gb": 64, "cores": 16, "limit_min": 1440}
GPU = {"memory_gb": 80, "per_node": 4, "node_memory_gb": 480, "limit_min": 1440}
MACHINE = {"cpu": CPU, "gpu": GPU}


def job(name, inputs=(), seconds=10, gpus=None, threads=1, **numbers):
    if gpus is not None:
        numbers |= {"devices": gpus, "expected_s": seconds}
    return Job(name, "", tuple(inputs), (name,), "", threads, None, numbers)


def test_jobs_are_read_from_a_dry_run():
    embed, one, two, score = read_jobs(DRY_RUN.splitlines())
    assert (embed.rule, embed.gpus, embed.threads, embed.submitted) == (
        "embed_sentences",
        2,
        2,
        True,
    )
    assert embed.inputs == ("results/sentences/sts.txt", "results/models/a/manifest.json")
    assert embed.outputs[0] == "results/embeddings/a/none/fp32/eol/sts.npy"
    assert embed.numbers["mem_mb"] == 9000
    assert embed.group is None
    assert one.group == two.group is not None
    assert (score.rule, score.submitted, score.group) == ("score_sts", False, None)


def test_a_job_takes_what_it_took_and_others_of_its_kind_are_corrected(tmp_path):
    folder = tmp_path / "benchmarks" / "embed"
    folder.mkdir(parents=True)
    for name, seconds, expected in (("a", 20, 10), ("b", 60, 20)):
        rows = f"s\tmax_rss\tresources\n{seconds}\t1\t{{'devices': 0, 'expected_s': {expected}}}\n"
        (folder / f"{name}.tsv").write_text(rows)
    (folder / "old.tsv").write_text("s\tmax_rss\n5\t1\n")  # without resources: not used
    measured = read_benchmarks(tmp_path / "benchmarks")
    assert len(measured) == 2
    again = Job(
        "embed", "", (), ("x",), str(folder / "a.tsv"), 1, None, {"devices": 0, "expected_s": 10}
    )
    new = Job("embed", "", (), ("y",), "", 1, None, {"devices": 0, "expected_s": 100})
    on_gpu = Job("embed", "", (), ("z",), "", 1, None, {"devices": 1, "expected_s": 100})
    times, factors = expected_seconds([again, new, on_gpu], measured)
    # The ratios are 2 and 3; their median is 2.5. No GPU was measured.
    assert factors == {("embed", False): 2.5}
    assert (times[again], times[new], times[on_gpu]) == (20, 250, 100)


def test_independent_jobs_share_the_gpus():
    # 4 jobs of 10 s and 5 s of start on 2 GPUs: two rounds.
    times = {job(str(number), gpus=1): 10.0 for number in range(4)}
    assert wall_seconds(times, 2, 1, 8, 5.0) == 30.0
    assert wall_seconds(times, 4, 1, 8, 5.0) == 15.0


def test_a_job_waits_for_its_inputs():
    first = job("a", gpus=1)
    last = job("b", ["a"])
    assert wall_seconds({last: 3.0, first: 10.0}, 1, 1, 8, 5.0) == 18.0


def test_jobs_here_share_the_cores_with_local_ones():
    # Two cores here and no cluster: a job of two threads, then two of one thread together.
    times = {job("a", gpus=0, threads=2): 10.0, job("b"): 4.0, job("c"): 4.0}
    assert wall_seconds(times, 0, 2, 0, 0.0) == 14.0
    assert wall_seconds(times, 0, 2, 8, 0.0) == 10.0


def test_the_longest_way_goes_first():
    # One GPU: the job that much depends on runs before the other.
    times = {job("short", gpus=1): 10.0, job("long", gpus=1): 10.0, job("end", ["long"]): 30.0}
    assert wall_seconds(times, 1, 1, 8, 0.0) == 40.0


def test_a_job_with_more_gpus_than_there_are_still_counts():
    assert wall_seconds({job("a", gpus=4): 10.0}, 2, 1, 8, 0.0) == 10.0


@pytest.mark.parametrize(
    ("numbers", "gpus", "told"),
    [
        ({"mem_mb": 65_000}, 0, "65 GB of memory, a node has 64"),
        ({"gpu_mb": 90_000}, 1, "90 GB of a GPU, which has 80; try placement auto"),
        ({"mem_mb": 500_000}, 1, "500 GB of memory, a node has 480"),
        ({"threads": 17}, 0, "17 threads, a node has 16 cores"),
        ({"runtime": 1500}, 1, "1500 minutes, the limit is 1440"),
        ({}, 5, "5 GPUs, a node has 4"),
        ({"mem_mb": 60_000, "gpu_mb": 70_000}, 4, None),
    ],
)
def test_what_cannot_fit_is_told(numbers, gpus, told):
    found = warnings_of([job("embed", gpus=gpus, **numbers)], MACHINE)
    assert len(found) == bool(told)
    assert told is None or told in found[0]


def test_jobs_that_share_a_submission_add_up():
    seven = [replace(job("score", gpus=0, threads=3, mem_mb=9000), group=0) for _ in range(7)]
    assert warnings_of(seven[:5], MACHINE) == []
    memory, threads = warnings_of(seven[:6] + seven[6:], MACHINE | {"cpu": CPU | {"memory_gb": 60}})
    assert "7 of score () together: 63 GB of memory, a node has 60" in memory
    assert "21 threads, a node has 16 cores" in threads


@pytest.mark.parametrize("row", ["x\t{'devices': 0}", "12.5\t{'devices': 0, 'mem"])
def test_a_benchmark_that_is_cut_short_is_named(tmp_path, row):
    (tmp_path / "cut.tsv").write_text(f"s\tresources\n{row}\n")
    with pytest.raises(ValueError, match=r"cut\.tsv: not a whole benchmark of Snakemake: {'s': "):
        read_benchmarks(tmp_path)


def test_the_command_prints_a_table(tmp_path, root, capsys, monkeypatch):
    import io

    from plan_run import main

    monkeypatch.setattr("sys.stdin", io.StringIO(textwrap.dedent(DRY_RUN)))
    machine = str(root / "workflow/profiles/slurm/machine.yaml")
    options = ["--machine", machine, "--benchmarks", str(tmp_path), "--gpus", "2"]
    main([*options, "--here", "2", "--elsewhere", "64"])
    printed = capsys.readouterr().out
    assert "4 jobs, 2 of them or their groups submitted; 0.1 GPU-hours" in printed  # 200 s


def test_a_failed_dry_run_is_shown(tmp_path, root, monkeypatch):
    import io

    from plan_run import main

    monkeypatch.setattr("sys.stdin", io.StringIO("WorkflowError:\nunknown key colour\n"))
    machine = str(root / "workflow/profiles/slurm/machine.yaml")
    options = ["--machine", machine, "--benchmarks", str(tmp_path), "--gpus", "2"]
    with pytest.raises(SystemExit, match="unknown key colour"):
        main([*options, "--here", "2", "--elsewhere", "64"])
