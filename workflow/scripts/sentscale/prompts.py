"""Prompts: the text a model reads in place of a sentence (arXiv 2307.16645, section 3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from sentscale.files import read_json

CleanUp = Literal["words", "sentence"]
Pooling = Literal["mean", "last", "first", "mask", "own"]

SLOTS = ("text", "demo", "word")
_SLOT = re.compile("{(" + "|".join(SLOTS) + ")}")


@dataclass(frozen=True)
class Representation:
    """A prompt with its pooling, the demonstration already filled in.

    Attributes:
        template: Text with exactly one slot `{text}`.
        clean_up: What is done to a sentence before it enters the template.
        pooling: "last": state of the last token; "mean": mean over all tokens;
            "first" and "mask": state of the first or the mask token of a model
            that attends to both sides; "own": what the model's authors trained for
            it, a pooler or modules of sentence-transformers.
    """

    template: str
    clean_up: CleanUp
    pooling: Pooling

    def __post_init__(self) -> None:
        if slots_of(self.template) != ["text"]:
            raise ValueError(
                f"template needs the slot {{text}} once and no other: {self.template!r}"
            )
        if self.clean_up not in get_args(CleanUp):
            raise ValueError(f"clean_up is {self.clean_up!r}, allowed: {get_args(CleanUp)}")
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"pooling is {self.pooling!r}, allowed: {get_args(Pooling)}")

    @property
    def prefix(self) -> str:
        """What all prompts begin with."""
        return self.template.partition("{text}")[0].lstrip()

    def prompt(self, sentence: str) -> str:
        """The whole text that the model reads for one sentence.

        The prompt is stripped after filling, as in the original.
        """
        cleaned = join_words(sentence)
        if self.clean_up == "sentence":
            cleaned = clean_sentence(cleaned)
        return fill(self.template, {"text": cleaned}).strip()


def read_representation(path: Path) -> Representation:
    """Read the JSON that the rule fill_representation writes."""
    fields = read_json(path)
    return Representation(fields["template"], fields["clean_up"], fields["pooling"])


def join_words(line: str) -> str:
    """Words joined by single spaces: step 1 of the clean-up (docs/protocol.md)."""
    return " ".join(line.split())


def clean_sentence(text: str) -> str:
    """Steps 2 to 4 of the paper's clean-up, in the order of the authors' code.

    A sentence gets a final period unless it ends in one of `. ? " '`; then double
    quotes become single ones; then a final question mark becomes a period. An
    empty text stays empty.
    """
    if text and text[-1] not in ".?\"'":
        text += "."
    text = text.replace('"', "'")
    if text.endswith("?"):
        text = text[:-1] + "."
    return text


def slots_of(template: str) -> list[str]:
    """Names of the slots of a template, in order of appearance."""
    return _SLOT.findall(template)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into the slots that have one; other slots and braces stay.

    One pass, so a sentence that itself holds `{text}` is not filled again.
    """
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), template)
