"""Draw the score of a suite against the size of the models."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.figures import Plot, save_figure
from sentscale.reference import read_published
from sentscale.sizes import plot_scaling
from sentscale.tables import read_scores


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--published", type=Path, nargs="+", required=True, help="encoders of printed rows, scores")
    add("--settings", required=True, help="JSON: what a figure shows, see sentscale.figures.Plot")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    plot = Plot.from_settings(json.loads(args.settings))
    published = read_published(*args.published)
    figure = plot_scaling(read_scores(args.scores), published, plot)
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
