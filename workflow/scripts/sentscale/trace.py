"""Where each number of a run is from: digests, revisions, versions, seeds, the job's log."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentscale.benchmarks import read_benchmark
from sentscale.files import read_json
from sentscale.lines import EncoderName
from sentscale.wording import duration

# A label and what stands beside it.
Fact = tuple[str, str]


@dataclass(frozen=True)
class Job:
    """What Snakemake kept of a job.

    Attributes:
        log: Path of the log.
        seconds, memory_gb: See `Measured`; NaN where there is no benchmark either.
    """

    log: Path
    seconds: float
    memory_gb: float

    @property
    def timed(self) -> bool:
        """Whether it is known how long it took."""
        return not math.isnan(self.seconds)

    def facts(self) -> list[Fact]:
        """In words."""
        cost = "not on record"
        if self.timed:
            missing = math.isnan(self.memory_gb)
            memory = "not measured" if missing else f"{self.memory_gb:.2f} GB"
            cost = f"{duration(self.seconds)}, {memory}"
        return [("log", str(self.log)), ("time, memory", cost)]


@dataclass(frozen=True)
class TaskRecord:
    """A task's scores of one encoder, and where they are from.

    Attributes:
        task: Its name.
        scores: Value, low and high by metric, times 100.
        rows: Pairs or samples.
        facts: All else.
    """

    task: str
    scores: Mapping[str, Mapping[str, float]]
    rows: int
    facts: list[Fact]


@dataclass(frozen=True)
class TaskData:
    """What a task's scores are counted on: rows, licences, digests of the files they came from."""

    rows: int
    facts: list[Fact]


@dataclass(frozen=True)
class SuiteRecord:
    """An encoder's vectors of a suite and the scores made from them.

    Attributes:
        suite: Its name.
        facts: About the vectors.
        job: That made them.
        tasks: In the order of the suite, scorer by scorer.
    """

    suite: str
    facts: list[Fact]
    job: Job
    tasks: list[TaskRecord]


@dataclass(frozen=True)
class EncoderRecord:
    """Everything that a run made of one encoder.

    Attributes:
        name: As in tables; its place is the anchor on the page.
        facts: About weights, adapter and prompt.
        suites: In the order of the run.
    """

    name: EncoderName
    facts: list[Fact]
    suites: list[SuiteRecord]


def trace(
    results: Path,
    encoders: Sequence[str],
    suites: Mapping[str, tuple[Sequence[str], Sequence[str]]],
) -> list[EncoderRecord]:
    """Read what stands beside every result of a run.

    Args:
        results: Folder of all results.
        encoders: model/adapter/precision/representation/suite.
        suites: Tasks of each suite, and folders of its scores.
    """
    homes: dict[str, list[str]] = {}
    for cell in encoders:
        place, _, suite = cell.rpartition("/")
        homes.setdefault(place, []).append(suite)
    records = []
    for place, names in homes.items():
        found = []
        for suite in names:
            about = read_json(results / f"embeddings/{place}/{suite}.json")
            job = job_of(results, f"embed_sentences/{place}/{suite}")
            names_of_tasks, scorers = suites[suite]
            tasks = [
                task_record(results, scorer, place, task)
                for scorer in scorers
                for task in names_of_tasks
            ]
            found.append(SuiteRecord(suite, [*facts_of(about), *job.facts()], job, tasks))
        name = EncoderName.of(*place.split("/"))
        records.append(EncoderRecord(name, encoder_facts(results, name), found))
    return records


def encoder_facts(results: Path, name: EncoderName) -> list[Fact]:
    """Weights, adapter and prompt of an encoder."""
    manifest = read_json(results / f"models/{name.model}/manifest.json")
    facts = facts_of({"weights": manifest["source"]})
    if name.adapter:
        manifest = read_json(results / f"adapters/{name.model}/{name.adapter}/manifest.json")
        facts += facts_of({"adapter": manifest})
    prompt = read_json(results / f"representations/{name.model}/{name.representation}.json")
    return facts + facts_of(prompt)


def task_record(results: Path, scorer: str, place: str, task: str) -> TaskRecord:
    """One score file, the data it was counted on, and the job that made it."""
    path = results / f"scores/{scorer}/{place}/{task}.json"
    score = read_json(path)
    rule = "score_sts" if scorer == "sts" else f"score_transfer/{scorer}"
    job = job_of(results, f"{rule}/{place}/{task}")
    told = ("inputs", "classifier", "options", "bootstrap", "protocol", "versions")
    rows = score["pairs"] if "pairs" in score else score["samples"]
    facts = [
        ("file", str(path)),
        *facts_of({key: score[key] for key in told if key in score}),
        *job.facts(),
    ]
    return TaskRecord(task, score["scores"], rows, facts)


def task_data(results: Path, task: str) -> TaskData:
    """What is known of a task's table."""
    about = read_json(results / f"datasets/{task}.json")
    rows = about["pairs"] if "pairs" in about else about["rows"]
    return TaskData(rows, facts_of({key: about[key] for key in ("licences", "sha256")}))


def job_of(results: Path, job: str) -> Job:
    """Log and benchmark of a job; either may be gone."""
    log, path = results / f"logs/{job}.log", results / f"benchmarks/{job}.tsv"
    if not path.is_file():
        return Job(log, math.nan, math.nan)
    measured = read_benchmark(path)
    return Job(log, measured.seconds, measured.memory_gb)


def facts_of(values: Mapping[str, Any]) -> list[Fact]:
    """JSON as labels with a line each; a mapping of plain values is one line."""
    return list(_facts(values, ""))


def _facts(values: Mapping[str, Any], before: str) -> Iterator[Fact]:
    for key, value in values.items():
        label = f"{before}{key}".replace("_", " ")
        if not isinstance(value, Mapping):
            yield label, _line(value)
        elif any(isinstance(part, Mapping | list) or _is_digest(part) for part in value.values()):
            yield from _facts(value, f"{label}, ")
        elif value:
            yield label, ", ".join(f"{name} {_line(part)}" for name, part in value.items())


def _line(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_line, value))
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_line(part)}" for key, part in value.items())
    return "none" if value is None else str(value)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and len(value) == hashlib.sha256().digest_size * 2
