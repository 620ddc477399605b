"""Draw how the training of an adapter went, model by model."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sentscale.curves import plot_training
from sentscale.figures import Style, save_figure


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--curves", type=Path, nargs="+", required=True, help="csv of train_adapter, of each model")
    add("--scores", type=Path, nargs="+", required=True, help="csv of choose_checkpoint, likewise")
    add("--models", nargs="+", required=True, help="their names, likewise")
    add("--suite", required=True, help="development suite")
    add("--style", required=True, help="JSON: look of the figures")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    runs = {
        model: (pd.read_csv(curve), pd.read_csv(scores))
        for model, curve, scores in zip(args.models, args.curves, args.scores, strict=True)
    }
    figure = plot_training(runs, args.suite, Style(**json.loads(args.style)))
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
