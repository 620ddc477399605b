"""Ours beside what was published, cell by cell."""

import numpy as np
import pandas as pd

from sentscale.reference import Published
from sentscale.tables import AVERAGE, ENCODER, PUBLISHED, gain_table, suite_table

INSIDE, OUTSIDE = "inside our interval", "outside our interval"
UNKNOWN, MISSING = "no published figure", "missing in this run"
_COLUMNS = [*ENCODER, "task", "ours", "low", "high", "published", "difference", "verdict"]
_COLUMNS += ["confidence", "published as", "source", "remark"]


def compare(
    scores: pd.DataFrame, published: Published, suite: str, tasks: list[str], metric: str
) -> pd.DataFrame:
    """A row for each score of ours on a suite, then for each published one that we lack.

    Args:
        scores: Tidy scores.
        published: Of `read_published`.
        suite: Its name.
        tasks: Of the suite, in the order of the rows.
        metric: For example "spearman_all".

    Returns:
        `ENCODER`, task (also "Avg."), ours with low and high, published, difference (ours
        less published), verdict, confidence, published as, source, remark. `verdict` says
        whether the published score lies in the bootstrap interval of ours. An encoder
        that stands for several printed rows has a row for each. Of a published score that
        this run lacks, `ENCODER` is what would make it, empty where nothing of ours does.
    """
    table = _beside(_long(scores, tasks, metric), published.of(suite, metric), published)
    table["difference"] = (table.ours - table.published).round(2)
    inside = table.published.between(table.low, table.high)
    table["verdict"] = np.where(inside, INSIDE, OUTSIDE)
    table.loc[table.published.isna(), "verdict"] = UNKNOWN
    table.loc[table.ours.isna(), "verdict"] = MISSING
    return table[_COLUMNS]


def compare_gains(
    scores: pd.DataFrame,
    published: Published,
    suite: str,
    tasks: list[str],
    metric: str,
    zero_shot: dict[str, str],
) -> pd.DataFrame:
    """What demonstrations gain, beside what the paper prints; then its rows that we lack.

    Args:
        scores: Tidy scores.
        published: Of `read_published`.
        suite: Its name.
        tasks: Of the suite.
        metric: For example "spearman_all".
        zero_shot: For each representation with demonstrations the same one without.

    Returns:
        The columns of `gain_table`, then, if the paper has a gain on the suite, "published"
        and "difference". Its own rows have precision "published", and only what it prints.
    """
    ours = gain_table(scores, tasks, metric, zero_shot).assign(task=AVERAGE)
    cells = published.of(suite, f"gain of {metric}")
    table = _beside(ours, cells, published)
    lacking = table.gain.isna()
    table.loc[lacking, "precision"] = PUBLISHED
    table.loc[lacking, "model"] = table["printed model"]
    table.loc[lacking, "representation"] = table.method
    table["difference"] = (table.gain - table.published).round(2)
    beside = [] if table.published.isna().all() else ["published", "difference"]
    return table[[*ENCODER, "without", "with", "gain", *beside]]


def verdicts(table: pd.DataFrame) -> str:
    """How many cells of a comparison agree, in words."""
    count = table.verdict.value_counts().to_dict()
    return (
        f"{table.ours.notna().sum()} scores of ours: the published score lies inside the bootstrap"
        f" interval of {count.get(INSIDE, 0)} and outside that of {count.get(OUTSIDE, 0)},"
        f" {count.get(UNKNOWN, 0)} have none. {count.get(MISSING, 0)} published scores are missing"
        " in this run."
    )


def _long(scores: pd.DataFrame, tasks: list[str], metric: str) -> pd.DataFrame:
    """Encoder by encoder the score on each task and the average, as they are printed."""
    wide = suite_table(scores, tasks, metric)
    printed = [*tasks, AVERAGE] if len(tasks) > 1 else tasks
    table = wide.melt(ENCODER, printed, "task", "ours", ignore_index=False)
    table = table.sort_index(kind="stable")
    single = scores[scores.metric == metric][[*ENCODER, "task", "low", "high"]]
    mean = wide.assign(task=AVERAGE)[[*ENCODER, "task", "low", "high"]]
    bounds = pd.concat([single, mean] if len(tasks) > 1 else [single])
    table = table.merge(bounds, on=[*ENCODER, "task"], how="left")
    return table[table.ours.notna()]


def _beside(ours: pd.DataFrame, cells: pd.DataFrame, published: Published) -> pd.DataFrame:
    """Rows of ours with the published score of the same encoder and task, then the others.

    Args:
        ours: `ENCODER`, task and more.
        cells: Published scores to put beside them.
        published: Whose cells they are.
    """
    links = published.with_encoders(cells.assign(number=range(len(cells))))
    matched = ours.merge(links, on=[*ENCODER, "task"], how="left")
    lacking = links[~links.number.isin(matched.number)].drop_duplicates("number")
    table = pd.concat([matched, lacking], ignore_index=True)
    texts = [*ENCODER, "method", "confidence", "published as", "source", "remark"]
    table[texts] = table[texts].astype(object).where(table[texts].notna(), "")
    return table
