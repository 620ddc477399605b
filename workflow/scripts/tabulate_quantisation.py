"""Scores, memory and time of one suite in several precisions, side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sentscale.formats import write_table
from sentscale.quantisation import (
    PRECISIONS,
    in_several_precisions,
    quantisation_table,
    read_costs,
)
from sentscale.reference import read_published
from sentscale.tables import read_scores


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--benchmarks", type=Path, required=True, help="folder of those of embed_sentences")
    add("--published", type=Path, nargs="+", required=True, help="encoders of printed rows, scores")
    add("--suite", required=True, help="name of the suite")
    add("--tasks", nargs="+", required=True, help="tasks of the suite, in order")
    add("--metric", required=True, help="for example spearman_all")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    several = in_several_precisions(read_scores(args.scores), args.tasks, args.metric)
    costs = read_costs(args.benchmarks, several, args.suite)
    published = read_published(*args.published)
    table = quantisation_table(several, costs, published, args.suite, args.metric)
    ranked = [precision for precision in PRECISIONS if precision in table]
    write_table(table, f"quantisation {args.suite}", args.out, ranked)


if __name__ == "__main__":
    main()
