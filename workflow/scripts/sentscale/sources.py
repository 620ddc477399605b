"""Where candidate demonstrations come from that need no language model."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sentscale.demonstrations import Demonstration, read_demonstrations, read_published, tidy_word
from sentscale.download import download
from sentscale.files import check_sha256
from sentscale.samples import read_samples
from sentscale.sampling import labelled_examples
from sentscale.wordnet import open_wordnet, read_definitions, sample_definitions


def obtain(
    source: dict[str, Any], files: Sequence[Path], mirror: Path | None
) -> list[Demonstration]:
    """Candidates of one list of config.yaml, not yet judged.

    Args:
        source: The list's entry: one key, its kind, and what the kind needs.
        files: Of kind `file` the user's table, of `combined` the tables of its lists,
            of `examples` the table of the task; else none.
        mirror: Folder of the data mirror; None downloads.

    Raises:
        ValueError: What is there is malformed or not what is pinned. Names file and line.
    """
    kind, entry = next(iter(source.items()))
    if kind == "published":
        return _published(entry, mirror)
    if kind == "file":
        found = read_demonstrations(files[0])
        return [replace(one, origin=one.origin or files[0].name) for one in found]
    if kind == "combined":
        return [one for path in files for one in read_demonstrations(path)][:: entry["every"]]
    if kind == "dictionary":
        return _dictionary(entry)
    return labelled_examples(read_samples(files[0]), **entry)


def _published(entry: dict[str, str], mirror: Path | None) -> list[Demonstration]:
    """The authors' list, from the mirror if there is one."""
    if mirror:
        check_sha256(mirror / entry["path"], entry["sha256"])
        return read_published(mirror / entry["path"])
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "published.txt"
        download(entry["url"], path, entry["sha256"])
        return read_published(path)


def _dictionary(entry: dict[str, Any]) -> list[Demonstration]:
    """Definitions and their headwords."""
    with tempfile.TemporaryDirectory() as name:
        folder = open_wordnet(entry["database"], Path(name))
        drawn = sample_definitions(
            read_definitions(folder), entry["parts"], tuple(entry["words"]), entry["seed"]
        )
    seed = str(entry["seed"])
    # With a final period, as most of the published definitions.
    return [
        Demonstration(
            f"{one.gloss}.", tidy_word(one.word), "WordNet", "dictionary", "", seed, one.synset
        )
        for one in drawn
    ]
