"""Draw the score of every layer on a suite, a line for each encoder."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.figures import Style, save_figure
from sentscale.layer_figure import plot_layers
from sentscale.layer_tables import read_layers


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, nargs="+", required=True, help="tsv of score_layers of each encoder")
    add("--encoders", nargs="+", required=True, help="model/adapter/precision/representation")
    add("--suite", required=True, help="what was scored")
    add("--style", required=True, help="JSON: look of the figures")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    layers = read_layers(args.scores, args.encoders)
    figure = plot_layers(layers, args.suite, Style(**json.loads(args.style)))
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
