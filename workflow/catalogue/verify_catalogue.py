"""Ask the hub for every model and adapter that is pinned: is it there, and what it should be?"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pandas as pd
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled

from entries import Answer, Entry, ask, judge, read_entries, read_missing

AT_ONCE = 8


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--configs", type=Path, nargs="+", required=True, help="YAML, merged in this order")
    add("--missing", type=Path, required=True, help="table of what could not be pinned")
    return parser.parse_args(argv)


def row_of(entry: Entry, answer: Answer) -> dict[str, str]:
    """The line of an entry in the printed table."""
    return {
        "entry": entry.name,
        "repository": entry.repository,
        "commit": entry.revision[:12],
        "weights": answer.weights,
        "GB": f"{answer.gigabytes:.2f}" if answer.weights else "",
        "access": answer.access,
        "verdict": "; ".join(answer.faults) or "good",
    }


def newest(row: dict[str, str]) -> dict[str, str]:
    """The line of a repository that is not pinned."""
    info = ask(row["repository"], None)
    named = {"wanted as": row["wanted_as"], "repository": row["repository"]}
    return named | {"newest commit": info if isinstance(info, str) else info.sha}


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table of all entries, then what the hub has of those that are missing.

    Ends with 1 if an entry is wrong, or if the hub cannot be asked.
    """
    args = parse_args(argv)
    entries, missing = read_entries(args.configs), read_missing(args.missing)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            infos = pool.map(lambda entry: ask(entry.repository, entry.revision), entries)
            answers = [judge(*pair) for pair in zip(entries, infos, strict=True)]
            wanted = list(pool.map(newest, missing))
    except (httpx2.TransportError, OfflineModeIsEnabled) as error:
        sys.exit(
            f"No network: {constants.ENDPOINT} cannot be asked, nothing was verified ({error})"
        )
    rows = [row_of(*pair) for pair in zip(entries, answers, strict=True)]
    print(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))
    if wanted:
        print(f"\nNot pinned yet (why: {args.missing}):\n")
        print(pd.DataFrame(wanted).to_markdown(index=False, disable_numparse=True))
    wrong = sum(bool(answer.faults) for answer in answers)
    print(f"\n{len(entries) - wrong} of {len(entries)} entries are good.")
    if wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
