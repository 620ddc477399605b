"""Draw how the variance of vectors spreads over principal components."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.figures import Plot, save_figure
from sentscale.spectra import plot_spectra, read_spectra


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--measures", type=Path, required=True, help="folder of the JSON files of geometry")
    add("--encoders", nargs="+", required=True, help="model/adapter/precision/representation")
    add("--settings", required=True, help="JSON: what a figure shows, see sentscale.figures.Plot")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    plot = Plot.from_settings(json.loads(args.settings))
    paths = [args.measures / name / f"{plot.suite}.json" for name in args.encoders]
    figure = plot_spectra(read_spectra(paths), plot)
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
