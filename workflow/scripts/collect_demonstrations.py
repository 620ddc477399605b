"""Obtain a list of candidate demonstrations and sort out what cannot be one."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.demonstrations import sort_out, write_lists
from sentscale.files import read_lines
from sentscale.sources import obtain


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", required=True, help="JSON: config.yaml's entry of the list")
    add("--files", type=Path, nargs="*", required=True, help="tables that the source names")
    add("--mirror", type=Path, nargs="?", required=True, help="data mirror, or nothing")
    add("--stop-words", type=Path, required=True, help="words that sum nothing up, one a line")
    add("--out", type=Path, required=True, help="table to write: sentence, word, origin ...")
    add("--rejected", type=Path, required=True, help="table to write: what was left out, and why")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Read, download or draw; judge; write."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    found = obtain(json.loads(args.source), args.files, args.mirror)
    good, bad = sort_out(found, frozenset(read_lines(args.stop_words)), frozenset())
    write_lists(args.out, good, args.rejected, bad)


if __name__ == "__main__":
    main()
