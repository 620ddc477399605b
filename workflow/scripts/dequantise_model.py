"""Turn a GGUF file into a safetensors folder in fp32."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.weights import dequantise, write_manifest


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--gguf", type=Path, required=True, help="GGUF file")
    add("--source", required=True, help="JSON: the catalogue's source entry")
    add("--folder", type=Path, required=True, help="safetensors folder to write")
    add("--out", type=Path, required=True, help="manifest of the model")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Convert, then list what was made."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    dequantise(args.gguf, args.folder)
    write_manifest(args.out, json.loads(args.source), args.folder)


if __name__ == "__main__":
    main()
