"""Fit the score of a suite against the size of the models, line by line."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.draws import read_draws
from sentscale.formats import write_table
from sentscale.tables import write_csv
from sentscale.trends import trends


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--draws", type=Path, required=True, help="npy of resample_scores")
    add("--about", type=Path, required=True, help="JSON beside it")
    add("--suite", required=True, help="name of the suite")
    add("--families", required=True, help="JSON: family of each model")
    add("--parameters", required=True, help="JSON: parameters of each model")
    add("--curves", type=Path, required=True, help="csv to write: fitted scores with a band")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The curves, and a table of what they are."""
    args = parse_args(argv)
    draws = read_draws(args.draws, args.about)
    table, curves = trends(draws, json.loads(args.families), json.loads(args.parameters))
    write_csv(args.curves, curves)
    write_table(table, f"trends {args.suite}", args.out)


if __name__ == "__main__":
    main()
