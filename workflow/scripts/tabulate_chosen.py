"""The demonstration that a search chose for each model, beside the one the paper prints."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sentscale.chosen import chosen_table, read_printed_choices
from sentscale.demonstrations import read_demonstrations
from sentscale.files import read_json
from sentscale.formats import write_table
from sentscale.reference import read_published
from sentscale.tables import read_ranking


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--choices", type=Path, nargs="+", required=True, help="choice.json of each model")
    add("--scores", type=Path, nargs="+", required=True, help="scores.tsv of each model")
    add("--models", nargs="+", required=True, help="their names, in the same order")
    add("--printed", type=Path, required=True, help="the paper's demonstrations")
    add("--list", type=Path, nargs="?", required=True, help="published list, if it was searched")
    add("--published", type=Path, nargs="+", required=True, help="encoders of printed rows, scores")
    add("--search", required=True, help="name of the search")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    choices = dict(zip(args.models, map(read_json, args.choices), strict=True))
    rankings = dict(zip(args.models, map(read_ranking, args.scores), strict=True))
    printed = read_printed_choices(
        args.printed, read_demonstrations(args.list) if args.list else None
    )
    table = chosen_table(choices, rankings, printed, read_published(*args.published))
    write_table(table, f"chosen demonstrations {args.search}", args.out)


if __name__ == "__main__":
    main()
