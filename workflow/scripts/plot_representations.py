"""Draw the score of a suite for each representation."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.bars import plot_representations
from sentscale.figures import Plot, save_figure
from sentscale.reference import read_published
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
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    plot = Plot.from_settings(json.loads(args.settings))
    published = read_published(*args.published)
    figure = plot_representations(read_scores(args.scores), published, plot)
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
