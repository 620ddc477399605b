"""A copy of the workflow in a folder of its own, and how to run it."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from snakemake.utils import update_config

ROOT = Path(__file__).resolve().parents[1]
PARTS = ["Snakefile", "config.yaml", "Makefile", "workflow", "envs"]
# Not the one of .venv: a plain call must work without activation.
PATH = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if ".venv" not in p)


def configuration(folder=ROOT, preset=None):
    """The catalogue of models, config.yaml and a preset, merged as Snakemake does."""
    config = {}
    for path in ("workflow/catalogue/models.yaml", "config.yaml", preset):
        if path:
            update_config(config, yaml.safe_load((folder / path).read_text()))
    return config


class Workflow:
    """A folder with a copy of the workflow, and Snakemake in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flags = ["--workflow-profile", "workflow/profiles/local", "--cores", "2"]

    def command(self, *arguments):
        return [Path(sys.executable).with_name("snakemake"), *self.flags, *arguments]

    def snakemake(self, *arguments):
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=os.environ | {"PATH": PATH},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def run(self, *arguments):
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, *arguments):
        """Jobs of a dry run: {rule: count}, without the rule all."""
        output = self.run("--dry-run", *arguments)
        table = re.search(r"\njob +count\n-+ +-+\n(.*?)\ntotal ", output, re.DOTALL)
        if table is None:
            assert "Nothing to be done" in output, output
            return {}
        rows = (line.split() for line in table[1].splitlines())
        return {rule: int(count) for rule, count in rows if rule != "all"}

    def answers(self, presets):
        """What a dry run says to each preset; as many at once as there are cores."""

        def ask(number, preset):
            (self.folder / f"preset-{number}.yaml").write_text(yaml.safe_dump(preset))
            return self.snakemake("--dry-run", "--configfile", f"preset-{number}.yaml")

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = list(pool.map(ask, range(len(presets)), presets.values()))
        assert not (self.folder / "results").exists()
        return dict(zip(presets, found, strict=True))

    def edit(self, name, old, new):
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def copy(self, folder):
        shutil.copytree(self.folder, folder, copy_function=shutil.copy2)
        copied = Workflow(folder)
        copied.flags = self.flags
        return copied


def copy_workflow(folder):
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / part, ignore=ignore)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / part)
    return Workflow(folder)


def make(folder, *arguments):
    """Run make in a copy with the environment of these tests in place of its .venv."""
    binaries = Path(sys.executable).parent
    command = ["make", "--no-print-directory", *arguments, "ENV=", f"BIN={binaries}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
