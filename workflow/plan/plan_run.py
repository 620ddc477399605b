"""Tell what a run will cost, from Snakemake's dry run on standard input: `make plan`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from costs import (
    Job,
    expected_seconds,
    read_benchmarks,
    read_jobs,
    wall_seconds,
    warnings_of,
)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--machine", type=Path, required=True, help="machine.yaml of the profile")
    add("--benchmarks", type=Path, required=True, help="folder with times of earlier jobs")
    add("--gpus", type=int, required=True, help="GPUs to count with")
    add("--here", type=int, required=True, help="cores of the machine that Snakemake runs on")
    add("--elsewhere", type=int, required=True, help="cores of a cluster; 0: all jobs run here")
    return parser.parse_args(argv)


def row_of(step: str, jobs: list[Job], seconds: list[float], factor: float | None) -> dict:
    """The line of a step in the printed table."""
    groups = {job.group for job in jobs if job.group is not None}
    alone = sum(job.submitted and job.group is None for job in jobs)
    hours = sum(job.gpus * time for job, time in zip(jobs, seconds, strict=True)) / 3600
    most = {key: max(job.numbers.get(key, 0) for job in jobs) for key in ("gpu_mb", "mem_mb")}
    submitted = any(job.submitted for job in jobs)
    return {
        "step": step,
        "jobs": len(jobs),
        "submitted": alone + len(groups),
        "GPUs": max(job.gpus for job in jobs),
        "GB of a GPU": f"{most['gpu_mb'] / 1000:.1f}" if most["gpu_mb"] else "",
        "GB of memory": f"{most['mem_mb'] / 1000:.1f}" if submitted else "",
        "longest, min": f"{max(seconds) / 60:.1f}",
        "all, h": f"{sum(seconds) / 3600:.2f}",
        "GPU-hours": f"{hours:.2f}" if hours else "",
        "measured": f"{factor:.2f} x" if factor is not None else "",
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Read the jobs, expect their times, print a table, totals and warnings."""
    args = parse_args(argv)
    lines = sys.stdin.read().splitlines()
    jobs = read_jobs(lines)
    if not jobs and not any("Nothing to be done" in line for line in lines):
        sys.exit("\n".join(lines))
    if not jobs:
        print("Nothing to be done.")
        return
    machine = yaml.safe_load(args.machine.read_text(encoding="utf-8"))
    times, factors = expected_seconds(jobs, read_benchmarks(args.benchmarks))
    steps: dict[str, list[Job]] = {}
    for job in sorted(jobs, key=lambda job: not job.submitted):
        name = job.rule if job.submitted else "downloads, scores, tables, figures"
        steps.setdefault(name, []).append(job)
    table = pd.DataFrame(
        row_of(name, chosen, [times[job] for job in chosen], factors.get(chosen[0].kind))
        for name, chosen in steps.items()
    )
    print(table.to_markdown(index=False, disable_numparse=True, colalign=["left"] + 9 * ["right"]))
    wall = wall_seconds(times, args.gpus, args.here, args.elsewhere, machine["job_start_s"])
    gpu_hours = sum(job.gpus * times[job] for job in jobs) / 3600
    down = sum(job.numbers.get("download_mb", 0) for job in jobs) / 1000
    stored = (job.numbers.get("stored_mb", job.numbers.get("download_mb", 0)) for job in jobs)
    print(
        f"\n{len(jobs)} jobs, {table['submitted'].sum()} of them or their groups submitted;"
        f" {gpu_hours:.1f} GPU-hours."
        f"\n{wall / 3600:.2f} hours from start to end with {args.gpus} GPUs, {args.elsewhere} cores"
        f" of a cluster and {args.here} here, without downloads and without waiting in a queue."
        f"\n{down:.1f} GB to download; {sum(stored) / 1000:.1f} GB on disk in the end."
        "\nmeasured: how much longer such jobs took here than was expected of them; times are"
        " corrected by it. Empty: no job of the kind was measured yet."
    )
    for line in warnings_of(jobs, machine):
        print(f"Does not fit: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
