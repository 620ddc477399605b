"""One set of versions: pyproject.toml, requirements.lock, the conda files, .venv."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"pytorch": "torch"}


def plain(name):
    return name.lower().replace("_", "-")


def lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    return {plain(name): version for name, version in (pin.split("==") for pin in pins)}


def test_the_lock_pins_what_pyproject_asks_for():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pins = lock()
    for name, version in (one.split("==") for one in wanted):
        assert pins[plain(name)] == version


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_conda_files_have_the_minor_versions_of_the_lock(name):
    pins = lock()
    *pinned, last = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text())["dependencies"]
    pinned += last["pip"] if isinstance(last, dict) else [last]
    for one in pinned:
        if one == "pip" or one.startswith("python="):
            continue
        package, version = re.split("=+", one)
        found = pins[plain(CONDA_NAMES.get(package, package))]
        assert (found + ".").startswith(version + "."), one


def make(folder, *arguments):
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_make_help_lists_every_target():
    targets = re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = make(ROOT, "help").stdout
    assert targets
    for target in targets:
        assert f"make {target} " in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "PRESET=papers"], "PRESET is papers; known: "),
        (["plan", "PROFILE=slum"], "PROFILE is slum; known: "),
        (["mteb", "PRESET=papers"], "PRESET is papers; known: "),
        (["export", "MODEL=m", "ADAPTER=none", "PRESET=papers"], "PRESET is papers; known: "),
        (["export", "MODEL=m", "ADAPTER=none", "WEIGHTS=all"], "WEIGHTS is all; known: merged"),
    ],
)
def test_make_names_what_is_not_there(arguments, told):
    done = make(ROOT, *arguments, "ENV=", "BIN=/nowhere")
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_environment_that_others_share_is_not_emptied(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").write_text("# none\n")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/installed.lock").write_text("# of an older one\n")
    os.utime(tmp_path / "shared/installed.lock", (0, 0))
    (tmp_path / ".venv").symlink_to("shared")
    done = make(tmp_path, "install")
    assert done.returncode != 0
    assert ".venv is a link to shared" in done.stdout
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["installed.lock"]


@pytest.mark.slow
def test_an_unfinished_or_outdated_installation_is_made_anew(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    pins = tmp_path / "requirements.lock"
    pins.write_text("iniconfig==2.3.0\n")
    assert make(tmp_path, "install").returncode == 0
    package = next((tmp_path / ".venv").rglob("iniconfig/__init__.py"))
    assert "Nothing to be done" in make(tmp_path, "install").stdout
    # As an interrupted pip leaves it: the package looks installed, but is broken.
    (tmp_path / ".venv/installed.lock").unlink()
    package.unlink()
    assert make(tmp_path, "install").returncode == 0
    assert package.exists()
    pins.write_text("iniconfig==2.3.1\n")
    assert make(tmp_path, "install").returncode == 0
    assert list((tmp_path / ".venv").rglob("iniconfig-2.3.1.dist-info"))
    pins.write_text("no-such-package-of-sentscale==1\n")
    assert make(tmp_path, "install").returncode != 0
    assert make(tmp_path, "install").returncode != 0
