"""Draw the similarity of each sentence of a suite with each other."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.figures import Style, save_figure
from sentscale.heat_map import cosines, plot_heat_map
from sentscale.store import open_vectors


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--vectors", type=Path, nargs="+", required=True, help="npy of each encoder")
    add("--abouts", type=Path, nargs="+", required=True, help="JSON beside each")
    add("--made-from", required=True, help="JSON: model, prompt, adapter if any, of each")
    add("--encoders", nargs="+", required=True, help="their names, likewise")
    add("--sentences", type=Path, required=True, help="sentence list of the suite")
    add("--count", type=int, required=True, help="how many of them, from the first")
    add("--style", required=True, help="JSON: look of the figures")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    maps, shown = {}, []
    files = zip(args.encoders, args.vectors, args.abouts, json.loads(args.made_from), strict=True)
    for name, path, about, made_from in files:
        vectors, row = open_vectors(path, about, args.sentences, *map(Path, made_from))
        maps[name], shown = cosines(vectors[: args.count]), list(row)[: args.count]
    figure = plot_heat_map(maps, shown, Style(**json.loads(args.style)))
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
