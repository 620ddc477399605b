"""Printed scores of suite "two", made up for tests."""

import tempfile
from pathlib import Path

import pandas as pd

from sentscale.reference import CELL_COLUMNS, ROW, Published, read_published

_OURS = ["our_model", "our_adapters", "our_representations", "our_precisions"]


def write_published(folder, *rows, ours=None, task="Avg."):
    """Write two files for `read_published`; their paths.

    Args:
        folder: Where they go.
        *rows: (method, model, parameters, fine_tuned, value).
        ours: For a row's (method, model, parameters) "model precisions representations adapters",
            each with commas inside; without adapters: none.
        task: Of the values.
    """
    cells = [
        ["t", "two", *row[:4], task, "spearman_all", str(row[4]), "", "one source", ""]
        for row in rows
    ]
    lines = []
    for row in dict.fromkeys(row[:3] for row in rows):
        model, precisions, representations, adapters = _four((ours or {}).get(row, ""))
        lines.append([*row, model, adapters, representations, precisions, ""])
    paths = [Path(folder, name) for name in ("encoders.tsv", "cells.tsv")]
    for path, table, columns in zip(
        paths, (lines, cells), ([*ROW, *_OURS, "training_set"], CELL_COLUMNS), strict=True
    ):
        pd.DataFrame(table, columns=columns).to_csv(path, sep="\t", index=False)
    return paths


def _four(words):
    """Model, precisions, representations and adapters; nothing of an empty text."""
    parts = [part.replace(",", " ") for part in words.split()]
    return [*parts, "none"][:4] if parts else [""] * 4


def published(*rows, **options) -> Published:
    """The same, read."""
    with tempfile.TemporaryDirectory() as folder:
        return read_published(*write_published(folder, *rows, **options))
