"""Fetch SimCSE's triplets of natural-language inference from the hub, pinned by a lock file."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.download import download_locked


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", required=True, help="JSON: config.yaml's data.training")
    add(
        "--lock",
        type=Path,
        required=True,
        help="pins revision and sha256; written on the first download",
    )
    add("--out", type=Path, required=True, help="CSV file to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Download, compare with the lock."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    download_locked(json.loads(args.source), args.lock, args.out)


if __name__ == "__main__":
    main()
