"""Draw how far apart any two encoders of a suite are."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.figures import Style, save_figure
from sentscale.maps import plot_differences, read_differences


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--differences", type=Path, required=True, help="csv of tabulate_differences")
    add("--suite", required=True, help="name of the suite")
    add("--style", required=True, help="JSON: look of the figures")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    style = Style(**json.loads(args.style))
    figure = plot_differences(read_differences(args.differences), args.suite, style)
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
