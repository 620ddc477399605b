"""The best layer of each encoder on a suite, beside its last one."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sentscale.formats import write_table
from sentscale.layer_tables import choice_table, read_layers
from sentscale.tables import with_training_set


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, nargs="+", required=True, help="tsv of score_layers of each encoder")
    add("--encoders", nargs="+", required=True, help="model/adapter/precision/representation")
    add("--suite", required=True, help="what was scored")
    add("--training-sets", required=True, help="JSON: what each adapter was trained on")
    add("--out", type=Path, nargs="+", required=True, help="tables to write: csv, md, tex, html")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The same table in each format."""
    args = parse_args(argv)
    table = choice_table(read_layers(args.scores, args.encoders))
    table = with_training_set(table, json.loads(args.training_sets), {})
    write_table(table, f"layers {args.suite}", args.out, digits={"chance": 3})


if __name__ == "__main__":
    main()
