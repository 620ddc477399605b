"""What a run will cost: jobs, GPU-hours, memory, time, from Snakemake's dry run."""

import ast
import csv
import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

# A job on the submitting machine: mostly Python's start (scores 2 to 4 s, figures 3; measured).
LOCAL_S = 3.0


@dataclass(frozen=True, eq=False)  # a key of dictionaries by itself
class Job:
    """One job of a dry run.

    Attributes:
        rule: Its rule.
        wildcards: As Snakemake prints them.
        inputs: Files it needs.
        outputs: Files it makes.
        benchmark: Where its time is written, empty if it is not measured.
        threads: Its cores.
        group: Number of the submission that it shares with others, or None.
        numbers: The resources that are whole numbers.
    """

    rule: str
    wildcards: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    benchmark: str
    threads: int
    group: int | None
    numbers: Mapping[str, int]

    @property
    def submitted(self) -> bool:
        """Whether a cluster runs it; the others run where Snakemake does."""
        return "expected_s" in self.numbers

    @property
    def gpus(self) -> int:
        """GPUs that it holds."""
        return self.numbers.get("devices", 0)

    @property
    def kind(self) -> tuple[str, bool]:
        """Jobs of a kind err alike in what they expect."""
        return self.rule, self.gpus > 0


def read_jobs(lines: Iterable[str]) -> list[Job]:
    """The jobs that `snakemake --dry-run` prints."""
    found: list[tuple[str, int | None, dict[str, str]]] = []
    group, groups = None, 0
    for line in lines:
        if re.match(r"\[.*\] Group job ", line):
            group, groups = groups, groups + 1
        elif line.strip() and not line.startswith(" "):
            group = None if line.startswith(("rule ", "localrule ", "[", "Job stats")) else group
        if match := re.fullmatch(r" *(?:local)?rule (\w+):\s*", line):
            found.append((match[1], group, {}))
        elif found and (match := re.fullmatch(r" +(\w+): (.*?)\s*", line)):
            found[-1][2].setdefault(match[1], match[2])
    return [
        Job(
            rule,
            fields.get("wildcards", ""),
            tuple(fields.get("input", "").split(", ")),
            tuple(fields.get("output", "").split(", ")),
            fields.get("benchmark", ""),
            int(fields.get("threads", "1")),
            group,
            {
                name: int(value)
                for name, value in re.findall(r"(\w+)=(\d+)(?=,|$)", fields.get("resources", ""))
            },
        )
        for rule, group, fields in found
        if rule != "all"
    ]


def read_benchmarks(folder: Path) -> dict[str, tuple[float, dict[str, Any]]]:
    """Seconds and resources of the jobs that were measured, by path; those without are left out."""
    found = {}
    for path in sorted(folder.rglob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        if rows and rows[0].get("resources"):
            try:
                found[str(path)] = float(rows[0]["s"]), ast.literal_eval(rows[0]["resources"])
            except (SyntaxError, ValueError) as error:
                raise ValueError(
                    f"{path}: not a whole benchmark of Snakemake: {rows[0]}"
                ) from error
    return found


def expected_seconds(
    jobs: Iterable[Job], measured: Mapping[str, tuple[float, Mapping[str, Any]]]
) -> tuple[dict[Job, float], dict[tuple[str, bool], float]]:
    """Time of each job, and by how much jobs of each kind took longer than was expected.

    A job that was measured takes as long again. Another takes what is expected of it, times
    the median of what others of its kind took over what was expected of them.
    """
    ratios: dict[tuple[str, bool], list[float]] = {}
    local: dict[str, list[float]] = {}
    for path, (seconds, resources) in measured.items():
        rule = path.split("benchmarks/")[-1].split("/")[0]
        if expected := resources.get("expected_s"):
            ratios.setdefault((rule, resources["devices"] > 0), []).append(seconds / expected)
        else:
            local.setdefault(rule, []).append(seconds)
    factors = {kind: median(found) for kind, found in ratios.items()}
    times = {}
    for job in jobs:
        if job.benchmark in measured:
            times[job] = measured[job.benchmark][0]
        elif job.submitted:
            times[job] = job.numbers["expected_s"] * factors.get(job.kind, 1.0)
        else:
            times[job] = median(local.get(job.rule, [LOCAL_S]))
    return times, factors


def wall_seconds(
    times: Mapping[Job, float], gpus: int, here: int, elsewhere: int, start_s: float
) -> float:
    """Time of the whole run: jobs start as soon as their inputs and a place are there.

    Of several that could start, the one with the longest way to the end does (list
    scheduling). Waiting in a cluster's queue is not in it.

    Args:
        times: Seconds of each job.
        gpus: GPUs in all.
        here: Cores of the machine that Snakemake runs on.
        elsewhere: Cores of a cluster for jobs without a GPU; 0 runs them here.
        start_s: From the end of a job to the start of what waits for it.
    """
    maker = {path: job for job in times for path in job.outputs}
    needs = {job: {maker[path] for path in job.inputs if path in maker} - {job} for job in times}
    after: dict[Job, list[Job]] = {job: [] for job in times}
    for job, before in needs.items():
        for one in before:
            after[one].append(job)
    tail: dict[Job, float] = {}
    for first in times:  # depth first without recursion: a run has thousands of jobs
        stack = [first]
        while stack:
            job = stack[-1]
            missing = [one for one in after[job] if one not in tail]
            stack += missing
            if not missing:
                tail[stack.pop()] = times[job] + max((tail[one] for one in after[job]), default=0)
    free = {"gpu": max(gpus, *(job.gpus for job in times)), "here": here, "there": elsewhere}

    def place(job: Job) -> tuple[str, int]:
        if job.gpus:
            return "gpu", job.gpus
        name = "there" if job.submitted and elsewhere else "here"
        return name, min(job.threads, elsewhere if name == "there" else here)

    order = {job: number for number, job in enumerate(times)}
    waiting = {job: len(before) for job, before in needs.items()}
    ready = [(-tail[job], order[job], job) for job in times if not waiting[job]]
    running: list[tuple[float, int, Job]] = []
    now = 0.0
    while ready or running:
        for entry in sorted(ready):
            name, count = place(entry[2])
            if free[name] >= count:
                free[name] -= count
                ready.remove(entry)
                ends = now + times[entry[2]] + (start_s if entry[2].submitted else 0)
                heapq.heappush(running, (ends, *entry[1:]))
        now, _, done = heapq.heappop(running)
        name, count = place(done)
        free[name] += count
        for job in after[done]:
            waiting[job] -= 1
            if not waiting[job]:
                ready.append((-tail[job], order[job], job))
    return now


def warnings_of(jobs: Iterable[Job], machine: Mapping[str, Any]) -> list[str]:
    """What cannot fit on the machine, a line each. Jobs that share a submission add up."""
    submissions: dict[Any, list[Job]] = {}
    for job in jobs:
        submissions.setdefault(job if job.group is None else job.group, []).append(job)
    found = []
    gpu, cpu = machine["gpu"], machine["cpu"]
    for together in submissions.values():
        first = together[0]
        name = f"{first.rule} ({first.wildcards})"
        name = f"{len(together)} of {name} together" if len(together) > 1 else name
        gpus, memory, threads = (
            sum(values)
            for values in zip(
                *[(job.gpus, job.numbers.get("mem_mb", 0), job.threads) for job in together],
                strict=True,
            )
        )
        node_gb = gpu["node_memory_gb"] if gpus else cpu["memory_gb"]
        minutes = max(job.numbers.get("runtime", 0) for job in together)
        limit = (gpu if gpus else cpu)["limit_min"]
        if memory > node_gb * 1000:
            found.append(f"{name}: {memory / 1000:.0f} GB of memory, a node has {node_gb}")
        if not gpus and first.submitted and threads > cpu["cores"]:
            found.append(f"{name}: {threads} threads, a node has {cpu['cores']} cores")
        if limit is not None and minutes > limit:
            found.append(f"{name}: {minutes} minutes, the limit is {limit}")
        if gpus > (gpu["per_node"] if gpu else 0):
            found.append(f"{name}: {gpus} GPUs, a node has {gpu['per_node']}")
        if gpus and first.numbers.get("gpu_mb", 0) > gpu["memory_gb"] * 1000:
            found.append(
                f"{name}: {first.numbers['gpu_mb'] / 1000:.0f} GB of a GPU, which has"
                f" {gpu['memory_gb']}; try placement auto, split or stream, or another precision"
            )
    return found
