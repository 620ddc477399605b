"""Prompts: the text a model reads in place of a sentence (arXiv 2307.16645, section 3)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self, get_args

from sentscale.files import read_json

CleanUp = Literal["words", "sentence"]
Pooling = Literal["mean", "last", "text", "first", "mask", "own"]

SLOTS = ("text", "demo", "word")
_SLOT = re.compile("{(" + "|".join(SLOTS) + ")}")
# What looks like a slot: a slip in config.yaml, nothing to speak of in a demonstration's sentence.
ANY_SLOT = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class Representation:
    """A prompt with its pooling, the demonstration already filled in.

    Attributes:
        template: Text with the slot `{text}`, or several such texts: a sentence's
            vector is then the mean of theirs, as they are, not normalised before.
        clean_up: What is done to a sentence before it enters the template.
        pooling: "last": state of the last token; "mean": mean over all tokens;
            "text": mean over the sentence's tokens, where it ends the template; of
            its second copy if the slot is there twice. "first" and "mask": state of
            the first or the mask token of a model that attends to both sides. "own":
            what the model's authors trained for it, a pooler or modules of
            sentence-transformers.
    """

    template: str | list[str]
    clean_up: CleanUp
    pooling: Pooling

    def __post_init__(self) -> None:
        if self.clean_up not in get_args(CleanUp):
            raise ValueError(f"clean_up is {self.clean_up!r}, allowed: {get_args(CleanUp)}")
        if self.pooling not in get_args(Pooling):
            raise ValueError(f"pooling is {self.pooling!r}, allowed: {get_args(Pooling)}")
        for template in self.templates:
            if fault := fault_of(template, self.pooling):
                raise ValueError(f"template needs {fault}: {template!r}")

    @property
    def templates(self) -> list[str]:
        """The template, or the several."""
        return [self.template] if isinstance(self.template, str) else self.template

    @property
    def parts(self) -> list[Self]:
        """A representation for each template alone."""
        return [replace(self, template=template) for template in self.templates]

    @property
    def only(self) -> str:
        """The template.

        Raises:
            ValueError: There are several.
        """
        if len(self.templates) > 1:
            raise ValueError(
                f"one template is needed here; there are {len(self.templates)}, whose vectors are"
                f" averaged: {self.templates[0]!r}, ..."
            )
        return self.templates[0]

    @property
    def prefix(self) -> str:
        """What all prompts begin with."""
        return self.only.partition("{text}")[0].lstrip()

    def cleaned(self, sentence: str) -> str:
        """The sentence as it enters the template."""
        cleaned = join_words(sentence)
        return clean_sentence(cleaned) if self.clean_up == "sentence" else cleaned

    def prompt(self, sentence: str) -> str:
        """The whole text that the model reads for one sentence.

        The prompt is stripped after filling, as in the original.
        """
        return fill(self.only, {"text": self.cleaned(sentence)}).strip()


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


def fault_of(template: str, pooling: Pooling, slot: re.Pattern[str] = _SLOT) -> str | None:
    """What a template lacks; None if it is good.

    Args:
        template: With or without its demonstration.
        pooling: Of its representation.
        slot: What counts as one; `ANY_SLOT` where there is no demonstration in it yet.
    """
    slots = slot.findall(template)
    if pooling != "text":
        return None if slots == ["text"] else "the slot {text} once and no other"
    good = slots in (["text"], ["text", "text"]) and template.endswith("{text}")
    return None if good else "the slot {text} at its end, once more at most, and no other"


def slots_of(template: str) -> list[str]:
    """Names of the slots of a template, in order of appearance."""
    return _SLOT.findall(template)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into the slots that have one; other slots and braces stay.

    One pass, so a sentence that itself holds `{text}` is not filled again.
    """
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), template)
