"""What goes beside every result: versions and digests."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from sentscale.files import sha256_of


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Installed version of each package, and Python's own."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def digests(**paths: Path | None) -> dict[str, str]:
    """SHA-256 of each named file; None is left out."""
    return {name: sha256_of(path) for name, path in paths.items() if path is not None}
