"""Candidate demonstrations: sentences of a task with words from a local language model."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.demonstrations import Demonstration, fault, label, tidy_word, write_lists
from sentscale.files import read_lines
from sentscale.labels import LocalLabeller
from sentscale.pairs import read_pairs
from sentscale.progress import Progress
from sentscale.sampling import in_sample_order
from sentscale.weights import open_weights


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--weights", type=Path, required=True, help="manifest of the model")
    add("--task", type=Path, required=True, help="table of pairs that the sentences are from")
    add("--settings", required=True, help="JSON: config.yaml's entry of the list")
    add("--stop-words", type=Path, required=True, help="words that sum nothing up, one a line")
    add("--threads", type=int, required=True, help="CPU threads")
    add("--gpus", type=int, required=True, help="0 computes on the CPU")
    add("--out", type=Path, required=True, help="table to write: sentence, word, origin ...")
    add("--rejected", type=Path, required=True, help="table to write: what was left out, and why")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Load the model once, go through the sentences until there are enough words."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    entry = json.loads(args.settings)
    stop_words = frozenset(read_lines(args.stop_words))
    labeller = LocalLabeller(
        open_weights(args.weights), entry["precision"], entry["prompt"], args.gpus, args.threads
    )
    sentences = in_sample_order(read_pairs(args.task), entry["seed"])
    about = entry["task"], f"{entry['model']} {entry['precision']}", entry["prompt"]
    with Progress(str(args.out), entry["rows"], "sentences") as progress:

        def ask(some: Sequence[str]) -> list[Demonstration]:
            found = []
            for sentence in some:

                def usable(word: str, sentence: str = sentence) -> bool:
                    return fault(Demonstration(sentence, tidy_word(word)), stop_words) is None

                word = tidy_word(labeller.word(sentence, usable))
                found.append(Demonstration(sentence, word, *about, str(entry["seed"])))
                progress.advance(1)
            return found

        good, bad = label(sentences, entry["rows"], ask, stop_words)
    write_lists(args.out, good, args.rejected, bad)


if __name__ == "__main__":
    main()
