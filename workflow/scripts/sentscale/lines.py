"""Lines: encoders that differ in the size of their model only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

# Precisions that are not quantised, the widest first.
FULL = ("fp32", "bf16", "fp16")


class EncoderName(NamedTuple):
    """What names an encoder in tables, in the order of `tables.ENCODER`."""

    model: str
    precision: str
    representation: str
    adapter: str

    @classmethod
    def of(cls, model: str, adapter: str, precision: str, representation: str) -> Self:
        """From names as folders have them: there "none" is the adapter of a model as it comes."""
        return cls(model, precision, representation, "" if adapter == "none" else adapter)

    @property
    def place(self) -> str:
        """Folder of its vectors, and of all that is made of them."""
        return f"{self.model}/{self.adapter or 'none'}/{self.precision}/{self.representation}"


@dataclass(frozen=True)
class Line:
    """Encoders of one family, one for each model, by their number of parameters.

    Attributes:
        family, representation, adapter: Of all of them.
        precision: All of their precisions, the widest first, joined by ", ".
        encoders: The smallest first.
    """

    family: str
    representation: str
    adapter: str
    precision: str
    encoders: tuple[EncoderName, ...]


def size_lines(
    encoders: Sequence[EncoderName], families: Mapping[str, str], parameters: Mapping[str, int]
) -> list[Line]:
    """Sort encoders into lines, in the order of their first.

    A line has one precision. But the largest model is often run in 16 bit only, the others
    in 32: a model that lacks the widest precision of its family, representation and adapter
    stands in that line with its own widest, if it is not quantised.

    Args:
        encoders: Of a suite.
        families: Of each model.
        parameters: Of each model.

    Returns:
        Lines; none that is a part of another.
    """
    groups: dict[tuple[str, str, str], list[EncoderName]] = {}
    for one in encoders:
        groups.setdefault((families[one.model], one.representation, one.adapter), []).append(one)
    lines = []
    for key, members in groups.items():
        found = [set(line) for line in _by_precision(members).values()]
        for line in _by_precision(members).values():
            if not any(set(line) < other for other in found):
                ordered = sorted(line, key=lambda one: (parameters[one.model], one.model))
                names = dict.fromkeys(one.precision for one in line)
                lines.append(Line(*key, ", ".join(names), tuple(ordered)))
    return lines


def _by_precision(members: Sequence[EncoderName]) -> dict[str, list[EncoderName]]:
    """Members in each precision; in the widest also those that have none as wide."""
    there = dict.fromkeys(one.precision for one in members)
    full = [name for name in FULL if name in there]
    found = {
        name: [one for one in members if one.precision == name]
        for name in dict.fromkeys([*full, *there])
    }
    for name in full[1:]:
        models = {one.model for one in found[full[0]]}
        found[full[0]] += [one for one in found[name] if one.model not in models]
    return found
