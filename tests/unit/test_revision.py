import hashlib
import subprocess

from sentscale.revision import digest_of_code, git_revision


def test_code_has_one_digest(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/b.py").write_text("2")
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "notes.txt").write_text("3")
    assert digest_of_code(tmp_path) == hashlib.sha256(b"a.py\x001\x00lib/b.py\x002\x00").hexdigest()


def test_a_checkout_has_a_revision_and_may_differ_from_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_revision(tmp_path) == ""

    def git(*words):
        named = ["-c", "user.name=n", "-c", "user.email=e"]
        command = ["git", "-C", tmp_path, *named, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-m", "one")
    head = git("rev-parse", "HEAD")
    assert git_revision(tmp_path) == head
    (tmp_path / "a.py").write_text("2")
    assert git_revision(tmp_path) == f"{head} and changes that are not committed"


def test_no_git_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_revision(tmp_path) == ""
