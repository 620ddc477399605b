"""Obtain a list of candidate demonstrations and check it."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.demonstrations import obtain_demonstrations, write_demonstrations

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", required=True, help="JSON: config.yaml's entry of the list")
    add("--mirror", type=Path, nargs="?", required=True, help="data mirror, or nothing")
    add("--out", type=Path, required=True, help="table to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Copy or download, check, write."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    found = obtain_demonstrations(json.loads(args.source), args.mirror)
    write_demonstrations(args.out, found)
    log.info("%d demonstrations", len(found))


if __name__ == "__main__":
    main()
