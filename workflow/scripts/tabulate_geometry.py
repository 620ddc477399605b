"""Lay out how the vectors of each encoder of a suite lie."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sentscale.formats import write_table
from sentscale.measures import geometry_table


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--measures", type=Path, required=True, help="folder of the JSON files of geometry")
    add("--encoders", nargs="+", required=True, help="model/adapter/precision/representation")
    add("--suite", required=True, help="name of the suite")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    paths = [args.measures / name / f"{args.suite}.json" for name in args.encoders]
    digits = dict.fromkeys(("mean_cosine", "first_component", "alignment"), 3)
    write_table(geometry_table(paths), f"geometry {args.suite}", args.out, digits=digits)


if __name__ == "__main__":
    main()
