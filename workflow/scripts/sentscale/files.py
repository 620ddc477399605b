"""Files that are complete or absent, and their digests."""

import glob
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A job writes what it has computed at least once a day; if not, it was killed.
LEFT_AFTER_S = 24 * 3600


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` that takes its name only when all went well.

    The sibling may become a file or a folder. Its name is its own: a cluster may run a
    job twice at once, when it lost sight of the first one, and neither writes into what
    the other gives its name to. What killed jobs left is removed when it is a day old.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sibling = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield sibling
        if sibling.is_file():
            with sibling.open("rb") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            shutil.rmtree(path)
        sibling.replace(path)
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            with suppress(FileNotFoundError):  # the other job has just given it its name
                if left.stat().st_mtime < time.time() - LEFT_AFTER_S:
                    remove(left)
    finally:
        remove(sibling)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write JSON that people can read. NaN and infinity raise ValueError."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write one array as npy, without pickle."""
    with written_whole(path) as part, part.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises ValueError that names the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error})") from error


def read_lines(path: Path) -> list[str]:
    """Read UTF-8 lines, split at line feeds and nowhere else.

    `str.splitlines` would also split at control characters such as U+0085, which
    sentences of STS15 contain.
    """
    text = path.read_bytes().decode("utf-8")
    if not text:
        return []
    if not text.endswith("\n"):
        raise ValueError(f"{path}: no line feed at the end; the file is cut short")
    return text[:-1].split("\n")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Raise ValueError if the file's digest is another than the pinned one."""
    found = sha256_of(path)
    if found != expected:
        remedy = "if it is damaged, delete it and run again"
        raise ValueError(f"{path}: sha256 is {found}, expected {expected}; {remedy}")


def sync(folder: Path) -> None:
    """Wait until the files of a folder, and their names, are on the disk."""
    for path in [*folder.iterdir(), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
