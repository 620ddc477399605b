"""Lay the scores of one suite out as the paper does."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sentscale.formats import write_table
from sentscale.tables import published_table, read_scores, suite_table, with_training_set


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--published", type=Path, required=True, help="table of printed scores")
    add("--suite", required=True, help="name of the suite")
    add("--tasks", nargs="+", required=True, help="tasks of the suite, in order")
    add("--metric", required=True, help="for example spearman_all")
    add("--training-sets", required=True, help="JSON: what each adapter was trained on")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    ours = suite_table(read_scores(args.scores), args.tasks, args.metric)
    published = published_table(args.published, args.suite, args.tasks, args.metric)
    table = pd.concat([ours, published.reindex(columns=ours.columns)])
    table = with_training_set(table, json.loads(args.training_sets))
    write_table(table, args.suite, args.out)


if __name__ == "__main__":
    main()
