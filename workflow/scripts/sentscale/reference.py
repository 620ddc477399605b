"""Published scores, and the encoders of ours that they compare with.

workflow/resources/README.md describes the files.
"""

import csv
import math
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sentscale.lines import EncoderName
from sentscale.tables import AVERAGE, ENCODER, PUBLISHED

CELL_COLUMNS = ["table", "suite", "method", "model", "parameters", "fine_tuned", "task", "metric"]
CELL_COLUMNS += ["value", "source", "confidence", "remark"]
# What a printed row is known by.
ROW = ["method", "model", "parameters"]
_OURS = ["our_model", "our_adapters", "our_representations", "our_precisions"]
_TRAINING = "training_set"
_ALLOWED = {
    "fine_tuned": ("yes", "no"),
    "confidence": ("two sources", "one source", "conflicting"),
}


@dataclass(frozen=True)
class Published:
    """Published scores.

    Attributes:
        cells: One for each printed score, columns `CELL_COLUMNS`.
        encoders: Columns `ROW` and, with the prefix "our ", `ENCODER`: each encoder of ours that
            stands for a printed row, what the authors ran first. Rows without one are absent.
        training_sets: What was trained on, in words, by "MODEL PARAMETERS" and method: of rows
            that an adapter of ours stands for.
    """

    cells: pd.DataFrame
    encoders: pd.DataFrame
    training_sets: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, suite: str, metric: str) -> pd.DataFrame:
        """Cells of a suite and a metric."""
        return self.cells[(self.cells.suite == suite) & (self.cells.metric == metric)]

    def with_encoders(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Cells beside the encoders of ours that stand for them, in columns `ENCODER`.

        The cell's value is in "published", its row in words in "published as", the model of
        it in "printed model". A cell with several encoders comes several times, one with
        none has NaN in `ENCODER`.
        """
        words = {
            "published as": [named(cell) for cell in cells.itertuples()],
            "printed model": cells.model + " " + cells.parameters,
        }
        linked = cells.assign(**words).merge(self.encoders, on=ROW, how="left")
        linked = linked.drop(columns="model").rename(columns={"value": "published"})
        return linked.rename(columns={f"our {name}": name for name in ENCODER})


def read_published(encoders: Path, *tables: Path) -> Published:
    """Read printed scores; of rows that `encoders` does not list nothing is kept.

    Args:
        encoders: `workflow/resources/published_encoders.tsv`.
        *tables: `workflow/resources/paper_tables.tsv` and the like.

    Raises:
        ValueError: Another column or value than known, a score twice, or an encoder for
            a row that no table has.
    """
    cells = pd.concat([_read_cells(path) for path in tables], ignore_index=True)
    lines = _read_text(encoders, [*ROW, *_OURS, _TRAINING])
    known = set(cells[ROW].itertuples(index=False, name=None))
    for row in lines[ROW].itertuples(index=False, name=None):
        if row not in known:
            raise ValueError(f"{encoders}: no table has a row {', '.join(row)}")
    for row in lines[lines.duplicated(ROW)][ROW].itertuples(index=False, name=None):
        raise ValueError(f"{encoders}: {', '.join(row)} is there twice")
    partly = (lines[_OURS] == "").any(axis=1) & (lines[_OURS] != "").any(axis=1)
    for row in lines[partly][ROW].itertuples(index=False, name=None):
        raise ValueError(f"{encoders}: {', '.join(row)} names a part of an encoder only")
    cells = cells.merge(lines[ROW], on=ROW, validate="many_to_one")
    found = [
        (*line[:3], *EncoderName.of(line.our_model, adapter, precision, representation))
        for line in lines.itertuples(index=False)
        for adapter in line.our_adapters.split()
        for representation in line.our_representations.split()
        for precision in line.our_precisions.split()
    ]
    links = pd.DataFrame(found, columns=[*ROW, *(f"our {name}" for name in ENCODER)])
    trained = lines[lines[_TRAINING] != ""]
    places = zip(trained.model + " " + trained.parameters, trained.method, strict=True)
    return Published(cells, links, dict(zip(places, trained[_TRAINING], strict=True)))


def _read_text(path: Path, columns: list[str]) -> pd.DataFrame:
    """Text by line number; cells that are missing at the end of a line are empty."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), start=1)
        rows = {number: cells for number, cells in lines if cells}
    header = rows.pop(1, [])
    if header != columns:
        raise ValueError(f"{path}: columns are {header}, expected {columns}")
    for number, cells in rows.items():
        if len(cells) > len(columns):
            raise ValueError(
                f"{path}:{number}: {len(cells)} cells, expected {len(columns)}: {cells}"
            )
        cells += [""] * (len(columns) - len(cells))
    return pd.DataFrame(rows.values(), index=list(rows), columns=columns, dtype=str)


def _read_cells(path: Path) -> pd.DataFrame:
    cells = _read_text(path, CELL_COLUMNS)
    for column, allowed in _ALLOWED.items():
        for number, value in cells.loc[~cells[column].isin(allowed), column].items():
            raise ValueError(
                f"{path}:{number}: {column} is {value!r}; allowed: {', '.join(allowed)}"
            )
    twice = cells[cells.duplicated([*ROW, "suite", "task", "metric"])]
    for cell in twice.itertuples():
        raise ValueError(f"{path}: {cell.task} of {named(cell)} is there twice")
    return cells.assign(value=[_number(path, *one) for one in cells.value.items()])


def _number(path: Path, number: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path}:{number}: value is {text!r}, not a number")
    return value


def named(cell: object) -> str:
    """A printed row in words: `PromptEOL+ICL, OPT 30B`."""
    return f"{cell.method}, {cell.model} {cell.parameters}"


def published_table(
    published: Published, suite: str, tasks: list[str], metric: str
) -> pd.DataFrame:
    """Printed scores of a suite, to stand below ours: precision "published".

    Args:
        published: Of `read_published`.
        suite: Rows of this one.
        tasks: In the order of the columns; what was not printed is NaN.
        metric: Rows of this one.

    Returns:
        Columns `ENCODER`, the tasks and "Avg.". `adapter` is the one of ours that the row
        stands for, or "fine-tuned", or empty.
    """
    cells = published.of(suite, metric).assign(precision=PUBLISHED)
    adapters = published.encoders.drop_duplicates(ROW)[[*ROW, "our adapter"]]
    cells = cells.merge(adapters, on=ROW, how="left")
    plain = cells.fine_tuned.map({"yes": "fine-tuned", "no": ""})
    cells["adapter"] = cells["our adapter"].where(cells["our adapter"].fillna("") != "", plain)
    cells["model"] += " " + cells.parameters
    cells = cells.rename(columns={"method": "representation"})
    rows = list(cells.groupby(ENCODER, sort=False).groups)
    wide = cells.pivot(index=ENCODER, columns="task", values="value").reindex(
        index=pd.MultiIndex.from_tuples(rows, names=ENCODER), columns=[*tasks, AVERAGE]
    )
    return wide.rename_axis(columns=None).reset_index()


def remarks(published: Published, suite: str, metric: str) -> list[str]:
    """What is to be known about printed scores of a suite: conflicts, slips, doubts."""
    cells = published.of(suite, metric)
    cells = cells[cells.remark != ""]
    whole = published.of(suite, metric).groupby(ROW).size()
    found = []
    for (*row, remark), group in cells.groupby([*ROW, "remark"], sort=False):
        tasks = "" if len(group) == whole[tuple(row)] else f", {', '.join(group.task)}"
        found.append(f"{named(next(group.itertuples()))}{tasks}: {remark}.")
    return found
