"""Fetch SentEval's data from the hub, pinned by a lock file."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.download import download_locked, extract


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--source", required=True, help="JSON: config.yaml's data.archive")
    add(
        "--lock",
        type=Path,
        required=True,
        help="pins revision and sha256; written on the first download",
    )
    add("--out", type=Path, required=True, help="folder to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Download, compare with the lock, unpack."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    archive = args.out.with_suffix(".tar")
    download_locked(json.loads(args.source), args.lock, archive)
    extract(archive, args.out, member="STS")
    archive.unlink()


if __name__ == "__main__":
    main()
