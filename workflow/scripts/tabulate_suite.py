"""Lay the scores of one suite out as the paper does."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.formats import write_table
from sentscale.reference import published_table, read_published, remarks
from sentscale.tables import AVERAGE, in_blocks, read_scores, suite_table, with_training_set


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--published", type=Path, nargs="+", required=True, help="encoders of printed rows, scores")
    add("--suite", required=True, help="name of the suite")
    add("--tasks", nargs="+", required=True, help="tasks of the suite, in order")
    add("--metric", required=True, help="for example spearman_all")
    add("--fine-tuned", nargs="*", required=True, help="models that are so without an adapter")
    add("--training-sets", required=True, help="JSON: what each adapter was trained on")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    published = read_published(*args.published)
    ours = suite_table(read_scores(args.scores), args.tasks, args.metric)
    printed = published_table(published, args.suite, args.tasks, args.metric)
    table, blocks = in_blocks(ours, printed, args.fine_tuned)
    table = with_training_set(table, json.loads(args.training_sets), published.training_sets)
    ranked = [column for column in [*args.tasks, AVERAGE] if column in table]
    notes = remarks(published, args.suite, args.metric)
    write_table(table, args.suite, args.out, ranked, blocks, notes)


if __name__ == "__main__":
    main()
