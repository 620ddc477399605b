"""What demonstrations gain on a suite, beside what the paper says of it."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.comparison import compare_gains
from sentscale.formats import write_table
from sentscale.reference import read_published
from sentscale.tables import PUBLISHED, read_scores, with_training_set


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--published", type=Path, nargs="+", required=True, help="encoders of printed rows, scores")
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
    scores, published = read_scores(args.scores), read_published(*args.published)
    where = args.suite, args.tasks, args.metric
    table = compare_gains(scores, published, *where, json.loads(args.zero_shot))
    table = with_training_set(table, json.loads(args.training_sets), {})
    blocks = list(table.precision.where(table.precision == PUBLISHED, ""))
    write_table(table, f"gain {args.suite}", args.out, ["gain"], blocks)


if __name__ == "__main__":
    main()
