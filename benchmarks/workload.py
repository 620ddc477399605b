"""The job that is measured: a ninth of the seven STS tests, or a part of a demonstration search."""

import csv
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from sentscale.prompts import Representation

STS = ["STS12", "STS13", "STS14", "STS15", "STS16", "STSB", "SICKR"]
BATCH = 16  # of the original in its mode `test`


@dataclass(frozen=True)
class Work:
    """The same share of a job, as the original meets it and as we do.

    Attributes:
        batches: The original's batches of prompts: each side of each pair on its own.
        prompts: Distinct prompts.
        prefix: What the prompts begin with.
    """

    batches: list[list[str]]
    prompts: list[str]
    prefix: str

    def round(self, number: int, rounds: int) -> "Work":
        """One of `rounds` equal shares, so that contenders take turns on a noisy machine."""
        return Work(self.batches[number::rounds], self.prompts[number::rounds], self.prefix)

    @property
    def slots(self) -> list[str]:
        """Prompts with their repetitions."""
        return [prompt for batch in self.batches for prompt in batch]


def read_work(folder: Path, tasks: list[str], form: Representation, share: int) -> Work:
    """One of `share` batches of the original's, and one of `share` distinct sentences.

    Whole batches, because sampling sentences first would change their padding; a
    sample of sentences of its own, because a pair's duplicates lie anywhere.
    The original sorts the pairs of a subset by the words of their first side.
    """
    batches, distinct = [], {}
    for task in tasks:
        path = folder / f"{task}.tsv"
        with path.open(encoding="utf-8", newline="") as file:
            pairs = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        for _, subset in groupby(pairs, key=lambda pair: pair["subset"]):
            ordered = sorted(subset, key=lambda pair: [len(pair[s].split()) for s in SIDES])
            for start in range(0, len(ordered), BATCH):
                for side in SIDES:
                    batches.append([form.prompt(p[side]) for p in ordered[start : start + BATCH]])
        distinct |= dict.fromkeys(form.prompt(pair[side]) for pair in pairs for side in SIDES)
    return Work(batches[::share], list(distinct)[::share], form.prefix)


SIDES = ("left", "right")
