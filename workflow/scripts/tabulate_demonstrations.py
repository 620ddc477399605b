"""The best and the worst demonstrations of a search, model by model."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sentscale.choice import TOLD
from sentscale.formats import write_table
from sentscale.tables import extremes, read_ranking


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, nargs="+", required=True, help="scores.tsv of each model")
    add("--models", nargs="+", required=True, help="their names, in the same order")
    add("--search", required=True, help="name of the search")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    tables = [
        extremes(read_ranking(path), TOLD).assign(model=model)
        for model, path in zip(args.models, args.scores, strict=True)
    ]
    columns = ["model", "rank", "word", "sentence", "origin", "line", "score", "low", "high"]
    table = pd.concat(tables)[[*columns, "chance"]]
    write_table(table, f"demonstrations {args.search}", args.out, digits={"chance": 3})


if __name__ == "__main__":
    main()
