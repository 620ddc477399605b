"""One page that tells what a run found, how, and what it lacks."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import jinja2
import pandas as pd

from sentscale.changes import Finding, Known
from sentscale.contrasts import Board, Difference
from sentscale.exhibits import Exhibit
from sentscale.findings import TOPICS, findings, read_beside, read_chosen
from sentscale.protocol import PROTOCOL
from sentscale.questions import instead
from sentscale.trace import EncoderRecord, Fact, task_data, trace
from sentscale.wording import counted, duration, named, signed, span, unit

# What the folders of an encoder's vectors are named after, in their order.
PARTS = ("models", "adapters", "precisions", "representations", "suites")


@dataclass(frozen=True)
class Suite:
    """A suite of the run.

    Attributes:
        name: Key of config.yaml.
        tasks: In their order.
        metric: Of the printed score, for example "spearman_all".
        scorers: Folders of its scores.
        paired: Table of differences on shared resamples, or None.
        published: Table of ours beside published scores, or None.
    """

    name: str
    tasks: list[str]
    metric: str
    scorers: list[str]
    paired: str | None
    published: str | None


@dataclass(frozen=True)
class Run:
    """What a run is.

    Attributes:
        encoders: model/adapter/precision/representation/suite, each once.
        suites: Of the run, by name.
        families, parameters: Of each model of the run.
        zero_shot: For each representation with demonstrations the same one without.
        reference: Representation that others are compared with.
        layers: Table of the best layers, by suite.
        training_sets: What each adapter of the run was trained on, in words.
        development: Suites on which representations are ranked.
        chosen_on: Suite that demonstrations of a representation, or an adapter, are chosen on.
        known: Names of all models, adapters, representations, suites, tasks and figures,
            in the run or not.
        config: What config.yaml says of this run and may change its numbers.
    """

    encoders: list[str]
    suites: dict[str, Suite]
    families: dict[str, str]
    parameters: dict[str, int]
    zero_shot: dict[str, str]
    reference: str
    layers: dict[str, str]
    training_sets: dict[str, str]
    development: list[str]
    chosen_on: dict[str, str]
    known: dict[str, list[str]]
    config: dict[str, Any]

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """From JSON; raises TypeError for a missing or unknown key."""
        suites = {suite["name"]: Suite(**suite) for suite in settings["suites"]}
        return cls(**(settings | {"suites": suites}))

    def names(self, part: str) -> list[str]:
        """Distinct models, adapters, precisions, representations or suites, in their order."""
        place = PARTS.index(part)
        return list(dict.fromkeys(cell.split("/")[place] for cell in self.encoders))


def page(
    run: Run,
    scores: pd.DataFrame,
    exhibits: Sequence[Exhibit],
    results: Path,
    code: Mapping[str, str],
    templates: Path,
) -> str:
    """The page.

    Args:
        run: What was run.
        scores: Tidy scores.
        exhibits: Tables and figures, section by section.
        results: Folder of all results, for what stands beside them.
        code: Digest and revision of the code.
        templates: Folder of index.html, index.css and index.js.
    """
    boards = [
        Board.from_scores(scores, name, suite.tasks, suite.metric, as_path(suite.paired))
        for name, suite in run.suites.items()
    ]
    known = Known(**{field.name: getattr(run, field.name) for field in fields(Known)})
    beside = {
        name: read_beside(Path(suite.published))
        for name, suite in run.suites.items()
        if suite.published
    }
    chosen = {suite: read_chosen(Path(path)) for suite, path in run.layers.items()}
    found = findings(boards, known, beside, chosen)
    suites = {name: (suite.tasks, suite.scorers) for name, suite in run.suites.items()}
    records = trace(results, run.encoders, suites)
    configuration = json.dumps(run.config, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    digest = hashlib.sha256(configuration.encode()).hexdigest()
    return (
        environment(templates)
        .get_template("index.html")
        .render(
            title=title(run),
            run=run,
            about=about(run, records, code, digest),
            note=note(run, boards),
            boards={board.suite: board for board in boards},
            coverage=coverage(run),
            tasks={task: task_data(results, task) for board in boards for task in board.tasks},
            topics=by_topic(found),
            sections=by_section(exhibits),
            records=records,
            configuration=configuration,
            digest=digest,
            missing=missing(run, found, beside, records, exhibits),
        )
    )


def environment(templates: Path) -> jinja2.Environment:
    """Templates that escape every text; an unknown name is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"signed": signed, "named": named}
    made.globals |= {"unit": unit, "counted": counted, "compared": compared}
    return made


def title(run: Run) -> str:
    """The run in one line."""
    models = run.names("models")
    many = len(models) > 3
    shown = counted(len(models), "model") if many else " and ".join(models)
    return f"Sentence embeddings from {shown}"


def note(run: Run, boards: Sequence[Board]) -> str:
    """What the words and brackets of the findings mean."""
    levels = {run.config[section]["bootstrap"]["confidence"] for section in ("sts", "transfer")}
    several = [board for board in boards if len(board.scores) > 1]
    paired = [board.suite for board in several if board.paired]
    alone = [board.suite for board in several if not board.paired]
    told = (
        f"Brackets hold {' or '.join(f'{100 * level:g} %' for level in sorted(levels))} bootstrap"
        " intervals. Clearly: the interval of the difference leaves out 0; no account is taken of"
        " how many differences there are."
    )
    if paired:
        told += f" On {', '.join(paired)} both encoders are scored on the same resamples."
    if alone:
        told += (
            f" On {', '.join(alone)} the intervals of both encoders are combined as if these were"
            " independent; they see the same rows, so the interval is wider than it need be."
        )
    return told


def about(
    run: Run, records: Sequence[EncoderRecord], code: Mapping[str, str], digest: str
) -> list[Fact]:
    """What the run is, in a few lines."""
    jobs = [suite.job for record in records for suite in record.suites]
    timed = [job.seconds for job in jobs if job.timed]
    told = [(part, ", ".join(run.names(part))) for part in ("models", "precisions", "adapters")]
    told += [
        ("encoders", str(len(records))),
        ("embedding", f"{duration(sum(timed))} in {len(timed)} of {counted(len(jobs), 'job')}"),
        ("code", f"SHA-256 of all Python files {code['digest']}"),
        ("revision", code["revision"]),
        ("protocol", ", ".join(f"{step} {number}" for step, number in PROTOCOL.items())),
        ("configuration", f"SHA-256 {digest}"),
    ]
    return [(label, text) for label, text in told if text]


def as_path(path: str | None) -> Path | None:
    """A path that may be none."""
    return Path(path) if path else None


def by_topic(found: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Findings under the headings of their topics; no heading without a finding."""
    topics = {
        title: [finding for finding in found if finding.topic == topic]
        for topic, title in TOPICS.items()
    }
    return {title: group for title, group in topics.items() if group}


def by_section(exhibits: Sequence[Exhibit]) -> dict[str, list[Exhibit]]:
    """Exhibits under the headings of their sections."""
    sections: dict[str, list[Exhibit]] = {}
    for exhibit in exhibits:
        sections.setdefault(exhibit.section, []).append(exhibit)
    return sections


def compared(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Differences as rows of a table, with their places on one axis from 0 to 100."""
    lowest = min(0.0, *(one.low for one in differences))
    highest = max(0.0, *(one.high for one in differences))

    def place(value: float) -> float:
        return round(100 * (value - lowest) / (highest - lowest or 1), 1)

    return [
        {
            "first": one.first,
            "against": instead(one.first, one.second),
            "value": one.value,
            "span": span(one),
            "places": [place(value) for value in (0, one.low, one.high, one.value)],
            "direction": one.direction,
        }
        for one in differences
    ]


def coverage(run: Run) -> dict[str, dict[str, int]]:
    """How many encoders of each model the run has on each suite."""
    count = {model: dict.fromkeys(run.suites, 0) for model in run.names("models")}
    for cell in run.encoders:
        model, *_, suite = cell.split("/")
        count[model][suite] += 1
    return count


def missing(
    run: Run,
    found: Sequence[Finding],
    beside: Mapping[str, pd.DataFrame],
    records: Sequence[EncoderRecord],
    exhibits: Sequence[Exhibit],
) -> list[Fact]:
    """What this run lacks: of the catalogue, of what is published, of findings, of records."""
    here = {part: set(run.names(part)) for part in PARTS}
    here["tasks"] = {task for suite in run.suites.values() for task in suite.tasks}
    drawn = [exhibit.path for exhibit in exhibits if exhibit.is_figure]
    here["figures"] = {f"{path.parent.name}/{path.stem}" for path in drawn}
    told = [
        (part, [one for one in known if one not in here[part]]) for part, known in run.known.items()
    ]
    counts = coverage(run)
    for suite in run.suites:
        told.append((f"models on {suite}", [model for model in counts if not counts[model][suite]]))
    lacking = {
        name: (beside[name].ours.isna() & beside[name].published.notna()).sum() for name in beside
    }
    unmatched = [f"{count:,} of {suite}" for suite, count in lacking.items() if count]
    told.append(("published scores", unmatched))
    topics = {finding.topic for finding in found}
    told.append(("findings", [words for topic, words in TOPICS.items() if topic not in topics]))
    jobs = [suite.job for record in records for suite in record.suites]
    told.append(("time and memory of", [str(job.log) for job in jobs if not job.timed]))
    large = [str(exhibit.path) for exhibit in exhibits if not exhibit.content]
    told.append(("tables too long for this page, or without one", large))
    return [(label, ", ".join(names)) for label, names in told if names]
