"""Tell how far apart any two encoders of a suite are, task by task."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from sentscale.differences import all_differences
from sentscale.draws import read_draws
from sentscale.tables import write_csv


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--draws", type=Path, required=True, help="npy of resample_scores")
    add("--about", type=Path, required=True, help="JSON beside it")
    add("--out", type=Path, required=True, help="csv to write: a row for each pair and task")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Every pair once, the earlier encoder less the later one."""
    args = parse_args(argv)
    write_csv(args.out, all_differences(read_draws(args.draws, args.about)))


if __name__ == "__main__":
    main()
