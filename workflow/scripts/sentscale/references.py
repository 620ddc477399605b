"""What was published: printed scores that figures show beside ours."""

import csv
from pathlib import Path

import pandas as pd


def read_published(path: Path, suite: str, metric: str, column: str) -> pd.DataFrame:
    """Printed scores of a suite: columns method, model, parameters, adapter, value and others.

    Args:
        path: `workflow/resources/paper_tables.tsv`.
        suite: Rows of this one.
        metric: Rows of this one.
        column: The task, or "Avg.".
    """
    names = dict.fromkeys(["suite", "method", "model", "parameters", "adapter", "task"], str)
    cells = pd.read_csv(path, sep="\t", dtype=names, keep_default_na=False, quoting=csv.QUOTE_NONE)
    return cells[(cells.suite == suite) & (cells.metric == metric) & (cells.task == column)]
