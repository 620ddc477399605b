"""Which code made a page."""

import hashlib
import shutil
import subprocess
from pathlib import Path


def digest_of_code(folder: Path) -> str:
    """SHA-256 over all Python files of a folder, by path."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def git_revision(folder: Path) -> str:
    """Commit of a folder's checkout, and whether files differ from it; "" where there is none."""
    if shutil.which("git") is None:
        return ""
    head, state = (
        subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False)
        for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "."])
    )
    if head.returncode or state.returncode:
        return ""
    return head.stdout.strip() + (" and changes that are not committed" if state.stdout else "")
