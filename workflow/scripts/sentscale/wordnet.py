"""Definitions of common words from WordNet's database files (man page wndb(5WN))."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from sentscale.download import download, extract
from sentscale.files import read_lines

Part = Literal["noun", "verb", "adjective", "adverb"]
PARTS: tuple[Part, ...] = get_args(Part)
# Ending of a part's two files, and the types of its synsets. The first type is the letter
# of the part; s is a satellite, an adjective that leans on another one.
_FILES = dict(zip(PARTS, [("noun", "n"), ("verb", "v"), ("adj", "as"), ("adv", "r")], strict=True))
_INDEX = re.compile(
    r"(?P<word>\S+) (?P<type>[nvar]) (?P<senses>\d+) (?P<kinds>\d+)(?P<pointers>(?: \S+)*?)"
    r" (?P=senses) (?P<tagged>\d+)(?P<offsets>(?: \d{8})+)"
)
_DATA = re.compile(
    r"(?P<offset>\d{8}) \d\d (?P<type>[nvasr])"
    r" (?P<count>[0-9a-f]{2})(?P<words>(?: \S+ [0-9a-f])+?)"
    r" (?P<links>\d{3})(?P<pointers>(?: \S+ \d{8} [nvasr] [0-9a-f]{4})*)"
    r"(?: (?P<uses>\d\d)(?P<frames>(?: \+ \d\d [0-9a-f]{2})+))?"
    r" \| (?P<gloss>.+)"
)
_MARKER = re.compile(r"\((a|p|ip)\)$")  # where an adjective may stand
_WORD = re.compile(r"(?=.{3})[a-z]+(-[a-z]+)*")
_LABEL = re.compile(r"(\([^()]*\)\s*)+")  # "(botany) ", "(of a person) "
# Neither digits, parentheses nor full stops ("e.g.", "etc."): rare in the paper's definitions.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z ,'-]*[A-Za-z]")
# Glosses that say how a word is used, not what it means; ethnic slurs are among them.
_ABOUT_USE = re.compile(
    r"^(used|especially|primarily|usually|often|of an?|of \w+s) "
    r"|\b(term|name|word)s? (for|of address)\b|--"
)


@dataclass(frozen=True)
class Definition:
    """One synset's definition and the first of its words.

    Attributes:
        gloss: The definition as the database has it, without label and examples.
        word: The headword, in lower case.
        part: Part of speech.
        synset: Letter of the part and offset, such as "n00001740".
    """

    gloss: str
    word: str
    part: Part
    synset: str


def open_wordnet(source: Mapping[str, str], workspace: Path) -> Path:
    """Folder that holds the database files.

    Args:
        source: `folder`, taken as it is; or `url` and `sha256` of a tar that has the
            files in any folder of it.
        workspace: Where that tar is downloaded and unpacked.

    Raises:
        ValueError: The tar is not the pinned one, is unsafe, or lacks the files.
        RuntimeError: The server refuses, or stays unreachable.
    """
    if "folder" in source:
        return Path(source["folder"])
    archive, folder = workspace / "wordnet.tar.gz", workspace / "wordnet"
    download(source["url"], archive, source["sha256"])
    extract(archive, folder, "data.noun")
    return folder


def read_definitions(folder: Path) -> Iterator[Definition]:
    """Definitions of common words, in the order of data.noun, data.verb, data.adj, data.adv.

    The paper's are of words that people know, in their main sense. Hence a headword
    that occurs in WordNet's tagged text, and its first sense, in the part of speech
    in which most of its senses occur there. So each headword comes once.

    A headword is one word of at least three letters, none a capital. Of a gloss the
    first definition counts; it is left out if it holds the headword or a quotation,
    or tells the word's use instead of its meaning.

    Raises:
        ValueError: A malformed line. Names file and line.
        FileNotFoundError: A file is missing. Names it.
    """
    main_sense = _main_senses(folder)
    for part in PARTS:
        ending, types = _FILES[part]
        for line in _lines(folder / f"data.{ending}", _DATA, types, _data_adds_up):
            word = _MARKER.sub("", line["words"].split()[0])
            synset = types[0] + line["offset"]
            if _WORD.fullmatch(word) and main_sense.get(word) == synset:
                gloss = _first_definition(line["gloss"])
                if gloss and not re.search(rf"\b{word}\b", gloss, re.IGNORECASE):
                    yield Definition(gloss, word, part, synset)


def sample_definitions(
    definitions: Iterable[Definition], parts: Mapping[str, int], words: tuple[int, int], seed: int
) -> list[Definition]:
    """Draw definitions without replacement, so many of each part of speech, and shuffle them.

    Each part has its own stream of random numbers: another quota of one part leaves
    the others' draws as they are, and a larger quota keeps what a smaller one drew.

    Args:
        definitions: What to draw from; its order matters.
        parts: Quota of each part of speech; a part that is not named has none.
        words: Fewest and most words of a definition.
        seed: Seed of the draws and of the order.

    Raises:
        ValueError: An unknown part, or fewer definitions than its quota.
    """
    if unknown := set(parts) - set(PARTS):
        raise ValueError(f"unknown parts of speech {sorted(unknown)}, known are {PARTS}")
    fewest, most = words
    fitting = [one for one in definitions if fewest <= len(one.gloss.split()) <= most]
    drawn: list[Definition] = []
    for stream, part in enumerate(PARTS):
        pool, wanted = [one for one in fitting if one.part == part], parts.get(part, 0)
        if not 0 <= wanted <= len(pool):
            raise ValueError(
                f"{part}: wanted {wanted} definitions of {fewest} to {most} words,"
                f" found {len(pool)}"
            )
        order = np.random.default_rng([seed, stream]).permutation(len(pool))
        drawn += [pool[i] for i in order[:wanted]]
    return [drawn[i] for i in np.random.default_rng(seed).permutation(len(drawn))]


def _main_senses(folder: Path) -> dict[str, str]:
    best: dict[str, tuple[int, str]] = {}
    for ending, types in _FILES.values():
        for line in _lines(folder / f"index.{ending}", _INDEX, types, _index_adds_up):
            tagged, word = int(line["tagged"]), line["word"]
            if tagged > best.get(word, (0, ""))[0]:
                best[word] = tagged, types[0] + line["offsets"].split()[0]
    return {word: synset for word, (_, synset) in best.items()}


def _lines(
    path: Path, pattern: re.Pattern[str], types: str, adds_up: Callable[[re.Match[str]], bool]
) -> Iterator[re.Match[str]]:
    for number, line in enumerate(read_lines(path), start=1):
        if line.startswith("  "):  # the licence
            continue
        match = pattern.fullmatch(line.rstrip())
        if not match or match["type"] not in types or not adds_up(match):
            raise ValueError(f"{path}:{number}: not a line of WordNet: {line[:100]!r}")
        yield match


def _index_adds_up(line: re.Match[str]) -> bool:
    found = [len(line[name].split()) for name in ("pointers", "offsets")]
    return found == [int(line["kinds"]), int(line["senses"])]


def _data_adds_up(line: re.Match[str]) -> bool:
    found = [len((line[name] or "").split()) for name in ("words", "pointers", "frames")]
    # The number of words is hexadecimal, the two others are decimal.
    return found == [2 * int(line["count"], 16), 4 * int(line["links"]), 3 * int(line["uses"] or 0)]


def _first_definition(gloss: str) -> str | None:
    meaning, quote, _ = gloss.partition('"')
    if quote and not meaning.rstrip().endswith((";", ":")):
        return None  # the quotation is part of the definition
    first = _LABEL.sub("", meaning, count=1) if meaning.startswith("(") else meaning
    first = first.partition(";")[0].strip().removesuffix(":")
    return first if _PLAIN.fullmatch(first) and not _ABOUT_USE.search(first) else None
