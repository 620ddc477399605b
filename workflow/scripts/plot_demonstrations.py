"""Draw how the candidates of a search score, model by model."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.figures import Style, save_figure
from sentscale.files import read_json
from sentscale.histograms import plot_demonstrations
from sentscale.tables import read_ranking


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, nargs="+", required=True, help="scores.tsv of each model")
    add("--choices", type=Path, nargs="+", required=True, help="choice.json of each, likewise")
    add("--models", nargs="+", required=True, help="their names, likewise")
    add("--suite", required=True, help="development suite")
    add("--style", required=True, help="JSON: look of the figures")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    searched = {
        model: (read_ranking(scores), read_json(choice))
        for model, scores, choice in zip(args.models, args.scores, args.choices, strict=True)
    }
    figure = plot_demonstrations(searched, args.suite, Style(**json.loads(args.style)))
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
