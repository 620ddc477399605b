"""A model's files: one revision in the hub's own cache, and which of a folder are the model's."""

import re
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError

from sentscale.files import check_sha256, read_json

# Configuration and tokenizer; weights are asked for by their own pattern.
SMALL_FILES = ["*.json", "*.txt", "*.model", "*.jinja"]
IN_SUBFOLDERS = ["*/*"]
# What sentence-transformers puts behind a model's body is in subfolders that this file names.
MODULES = "modules.json"
MODULE_FILES = ["*.json", "*.safetensors"]


def fetch_files(repository: str, revision: str, small: list[str], kinds: list[str]) -> Path:
    """Fetch some files of one revision into the hub's own cache, or take them from there.

    Files of a blob store are named by their SHA-256: each is compared with its
    name, because the client compares sizes only.

    Args:
        repository: Owner and name.
        revision: A full commit id.
        small: Patterns of files that are always fetched.
        kinds: Patterns of weights. Only the first kind that is there is fetched.

    Returns:
        The folder in the cache, which may lack what the repository lacks.

    Raises:
        ValueError: A cached file is damaged.
        OSError: Offline and not in the cache, or no such repository (the client's message).
    """
    for kind in kinds:
        try:
            where = snapshot(repository, revision, [*small, kind])
        except LocalEntryNotFoundError as error:
            raise FileNotFoundError(f"{repository} at {revision}: {error}") from error
        if list(where.glob(kind)):
            break
    check_blobs(where)
    return where


def snapshot(
    repository: str,
    revision: str,
    patterns: list[str],
    *,
    ignored: Sequence[str] = IN_SUBFOLDERS,
    offline: bool = False,
) -> Path:
    """Folder of a revision in the hub's cache, after fetching what it lacks of some patterns."""
    found = snapshot_download(
        repository,
        revision=revision,
        allow_patterns=patterns,
        ignore_patterns=list(ignored),
        local_files_only=offline,
    )
    return Path(found)


def check_blobs(where: Path) -> None:
    """Compare a model's files in the hub's cache with the SHA-256 that they are named by.

    Raises:
        ValueError: A cached file is damaged.
    """
    for name in files_of(where):
        blob = (where / name).resolve().name
        if re.fullmatch("[0-9a-f]{64}", blob):
            check_sha256(where / name, blob)


def module_folders(folder: Path) -> list[str]:
    """Subfolders of sentence-transformers' modules; they may hold nothing, and then not exist.

    Raises:
        ValueError: modules.json names a place that is no subfolder.
    """
    listed = folder / MODULES
    names = [module["path"] for module in read_json(listed)] if listed.is_file() else []
    for name in filter(None, names):
        if Path(name).name != name:
            raise ValueError(f"{listed}: path {name!r} is no name of a subfolder")
    return list(filter(None, names))


def files_of(where: Path) -> list[str]:
    """Files of a model: those of its folder, and of its modules'."""
    folders = [where, *(where / name for name in module_folders(where))]
    files = [path for folder in folders for path in folder.glob("*") if path.is_file()]
    return sorted(path.relative_to(where).as_posix() for path in files)
