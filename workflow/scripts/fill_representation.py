"""Write a representation with its demonstrations filled in."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.demonstrations import picked, with_shots
from sentscale.files import write_json

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--prompt", required=True, help="JSON: shot, template, clean_up, pooling")
    add("--choice", type=Path, nargs="?", required=True, help="choice of a search, or nothing")
    add("--list", type=Path, nargs="?", required=True, help="table of demonstrations, or nothing")
    add("--lines", type=int, nargs="*", required=True, help="lines of the table, from 1")
    add("--best", type=int, nargs="?", required=True, help="how many of a search's best")
    add("--out", type=Path, required=True, help="JSON to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Fill, check, write."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    shots = picked(args.choice, args.best, args.list, args.lines)
    filled = with_shots(json.loads(args.prompt), shots)
    told = [{"sentence": one.sentence, "word": one.word} for one in shots] or None
    write_json(args.out, vars(filled) | {"demonstration": told})
    log.info("template: %s", filled.template)


if __name__ == "__main__":
    main()
