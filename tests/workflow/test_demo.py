"""The commands of the README on real weights: the demo, and real data where it is."""

import json
import shutil
import time

import pytest
from chat_server import transformers_server
from harness import copy_workflow, make

from sentscale.chat import Chat, Patience, ask

# The figure of the original code (in fp32 on a CPU) with the same weights.
STSB_DEV = 67.04
TOPIC = """Topic of each sentence, in one word.
"People queued for bread." Hunger
"The ship went down." Shipwreck
"She sang all night." Music
"{text}\""""


@pytest.mark.slow
def test_the_demo_runs_from_start_to_end_and_once_more(tmp_path, capsys):
    flow = copy_workflow(tmp_path / "workflow")
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        output = make(flow.folder, "demo")
        seconds.append(time.monotonic() - began)
        table = (flow.folder / "results/tables/sample.md").read_text()
        assert table in output
        assert all(name in table for name in ("avg", "last", "prompt", "eol", "icl-sample"))
        assert (flow.folder / "results/report.html").exists()
    assert "Nothing to be done" in output
    benchmarks = (flow.folder / "results/benchmarks").rglob("*.tsv")
    peak = max(float(path.read_text().splitlines()[1].split("\t")[2]) for path in benchmarks)
    with capsys.disabled():
        print(f"\ndemo: {seconds[0]:.0f} s, again {seconds[1]:.1f} s, peak of a job {peak:.0f} MB")
    assert peak < 4000


@pytest.mark.slow
def test_smollm2_scores_on_stsb_dev_as_the_original_code_does(tmp_path, shared_data):
    flow = copy_workflow(tmp_path / "workflow")
    flow.flags += ["--configfile", "workflow/presets/sts.yaml"]
    flow.flags += ["--config", f"data={{mirror: {shared_data}}}"]
    score = "results/scores/sts/smollm2-135m/none/fp32/eol/STSB-dev.json"
    flow.run("--", score)
    scores = json.loads((flow.folder / score).read_text())
    assert scores["pairs"] == 1500
    assert round(scores["scores"]["spearman_all"]["value"], 2) == STSB_DEV


@pytest.mark.slow
def test_a_served_smollm2_answers(tmp_path, monkeypatch):
    flow = copy_workflow(tmp_path / "workflow")
    flow.run("--", "results/models/smollm2-135m/manifest.json")
    served = tmp_path / "served"
    shutil.copytree(flow.folder / "results/models/smollm2-135m/safetensors", served)
    # The server wants to know the class; the body's loader does not need it.
    config = json.loads((served / "config.json").read_text())
    (served / "config.json").write_text(
        json.dumps(config | {"architectures": ["LlamaForCausalLM"]})
    )
    monkeypatch.setenv("OPENAI_API_KEY", "Zx81-proj-secretQp")
    chat = Chat(model=str(served), prompt=TOPIC, temperature=0, max_tokens=8, seed=1111)
    sentences = ["A man rides a horse.", "The market fell on Monday."]
    kept, patience = tmp_path / "kept", Patience(concurrency=2, retries=0, timeout_s=120)
    with transformers_server(tmp_path / "serve.log") as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        first = ask(chat, sentences, kept, patience)
    # What it says differs from machine to machine; that it says something does not.
    assert all(answer.text.strip() and answer.response_id for answer in first)
    # The server is gone: what it said is kept.
    assert ask(chat, sentences, kept, patience) == first
    assert not [path for path in kept.iterdir() if b"secretQp" in path.read_bytes()]
