"""The command that asks the hub for what is pinned, against a hub on loopback."""

import json
import socket

import pytest
import yaml
from harness import ROOT
from verify_catalogue import main, parse_args

from entries import Entry, ask, judge, read_entries

OPT, LLAMA, ADAPTER = ("org/opt-1.3b", 40 * "a"), ("org/llama", 40 * "b"), ("org/lora", 40 * "c")
MODEL_FILES = {"config.json": 600, "tokenizer.json": 2_000_000}
GOOD = {
    OPT: MODEL_FILES | {"pytorch_model.bin": 2_600_000_000},
    LLAMA: MODEL_FILES
    | {
        "model-00001-of-00002.safetensors": 9_000_000_000,
        "model-00002-of-00002.safetensors": 4_500_000_000,
        # Not fetched, so not counted; what is in folders is not looked at.
        "pytorch_model-00001-of-00002.bin": 13_500_000_000,
        "original/consolidated.safetensors": 13_500_000_000,
    },
    ADAPTER: {"adapter_config.json": 400, "adapter_model.bin": 50_000_000},
}
LICENCE = {"id": "other", "name": "x"}


def model(hub, parameters, licence=LICENCE):
    source = {"hub": dict(zip(("repository", "revision"), hub, strict=True))}
    return {"parameters": parameters, "source": source, "licence": licence}


CATALOGUE = {
    "models": {
        "opt-1.3b": model(OPT, 1_300_000_000),
        "llama-7b": model(LLAMA, 6_600_000_000),
        "local": {"parameters": 1, "source": {"path": "here"}, "licence": LICENCE},
    }
}
CONFIG = {
    "adapters": {
        "mine": {"recipe": {}},
        "theirs": {
            "published": {"opt-1.3b": {"repository": ADAPTER[0], "revision": ADAPTER[1]}},
        },
    }
}


def tell(hub, what, sizes, licence=None, gated=False, sha=None, newest=False):
    """Have the hub answer for a repository at a commit."""
    repository, revision = what
    body = {
        "id": repository,
        "sha": sha or revision,
        "gated": gated,
        "cardData": {"license": licence} if licence else None,
        "siblings": [{"rfilename": name, "size": size} for name, size in sizes.items()],
    }
    place = f"/api/models/{repository}" + ("" if newest else f"/revision/{revision}")
    hub.server.answers.pop(place, None)
    hub.server.answer(place, json.dumps(body).encode(), content_type="application/json")


@pytest.fixture
def good_hub(hub):
    for what, sizes in GOOD.items():
        tell(hub, what, sizes, licence="other")
    return hub


@pytest.fixture
def verify(tmp_path, capsys):
    """Function that runs the command: exit code, rows of its tables by entry, all it printed."""
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(CATALOGUE))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    missing = tmp_path / "missing.tsv"
    missing.write_text("wanted_as\trepository\tcommit\twhy\n")

    def run():
        configs = [str(tmp_path / name) for name in ("models.yaml", "config.yaml")]
        code = 0
        try:
            main(["--configs", *configs, "--missing", str(missing)])
        except SystemExit as left:
            code = left.code
        out = capsys.readouterr().out
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines()]
        return code, {row[0]: row for row in cells if row}, out

    run.missing = missing
    return run


def test_a_good_catalogue_is_good(good_hub, verify):
    code, rows, out = verify()
    assert code == 0
    assert rows["opt-1.3b"][1:] == [OPT[0], 12 * "a", "bin", "2.60", "open", "good"]
    assert rows["llama-7b"][3:5] == ["safetensors", "13.50"]
    assert rows["theirs, opt-1.3b"][3:] == ["bin", "0.05", "open", "good"]
    assert "local" not in rows
    assert "3 of 3 entries are good." in out


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"x_error_code": "RevisionNotFound"}, "no such commit"),
        ({"x_error_code": "RepoNotFound"}, "gone, or private"),
        ({"x_error_code": "GatedRepo"}, "gated: accept its terms on the hub and log in"),
        ({"x_error_message": "Access to this resource is disabled."}, "disabled by the hub"),
        ({}, "the hub answers 404"),
    ],
)
def test_what_the_hub_does_not_give_is_told(good_hub, verify, error, told):
    place = f"/api/models/{LLAMA[0]}/revision/{LLAMA[1]}"
    del good_hub.server.answers[place]
    good_hub.server.answer(place, status=404, **error)
    code, rows, out = verify()
    assert code == 1
    assert rows["llama-7b"][3:] == ["", "", "", told]
    assert rows["opt-1.3b"][-1] == "good"
    assert "2 of 3 entries are good." in out


def test_a_gated_repository_is_good_and_told(good_hub, verify):
    tell(good_hub, LLAMA, GOOD[LLAMA], gated="manual")
    code, rows, _ = verify()
    assert code == 0
    assert rows["llama-7b"][5:] == ["gated", "good"]


@pytest.mark.parametrize(
    ("what", "change", "told"),
    [
        (OPT, {"sizes": MODEL_FILES}, "no *.safetensors or pytorch_model*.bin"),
        (OPT, {"sha": 40 * "d"}, f"answers with commit {40 * 'd'}"),
        (OPT, {"licence": "mit"}, "licence is mit, here other"),
        # A model of 125 million parameters in its place.
        (
            OPT,
            {"sizes": MODEL_FILES | {"pytorch_model.bin": 250_540_549}},
            "0.25 GB for 1,300,000,000 parameters",
        ),
        (ADAPTER, {"sizes": {"adapter_model.bin": 9}}, "no adapter_config.json"),
        (
            ADAPTER,
            {"sizes": GOOD[OPT]},
            "no adapter_config.json; no adapter_model.safetensors or adapter_model.bin",
        ),
        (
            OPT,
            {"sizes": {"pytorch_model.bin": 2_600_000_000}},
            "no config.json; no tokenizer.json or tokenizer.model or vocab.json or vocab.txt"
            " or spiece.model",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_told(good_hub, verify, what, change, told):
    tell(good_hub, what, **({"sizes": GOOD[what]} | change))
    code, rows, _ = verify()
    assert code == 1
    name = {OPT: "opt-1.3b", ADAPTER: "theirs, opt-1.3b"}[what]
    assert rows[name][-1] == told


def test_the_newest_commit_of_what_is_missing_is_told(good_hub, verify):
    with verify.missing.open("a") as file:
        file.write("baseline\torg/prompt\t1234567\tfull commit id not known\n")
        file.write("other\torg/gone\t\tfull commit id not known\n")
    tell(good_hub, ("org/prompt", 40 * "e"), {}, newest=True)
    good_hub.server.answer("/api/models/org/gone", status=404, x_error_code="RepoNotFound")
    code, rows, _ = verify()
    assert code == 0  # it is no entry
    assert rows["baseline"] == ["baseline", "org/prompt", 40 * "e"]
    assert rows["other"][-1] == "gone, or private"


def test_a_licence_that_the_hub_does_not_state_is_no_fault(good_hub):
    tell(good_hub, OPT, GOOD[OPT], licence=None)
    entry = Entry("x", "model", *OPT, parameters=1_300_000_000, licence="other")
    assert judge(entry, ask(*OPT)).faults == ()


def test_without_a_network_it_says_so(hub, verify, monkeypatch):
    from huggingface_hub import constants

    with socket.socket() as closed:  # bound, but nobody listens
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        code, rows, _ = verify()
    assert code.startswith(f"No network: {url} cannot be asked, nothing was verified (")
    assert not rows


def test_offline_it_says_so(hub_cache, verify):
    code, _, _ = verify()
    assert code.startswith("No network: ")


def test_the_shipped_files_are_read(capsys):
    from entries import read_entries, read_missing

    folder = ROOT / "workflow/catalogue"
    entries = read_entries([folder / "models.yaml", ROOT / "config.yaml"])
    assert {"opt-66b", "bert-base", "cse-published, opt-13b"} <= {one.name for one in entries}
    assert {"repository", "why"} <= read_missing(folder / "missing.tsv")[0].keys()
    with pytest.raises(SystemExit):
        parse_args(["--help"])
    assert "--missing" in capsys.readouterr().out


def test_make_gives_the_options():
    makefile = (ROOT / "Makefile").read_text()
    command = makefile.partition("verify_catalogue.py")[2].partition("\n\n")[0]
    named = command.replace("\\\n\t\t", "").split()
    args = parse_args(named)
    assert all((ROOT / path).is_file() for path in [*args.configs, args.missing])


@pytest.mark.parametrize("gone", ["licence", "source", "parameters", "revision"])
def test_an_entry_without_a_key_is_named(tmp_path, gone):
    entry = model(OPT, 1_300_000_000)
    (entry["source"]["hub"] if gone == "revision" else entry).pop(gone)
    (tmp_path / "models.yaml").write_text(yaml.safe_dump({"models": {"mine": entry}}))
    with pytest.raises(ValueError, match=f"models.mine lacks a key .*'{gone}'; it is "):
        read_entries([tmp_path / "models.yaml"])
