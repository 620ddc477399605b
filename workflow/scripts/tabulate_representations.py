"""Scores of one suite by representation and model."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sentscale.formats import write_table
from sentscale.tables import read_scores, representation_table


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--suite", required=True, help="name of the suite")
    add("--tasks", nargs="+", required=True, help="tasks of the suite, in order")
    add("--metric", required=True, help="for example spearman_all")
    add("--representations", nargs="+", required=True, help="in the order of the rows")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    scores = read_scores(args.scores)
    table = representation_table(scores, args.tasks, args.metric, args.representations)
    title = f"representations {args.suite}"
    write_table(table, title, args.out, ranked=table.columns[1:])


if __name__ == "__main__":
    main()
