"""List the files of a model folder that the user has."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.weights import write_manifest


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", required=True, help="JSON: the catalogue's source entry")
    add("--out", type=Path, required=True, help="manifest of the model")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Hash what is there."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    write_manifest(args.out, json.loads(args.source), folder=None)


if __name__ == "__main__":
    main()
