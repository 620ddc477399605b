"""Every script is a plain command: options in, files out."""

import hashlib
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
RULES = SCRIPTS.parent / "rules"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
ALL = pytest.mark.parametrize("name", NAMES)


def options(name):
    source = (SCRIPTS / f"{name}.py").read_text(encoding="utf-8")
    return set(re.findall(r'add\(\s*"(--[a-z0-9-]+)"', source))


def test_there_are_scripts():
    assert {"embed_sentences", "score_sts", "normalise_task"} <= set(NAMES)


@ALL
def test_help_tells_every_option(name, capsys):
    with pytest.raises(SystemExit) as left:
        importlib.import_module(name).main(["--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert options(name)
    assert options(name) <= set(re.findall(r"--[a-z0-9-]+", told))


@ALL
def test_every_option_is_required(name, capsys):
    with pytest.raises(SystemExit) as left:
        importlib.import_module(name).parse_args([])
    assert left.value.code == 2
    assert options(name) <= set(re.findall(r"--[a-z0-9-]+", capsys.readouterr().err))


@ALL
def test_a_script_is_short(name):
    assert len((SCRIPTS / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 80


@ALL
def test_a_rule_gives_exactly_the_options(name):
    rules = "\n".join(path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.smk")))
    (command,) = re.findall(
        rf"python (?:{{resources.launcher}} )?workflow/scripts/{name}\.py.*?\n\n",
        rules + "\n\n",
        re.DOTALL,
    )
    assert set(re.findall(r"--[a-z0-9-]+", command)) == options(name)


@pytest.mark.parametrize("name", ["tabulate_suite", "fill_representation"])
def test_a_script_runs_from_any_folder_without_an_install(name, tmp_path):
    command = [sys.executable, SCRIPTS / f"{name}.py", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--out" in done.stdout or "--csv" in done.stdout


def test_no_mirror_downloads_the_published_list(server, tmp_path):
    from collect_demonstrations import main

    body = (
        b'This_sentence_:_"a_cat."_means_in_one_word:"Cat".'
        b'This_sentence_:_"*sent_0*"_means_in_one_word:"\n'
    )
    source = {
        "path": "demonstrations/icl_examples.txt",
        "url": server.answer("/list.txt", body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    (tmp_path / "stop.txt").write_text("the\n")
    # The rule's `--mirror {resources.mirror:q}` has no value where no mirror is set.
    main(
        [
            *("--source", json.dumps({"published": source}), "--files", "--mirror"),
            *("--stop-words", str(tmp_path / "stop.txt"), "--out", str(tmp_path / "t.tsv")),
            *("--rejected", str(tmp_path / "r.tsv")),
        ]
    )
    assert "a cat.\tCat\tpublished" in (tmp_path / "t.tsv").read_text()
    assert server.asked == ["/list.txt"]
