"""In-context demonstrations: a sentence and the one word that sums it up."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from sentscale.files import read_json, read_lines, write_text
from sentscale.prompts import Representation, fill, slots_of

log = logging.getLogger(__name__)

# The authors' list: one filled template a line, spaces written as underscores.
_PUBLISHED = re.compile(
    r'This sentence : "(?P<sentence>[^"]+)" means in one word:"(?P<word>[^"]+)"\.'
    r'This sentence : "\*sent 0\*" means in one word:"'
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")  # letters of any script, inner hyphens
# Sentences asked for each candidate wanted, before a model is given up.
PATIENCE = 5
# What a language model puts around its word.
_AROUND = " \t\r\n\"'`*“”‘’.,:;!"


@dataclass(frozen=True)
class Demonstration:
    """One candidate: its sentence as it stands in the list, its word, and where both are from.

    Attributes:
        sentence: Enters the prompt as it is.
        word: Likewise.
        origin: What the sentence is from: a task, a dictionary, a file.
        generator: What found the word.
        prompt: What a language model was asked, with the slot `{text}`.
        seed: Of the sampling.
        response_id: The endpoint's name of the answer; of a definition its synset.
    """

    sentence: str
    word: str
    origin: str = ""
    generator: str = ""
    prompt: str = ""
    seed: str = ""
    response_id: str = ""


@dataclass(frozen=True)
class Rejected:
    """A candidate that cannot be one, and why."""

    demonstration: Demonstration
    reason: str


COLUMNS = tuple(field.name for field in fields(Demonstration))


def read_demonstrations(path: Path) -> list[Demonstration]:
    """Read a table with the columns sentence and word, and any of the others.

    Raises:
        ValueError: Header, number of fields or an empty sentence or word, with its line.
    """
    lines = read_lines(path)
    header = lines[0].split("\t") if lines else []
    if not {"sentence", "word"} <= set(header) <= set(COLUMNS) or len(header) > len(set(header)):
        raise ValueError(
            f"{path}:1: header is {lines[:1]}, expected sentence, word and none or more of"
            f" {', '.join(COLUMNS[2:])}, separated by tabs"
        )
    found = []
    for number, line in enumerate(lines[1:], start=2):
        values = dict(zip(header, line.split("\t"), strict=False))
        if line.count("\t") != len(header) - 1 or not all(
            values[name].strip() for name in ("sentence", "word")
        ):
            raise ValueError(
                f"{path}:{number}: need {', '.join(header)}, with a sentence and a word: {line!r}"
            )
        found.append(Demonstration(**values))
    if not found:
        raise ValueError(f"{path}: no demonstration")
    return found


def read_published(path: Path) -> list[Demonstration]:
    """Read the authors' list: one filled PromptEOL template a line, `_` for a space.

    Raises:
        ValueError: A line that is not of this form, with its number.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line and number > 1:
            continue
        match = _PUBLISHED.fullmatch(line.replace("_", " "))
        if not match:
            raise ValueError(f"{path}:{number}: not a filled demonstration template: {line!r}")
        found.append(Demonstration(match["sentence"], match["word"], "published"))
    return found


def tidy_word(answer: str) -> str:
    """A model's answer without quotes and stops around it, its first letter a capital.

    As in the published list; nothing inside is touched, so two words stay two.
    """
    word = answer.strip(_AROUND)
    return word[:1].upper() + word[1:]


def fault(one: Demonstration, stop_words: frozenset[str]) -> str | None:
    """Why a candidate cannot be a demonstration; None if it can."""
    if not one.word:
        return "no word"
    if len(one.word.split()) > 1:
        return f"{len(one.word.split())} words"
    if not _WORD.fullmatch(one.word):
        return "not only letters and inner hyphens"
    if one.word.lower() in stop_words:
        return "a stop word"
    if '"' in one.sentence:  # it would end the template's quotation
        return "a double quote in the sentence"
    if slots_of(one.sentence):
        return "a slot of a template in the sentence"
    return None


def sort_out(
    candidates: Iterable[Demonstration], stop_words: frozenset[str], taken: frozenset[str]
) -> tuple[list[Demonstration], list[Rejected]]:
    """Candidates that can be demonstrations, and the others with their reason.

    Args:
        candidates: Of two with the same sentence, the first is kept.
        stop_words: In lower case.
        taken: Sentences that are candidates already.
    """
    seen = set(taken)
    good: list[Demonstration] = []
    bad: list[Rejected] = []
    for one in candidates:
        reason = fault(one, stop_words)
        if reason is None and one.sentence in seen:
            reason = "the sentence is there already"
        if reason is None:
            seen.add(one.sentence)
            good.append(one)
        else:
            bad.append(Rejected(one, reason))
    return good, bad


def label(
    sentences: Sequence[str],
    rows: int,
    ask: Callable[[Sequence[str]], list[Demonstration]],
    stop_words: frozenset[str],
) -> tuple[list[Demonstration], list[Rejected]]:
    """Ask for words until there are enough good ones.

    Args:
        sentences: In the order in which they are taken.
        rows: Candidates wanted.
        ask: Gives a candidate for each of some sentences.
        stop_words: In lower case.

    Raises:
        ValueError: There are not enough after `PATIENCE` times as many sentences as
            candidates wanted, or after all of them. Counts the reasons.
    """
    sentences = sentences[: PATIENCE * rows]
    good: list[Demonstration] = []
    bad: list[Rejected] = []
    asked = 0
    while len(good) < rows:
        if asked == len(sentences):
            reasons = Counter(one.reason for one in bad)
            counts = ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
            raise ValueError(
                f"{rows} demonstrations wanted, only {len(good)} of {asked} sentences got a"
                f" usable word; left out: {counts}"
            )
        some = sentences[asked : asked + rows - len(good)]
        asked += len(some)
        taken = frozenset(one.sentence for one in good)
        for found, more in zip((good, bad), sort_out(ask(some), stop_words, taken), strict=True):
            found.extend(more)
    return good, bad


def with_shots(prompt: dict[str, Any], shots: Sequence[Demonstration]) -> Representation:
    """A representation with its demonstrations filled in, in front of its template.

    Args:
        prompt: `shot` (slots `{demo}` and `{word}`), `template` (or several), `clean_up`,
            `pooling`.
        shots: In the order in which they stand in the prompt; none is no demonstration.
    """
    filled = [fill(prompt["shot"], {"demo": one.sentence, "word": one.word}) for one in shots]
    template = prompt["template"]
    if isinstance(template, str):
        template = "".join([*filled, template])
    else:
        template = ["".join([*filled, one]) for one in template]
    return Representation(template, prompt["clean_up"], prompt["pooling"])


def picked(
    choice: Path | None, best: int | None, table: Path | None, lines: Sequence[int]
) -> list[Demonstration]:
    """The demonstrations of a representation, in their order in the prompt.

    Args:
        choice: JSON of a search: its best are taken, the best one last, next to the text.
        best: How many of them.
        table: A list of demonstrations, if there is no search.
        lines: Which of its rows, from 1.

    Raises:
        ValueError: The search or the list has fewer.
    """
    if choice:
        ranking = read_json(choice)["ranking"][:best]
        if len(ranking) < (best or 0):
            raise ValueError(f"{choice}: {best} demonstrations wanted, {len(ranking)} are there")
        return [Demonstration(one["sentence"], one["word"]) for one in reversed(ranking)]
    if not table:
        return []
    found = read_demonstrations(table)
    for line in lines:
        if line > len(found):
            raise ValueError(f"{table}: demonstration {line} wanted, the list has {len(found)}")
    return [found[line - 1] for line in lines]


def write_demonstrations(path: Path, demonstrations: Sequence[Demonstration]) -> None:
    """Write the table that `read_demonstrations` reads, with all columns.

    A prompt of several lines becomes one line; sentence and word are as they are.
    """
    rows = [_line(one) for one in demonstrations]
    write_text(path, "\n".join(["\t".join(COLUMNS), *rows]) + "\n")


def write_lists(
    out: Path, good: Sequence[Demonstration], rejected: Path, bad: Sequence[Rejected]
) -> None:
    """Write candidates and what is none, with the reason in front; count the reasons in the log.

    Raises:
        ValueError: There is no candidate.
    """
    reasons = Counter(one.reason for one in bad)
    if not good:
        raise ValueError(f"{out}: no candidate is left of {len(bad)}: {dict(reasons)}")
    for reason, count in reasons.most_common():
        log.warning("%d left out: %s; see %s", count, reason, rejected)
    log.info("%s: %d demonstrations", out, len(good))
    rows = [f"{one.reason}\t{_line(one.demonstration)}" for one in bad]
    write_text(rejected, "\n".join(["\t".join(["reason", *COLUMNS]), *rows]) + "\n")
    write_demonstrations(out, good)


def _line(one: Demonstration) -> str:
    """A row of a table; what may hold tabs and line ends loses them."""
    values = (
        " ".join(value.split()) if set(value) & set("\t\n") else value for value in astuple(one)
    )
    return "\t".join(values)
