"""Rank the encoders of a suite on each task."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sentscale.draws import read_draws
from sentscale.formats import write_table
from sentscale.stability import rank_table


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--draws", type=Path, required=True, help="npy of resample_scores")
    add("--about", type=Path, required=True, help="JSON beside it")
    add("--suite", required=True, help="name of the suite")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    table = rank_table(read_draws(args.draws, args.about))
    write_table(table, f"ranks {args.suite}", args.out, digits={"first": 3})


if __name__ == "__main__":
    main()
