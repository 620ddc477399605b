"""What demonstrations gain on a suite, beside what the paper says of it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sentscale.formats import write_table
from sentscale.tables import gain_table, published_gains, read_scores, with_training_set


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--published", type=Path, required=True, help="table of printed scores")
    add("--suite", required=True, help="name of the suite")
    add("--tasks", nargs="+", required=True, help="tasks of the suite, in order")
    add("--metric", required=True, help="for example spearman_all")
    add("--zero-shot", required=True, help="JSON: representations and their twins without")
    add("--training-sets", required=True, help="JSON: what each adapter was trained on")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    scores, twins = read_scores(args.scores), json.loads(args.zero_shot)
    ours = gain_table(scores, args.tasks, args.metric, twins)
    published = published_gains(args.published, args.suite, args.metric)
    table = pd.concat([ours, published.reindex(columns=ours.columns)])
    table = with_training_set(table, json.loads(args.training_sets))
    write_table(table, f"gain {args.suite}", args.out)


if __name__ == "__main__":
    main()
