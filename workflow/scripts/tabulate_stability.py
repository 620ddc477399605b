"""Tell how far the tasks of a suite agree on which encoder is better."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.draws import read_draws
from sentscale.formats import write_table
from sentscale.stability import stability_table


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--draws", type=Path, required=True, help="npy of resample_scores")
    add("--about", type=Path, required=True, help="JSON beside it")
    add("--suite", required=True, help="name of the suite")
    add("--parameters", required=True, help="JSON: parameters of each model")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    draws = read_draws(args.draws, args.about)
    table = stability_table(draws, json.loads(args.parameters))
    digits = dict.fromkeys(("W", "low", "high"), 3)
    write_table(table, f"stability {args.suite}", args.out, digits=digits)


if __name__ == "__main__":
    main()
