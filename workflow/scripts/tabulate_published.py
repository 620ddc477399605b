"""Put the scores of one suite beside those that were published, cell by cell."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentscale.comparison import compare, verdicts
from sentscale.formats import write_table
from sentscale.reference import read_published, remarks
from sentscale.tables import PUBLISHED, read_scores

# For narrow pages: sources are in the other formats, remarks below the table too.
WIDE = ["source", "remark"]


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--published", type=Path, nargs="+", required=True, help="encoders of printed rows, scores")
    add("--suite", required=True, help="name of the suite")
    add("--tasks", nargs="+", required=True, help="tasks of the suite, in order")
    add("--metric", required=True, help="for example spearman_all")
    add("--wide", type=Path, nargs="+", required=True, help="tables to write: csv, html")
    add("--narrow", type=Path, nargs="+", required=True, help="tables to write: md, tex")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    scores, published = read_scores(args.scores), read_published(*args.published)
    table = compare(scores, published, args.suite, args.tasks, args.metric)
    blocks = list(np.where(table.ours.isna(), PUBLISHED, ""))
    notes = [verdicts(table), *remarks(published, args.suite, args.metric)]
    title = f"published {args.suite}"
    write_table(table, title, args.wide, blocks=blocks, notes=notes)
    write_table(table.drop(columns=WIDE), title, args.narrow, blocks=blocks, notes=notes)


if __name__ == "__main__":
    main()
