"""Gather every score of a run in one tidy table."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.files import write_text
from sentscale.pages import table_page
from sentscale.tables import tidy_scores, write_csv


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="folder of the JSON files of scores")
    add("--encoders", nargs="+", required=True, help="model/adapter/precision/representation/suite")
    add("--suites", required=True, help="JSON: tasks of each suite")
    add("--scorers", required=True, help="JSON: folders of each suite's scores")
    add("--out", type=Path, required=True, help="scores.csv to write")
    add("--page", type=Path, required=True, help="the same as a web page")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One row for each score."""
    args = parse_args(argv)
    suites, scorers = json.loads(args.suites), json.loads(args.scorers)
    paths = [
        args.scores / scorer / cell.parent / f"{task}.json"
        for cell in map(Path, args.encoders)
        for scorer in scorers[cell.name]
        for task in suites[cell.name]
    ]
    scores = tidy_scores(paths)
    write_csv(args.out, scores)
    write_text(args.page, table_page(scores, "scores"))


if __name__ == "__main__":
    main()
