"""Candidate demonstrations: sentences of a task with words from a chat model's endpoint."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.chat import Chat, Patience, ask
from sentscale.demonstrations import Demonstration, label, tidy_word, write_lists
from sentscale.files import read_lines
from sentscale.pairs import read_pairs
from sentscale.progress import Progress
from sentscale.sampling import in_sample_order


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required. The client itself reads key and address of the endpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--task", type=Path, required=True, help="table of pairs that the sentences are from")
    add("--settings", required=True, help="JSON: config.yaml's entry of the list")
    add("--stop-words", type=Path, required=True, help="words that sum nothing up, one a line")
    add("--responses", type=Path, required=True, help="folder where every answer is kept")
    add("--patience", required=True, help="JSON: concurrency, retries, timeout_s")
    add("--out", type=Path, required=True, help="table to write: sentence, word, origin ...")
    add("--rejected", type=Path, required=True, help="table to write: what was left out, and why")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Ask for one word each until there are enough; answers that are kept are not asked again."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    entry = json.loads(args.settings)
    task, rows = entry.pop("task"), entry.pop("rows")
    chat, patience = Chat(**entry), Patience(**json.loads(args.patience))
    sentences = in_sample_order(read_pairs(args.task), chat.seed)
    about = task, chat.model, chat.prompt, str(chat.seed)
    with Progress(str(args.out), rows, "sentences") as progress:

        def words(some: Sequence[str]) -> list[Demonstration]:
            answers = ask(chat, some, args.responses, patience, progress.advance)
            return [
                Demonstration(sentence, tidy_word(answer.text), *about, answer.response_id)
                for sentence, answer in zip(some, answers, strict=True)
            ]

        good, bad = label(sentences, rows, words, frozenset(read_lines(args.stop_words)))
    write_lists(args.out, good, args.rejected, bad)


if __name__ == "__main__":
    main()
