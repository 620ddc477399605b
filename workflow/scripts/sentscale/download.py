"""Downloads that are verified before they appear under their final name."""

import logging
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from huggingface_hub import hf_hub_url

from sentscale.files import (
    check_sha256,
    read_json,
    remove,
    sha256_of,
    write_json,
    written_whole,
)
from sentscale.progress import Progress

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
TIMEOUT_S = 30
RETRIES = 4
_TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504}
_TRANSIENT = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class TransientError(Exception):
    """The server answered, but asks to come back later or broke off."""


def download(url: str, path: Path, sha256: str | None, *, backoff_s: float = 2.0) -> None:
    """Stream a file to `path`, which exists only once it is whole and verified.

    Connection errors, broken streams and busy servers are tried again `RETRIES`
    times, waiting `backoff_s`, then twice as long each time.

    Args:
        url: What to fetch.
        path: Where it goes.
        sha256: Expected digest; None if it is not known yet.
        backoff_s: First wait in seconds.

    Raises:
        ValueError: Wrong digest, or a web page in place of a file.
        RuntimeError: The server refuses, or stays unreachable. Names the URL.
    """

    def once() -> None:
        with written_whole(path) as part:
            _stream(url, part, path.name)
            if sha256 is not None:
                check_sha256(part, sha256)

    _patiently(once, url, backoff_s)


def newest_revision(url: str, *, backoff_s: float = 2.0) -> str:
    """Commit id that a hub's file of branch `main` belongs to now.

    Raises:
        RuntimeError: The hub refuses, or stays unreachable. Names the URL.
    """

    def once() -> str:
        answer = requests.head(url, timeout=TIMEOUT_S, allow_redirects=False)
        _check_status(answer)
        if "x-repo-commit" not in answer.headers:
            raise RuntimeError(f"{url}: the answer tells no commit; is this a model hub?")
        return answer.headers["x-repo-commit"]

    return _patiently(once, url, backoff_s)


def _patiently(action: Callable[[], Any], url: str, backoff_s: float) -> Any:
    attempt = 0
    while True:
        try:
            return action()
        except (*_TRANSIENT, TransientError) as error:
            if attempt == RETRIES:
                tried = f"{url}: gave up after {RETRIES + 1} attempts: {error}"
                raise RuntimeError(tried) from error
            wait = backoff_s * 2**attempt
            log.warning("%s: %s; trying again in %.0f s", url, error, wait)
            time.sleep(wait)
            attempt += 1


def _check_status(answer: requests.Response) -> None:
    if answer.status_code in _TRANSIENT_STATUS:
        raise TransientError(f"HTTP {answer.status_code}")
    if not answer.ok:
        raise RuntimeError(f"{answer.url}: HTTP {answer.status_code} {answer.reason}")


def _stream(url: str, part: Path, name: str) -> None:
    with requests.get(url, stream=True, timeout=TIMEOUT_S) as answer:
        _check_status(answer)
        if answer.headers.get("content-type", "").startswith("text/html"):
            raise ValueError(f"{url}: got a web page, not a file")
        expected = int(answer.headers.get("content-length", 0))
        with part.open("wb") as file, Progress(name, expected, "B", scale=True) as progress:
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
                progress.advance(len(chunk))
    if "content-encoding" not in answer.headers and expected > part.stat().st_size:
        raise TransientError(f"{part.stat().st_size} of {expected} bytes arrived")


def download_locked(source: dict[str, str | None], lock: Path, path: Path) -> None:
    """Download a file of a hub data set whose digest no source states.

    The first download writes revision and SHA-256 into the lock file; every later
    one asks for that revision and must give that digest.

    Args:
        source: `repository`, `file` and `revision`; None takes the newest revision
            on the first download.
        lock: Small JSON file, meant to be committed.
        path: Where the file goes.

    Raises:
        ValueError: The lock pins another revision, or the digest differs.
        RuntimeError: The hub cannot be reached.
    """
    pinned = read_json(lock) if lock.exists() else dict(source) | {"sha256": None}
    if any(pinned[key] != value for key, value in source.items() if value is not None):
        raise ValueError(
            f"{lock} pins {pinned}, config.yaml asks for {source}; delete one of the two"
        )
    repository, file = pinned["repository"], pinned["file"]
    if pinned["revision"] is None:
        newest = hf_hub_url(repository, file, repo_type="dataset", revision="main")
        pinned["revision"] = newest_revision(newest)
    url = hf_hub_url(repository, file, repo_type="dataset", revision=pinned["revision"])
    download(url, path, pinned["sha256"])
    if pinned["sha256"] is None:
        write_json(lock, pinned | {"sha256": sha256_of(path)})
        log.info("%s: revision and sha256 pinned from now on", lock)


def extract(archive: Path, folder: Path, member: str) -> None:
    """Unpack a tar so that `folder` directly holds `member`, wherever the tar has it.

    Uses tarfile's `data` filter: no absolute paths, links out of the folder or
    special files.

    Raises:
        ValueError: The archive is damaged or unsafe, or has no such member.
    """
    unpacked = folder.with_name(f".{folder.name}.unpacked")
    remove(unpacked)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        found = min(unpacked.rglob(member), key=lambda path: len(path.parts), default=None)
        if found is None:
            raise ValueError(f"{archive}: holds no folder {member}")
        with written_whole(folder) as part:
            found.parent.replace(part)
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"{archive}: cannot be unpacked: {error}") from error
    finally:
        remove(unpacked)
