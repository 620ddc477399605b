"""Compare encoders of a suite that differ in one thing: size, prompt, adapter, precision."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.differences import Catalogue, comparison_table
from sentscale.draws import read_draws
from sentscale.formats import write_table


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--draws", type=Path, required=True, help="npy of resample_scores")
    add("--about", type=Path, required=True, help="JSON beside it")
    add("--suite", required=True, help="name of the suite")
    add("--catalogue", required=True, help="JSON: families, parameters, zero_shot, reference")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    catalogue = Catalogue(**json.loads(args.catalogue))
    table = comparison_table(read_draws(args.draws, args.about), catalogue)
    write_table(table, f"comparisons {args.suite}", args.out, digits={"reversed": 3})


if __name__ == "__main__":
    main()
