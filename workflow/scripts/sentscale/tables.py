"""Tables: one tidy file of all scores, and the paper's layout made from it."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentscale.files import read_json, write_text
from sentscale.lines import EncoderName

ENCODER = ["model", "precision", "representation", "adapter"]
SCORE_COLUMNS = [*ENCODER, "task", "metric", "value", "low", "high", "n"]
AVERAGE = "Avg."
# What is the same for all representations of a row of bars, or a column of a table.
WITHOUT_PROMPT = ["model", "adapter", "precision"]
# Blocks of a printed table.
BLOCKS = AS_THEY_COME, FINE_TUNED, PUBLISHED = "as they come", "fine-tuned", "published"
# What a suite's score may be. The paper ranks the pairs of all subsets together, and trains
# SentEval's classifier: they need no further word.
_LABELS = {
    "spearman_all": "Spearman's ρ × 100",
    "spearman_mean": "Spearman's ρ (mean of subsets) × 100",
    "spearman_wmean": "Spearman's ρ (weighted mean of subsets) × 100",
    "accuracy": "accuracy × 100",
    "accuracy_logreg": "accuracy (logistic regression) × 100",
}


def read_score(path: Path) -> dict[str, Any]:
    """Read a JSON file of scores; people may have edited it.

    Raises:
        ValueError: A part is missing, or a score is not a number.
    """
    score = read_json(path)
    parts = set(score) if isinstance(score, dict) else set()
    if not {"encoder", "task", "scores"} <= parts or not {"pairs", "samples"} & parts:
        raise ValueError(
            f"{path}: not a file of scores: encoder, task, scores, and pairs or samples are"
            f" needed, it has {', '.join(sorted(parts)) or 'none'}; delete it to have it made anew"
        )
    for metric, values in score["scores"].items():
        for part in ("value", "low", "high"):
            number = values.get(part) if isinstance(values, dict) else None
            if not isinstance(number, int | float) or not math.isfinite(number):
                raise ValueError(
                    f"{path}: {metric} needs a number as its {part}: {values!r}; delete the file"
                    " to have it made anew"
                )
    return score


def tidy_scores(paths: list[Path]) -> pd.DataFrame:
    """One row for each score in the JSON files of scores, in their order.

    `value`, `low` and `high` are times 100; `low` and `high` bound the bootstrap
    interval; `n` counts pairs or test samples; `adapter` is empty for a model as it comes.
    """
    rows: list[dict[str, Any]] = []
    for path in paths:
        score = read_score(path)
        n = score["pairs"] if "pairs" in score else score["samples"]
        about = EncoderName.of(**score["encoder"])._asdict() | {"task": score["task"], "n": n}
        rows += [about | {"metric": metric} | values for metric, values in score["scores"].items()]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table; a missing number is an empty cell, never 0."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_scores(path: Path) -> pd.DataFrame:
    """Read `results/tables/scores.csv`; a model or task called NA stays a name."""
    names = dict.fromkeys([*ENCODER, "task", "metric"], str)
    table = pd.read_csv(path, dtype=names, keep_default_na=False)
    if list(table.columns) != SCORE_COLUMNS:
        raise ValueError(f"{path}: columns are {list(table.columns)}, expected {SCORE_COLUMNS}")
    return table


def metric_label(metric: str) -> str:
    """A metric in words, with its unit."""
    if metric not in _LABELS:
        raise ValueError(f"metric {metric!r} has no label; known: {', '.join(_LABELS)}")
    return _LABELS[metric]


def score_column(tasks: Sequence[str]) -> str:
    """Column of `suite_table` that ranks encoders: the average, or the only task."""
    return AVERAGE if len(tasks) > 1 else tasks[0]


def suite_table(scores: pd.DataFrame, tasks: list[str], metric: str) -> pd.DataFrame:
    """The paper's layout: a row for each encoder, a column for each task, the average.

    Every score is rounded to 2 decimals before it is averaged, as the paper does.
    Tasks of a suite are independent samples, so the half-widths of their intervals
    add in quadrature to that of the average.

    Args:
        scores: Tidy scores.
        tasks: In the order of the columns.
        metric: For example "spearman_all".

    Returns:
        Columns `ENCODER`, the tasks, and, for more than one task, "Avg.", "low" and
        "high". Missing scores are NaN, and so is an average over a missing one.
    """
    chosen = scores[(scores.metric == metric) & scores.task.isin(tasks)]
    encoders = list(chosen.groupby(ENCODER, sort=False).groups)
    wide = {
        column: chosen.pivot(index=ENCODER, columns="task", values=column).reindex(
            index=pd.MultiIndex.from_tuples(encoders, names=ENCODER), columns=tasks
        )
        for column in ("value", "low", "high")
    }
    table = wide["value"].round(2)
    if len(tasks) > 1:
        average = table.mean(axis=1, skipna=False)
        for column, sign in (("low", -1), ("high", 1)):
            off = (wide[column] - wide["value"]).pow(2).sum(axis=1, skipna=False)
            table[column] = (average + sign * np.sqrt(off) / len(tasks)).round(2)
        table.insert(len(tasks), AVERAGE, average.round(2))
    else:
        table["low"], table["high"] = wide["low"].round(2), wide["high"].round(2)
    return table.rename_axis(columns=None).reset_index()


def in_blocks(
    ours: pd.DataFrame, published: pd.DataFrame, fine_tuned: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Put models as they come first, then fine-tuned ones, then published rows.

    Args:
        ours: Rows of `suite_table`.
        published: Rows of `published_table`.
        fine_tuned: Models that are so without an adapter.

    Returns:
        All rows with the columns of `ours`, and the name of the block of each.
    """
    tuned = (ours.adapter != "") | ours.model.isin(fine_tuned)
    blocks = [FINE_TUNED if one else AS_THEY_COME for one in tuned]
    blocks += [PUBLISHED] * len(published)
    table = pd.concat([ours, published.reindex(columns=ours.columns)], ignore_index=True)
    order = np.argsort([BLOCKS.index(block) for block in blocks], kind="stable")
    return table.iloc[order].reset_index(drop=True), [blocks[row] for row in order]


def representation_table(
    scores: pd.DataFrame, tasks: list[str], metric: str, order: list[str]
) -> pd.DataFrame:
    """A row for each representation, a column for each model, where a model has several.

    Args:
        scores: Tidy scores.
        tasks: Of the suite.
        metric: For example "spearman_all".
        order: Of the representations.

    Returns:
        Column "representation", then one for each model; adapter and precision are named
        in the column where models differ in them. A score that is missing is NaN.
    """
    table = suite_table(scores, tasks, metric)
    several = table.groupby(WITHOUT_PROMPT, sort=False).representation.transform("nunique") > 1
    table = table[several]
    shared = [name for name in ("precision", "adapter") if table[name].nunique() == 1]
    parts = [name for name in WITHOUT_PROMPT if name not in shared]
    heads = [", ".join(filter(None, row)) for row in table[parts].itertuples(index=False)]
    wide = table.assign(head=heads).pivot(
        index="representation", columns="head", values=score_column(tasks)
    )
    rows = [name for name in order if name in wide.index]
    wide = wide.reindex(index=rows, columns=list(dict.fromkeys(heads)))
    return wide.rename_axis(columns=None).reset_index()


def with_training_set(
    table: pd.DataFrame, sets: dict[str, str], printed: Mapping[tuple[str, str], str]
) -> pd.DataFrame:
    """Say beside each adapter what it was trained on: a column behind `adapter`.

    A score of a model that was trained on other data must not be taken for the paper's.

    Args:
        table: Rows of encoders, the published ones too.
        sets: For each of our adapters its training set in words.
        printed: The same of published rows, by model and representation.

    Returns:
        The table; without the column if no row has an adapter.
    """
    told = [
        printed.get((row.model, row.representation), "")
        if row.precision == PUBLISHED
        else sets.get(row.adapter, "")
        for row in table.itertuples()
    ]
    if not any(told):
        return table
    place = table.columns.get_loc("adapter") + 1
    columns = table.columns.insert(place, "training set")
    return table.assign(**{"training set": told})[columns]


def gain_table(
    scores: pd.DataFrame, tasks: list[str], metric: str, zero_shot: dict[str, str]
) -> pd.DataFrame:
    """What demonstrations gain: a row for each encoder that has them and a twin that has not.

    Args:
        scores: Tidy scores.
        tasks: Of the suite.
        metric: For example "spearman_all".
        zero_shot: For each representation with demonstrations the same one without.

    Returns:
        Columns `ENCODER`, "without", "with" and "gain": of the average that
        `suite_table` gives, or of the only task. Encoders without a twin are left out.
    """
    table = suite_table(scores, tasks, metric)
    score = dict(
        zip(
            table[ENCODER].itertuples(index=False, name=None),
            table[score_column(tasks)],
            strict=True,
        )
    )
    rows = []
    for (model, precision, representation, adapter), value in score.items():
        bare = score.get((model, precision, zero_shot.get(representation), adapter))
        if bare is not None:
            cells = model, precision, representation, adapter, bare, value, round(value - bare, 2)
            rows.append(cells)
    numbers = ["without", "with", "gain"]
    return pd.DataFrame(rows, columns=[*ENCODER, *numbers]).astype(dict.fromkeys(numbers, float))


def read_ranking(path: Path) -> pd.DataFrame:
    """Read `scores.tsv` of a search; words such as None and NA stay words."""
    names = dict.fromkeys(["sentence", "word", "origin"], str)
    return pd.read_csv(path, sep="\t", dtype=names, keep_default_na=False, quoting=csv.QUOTE_NONE)


def extremes(ranking: pd.DataFrame, count: int) -> pd.DataFrame:
    """The first and the last rows of a ranking, each once.

    Args:
        ranking: Scores of a search, see `choice.score_table`.
        count: Rows of each.
    """
    ranked = ranking.sort_values("rank")
    return ranked[(ranked["rank"] <= count) | (ranked["rank"] > len(ranked) - count)]
