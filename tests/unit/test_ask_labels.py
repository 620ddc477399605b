"""Words from an endpoint, from the command to its tables."""

import json

import pytest
from ask_labels import main
from chat_server import ChatServer, good, refusal

from sentscale.demonstrations import read_demonstrations
from sentscale.pairs import Pair, write_table

KEY = "Zx81-proj-secretQp"
ENTRY = {"task": "T", "rows": 4, "seed": 7, "model": "m-1", "prompt": 'Word for "{text}":'}
ENTRY |= {"temperature": 0, "max_tokens": 5}
SENTENCES = [f"Sentence {i}." for i in range(12)]


@pytest.fixture
def endpoint(monkeypatch):
    running = ChatServer()
    for name, value in {"BASE_URL": running.url, "API_KEY": KEY}.items():
        monkeypatch.setenv(f"OPENAI_{name}", value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    running.plays = {text: [good(text, content=f"Word{letter}")] for text, letter in words()}
    yield running
    running.stop()


def words():
    return zip(SENTENCES, "abcdefghijkl", strict=True)


@pytest.fixture
def run(tmp_path):
    """Function that runs the command; gives the words of its table."""
    pairs = [Pair(text, "s", text, text, 1.0) for text in SENTENCES]
    write_table(tmp_path / "T.tsv", pairs)
    (tmp_path / "stop.txt").write_text("the\n")

    def ask(retries=0):
        patience = {"concurrency": 2, "retries": retries, "timeout_s": 5}
        options = {"task": tmp_path / "T.tsv", "settings": json.dumps(ENTRY)}
        options |= {"stop-words": tmp_path / "stop.txt", "responses": tmp_path / "responses"}
        options |= {"patience": json.dumps(patience), "out": tmp_path / "out.tsv"}
        options |= {"rejected": tmp_path / "rejected.tsv"}
        main([word for name, value in options.items() for word in (f"--{name}", str(value))])
        return read_demonstrations(tmp_path / "out.tsv")

    ask.folder = tmp_path
    return ask


def test_a_list_tells_where_everything_is_from(endpoint, run):
    found = run()
    assert len(found) == 4
    assert {one.sentence for one in found} <= set(SENTENCES)
    for one in found:
        assert one.word == f"Word{'abcdefghijkl'[SENTENCES.index(one.sentence)]}"
        assert (one.origin, one.generator, one.seed) == ("T", "m-1", "7")
        assert one.prompt == ENTRY["prompt"]
        assert one.response_id == f"r-{one.sentence}"


def test_unusable_answers_are_counted_listed_and_made_up_for(endpoint, run, caplog):
    asked_first = [one.sentence for one in run()]
    bad = ["I'm sorry, but I can't help with that.", "Two words", "🎉", ""]
    for text, answer in zip(asked_first, bad, strict=True):
        endpoint.plays[text] = [good(text, content=answer)]
    for path in (run.folder / "responses").iterdir():
        path.unlink()
    found = run()
    assert len(found) == 4
    assert not {one.sentence for one in found} & set(asked_first)
    rows = [line.split("\t") for line in (run.folder / "rejected.tsv").read_text().splitlines()]
    assert [row[:2] for row in rows[1:]] == [
        ["8 words", asked_first[0]],
        ["2 words", asked_first[1]],
        ["not only letters and inner hyphens", asked_first[2]],
        ["no word", asked_first[3]],
    ]
    assert "1 left out: 8 words" in caplog.text


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (refusal(429, "slow down"), RuntimeError, "too many requests"),
        (refusal(401, f"Incorrect API key provided: {KEY}"), PermissionError, "OPENAI_API_KEY"),
    ],
)
def test_a_failure_leaves_no_table_and_a_rerun_goes_on(endpoint, run, caplog, reply, kind, said):
    third = [one.sentence for one in run()][2]
    for path in (run.folder / "out.tsv", run.folder / "rejected.tsv"):
        path.unlink()
    whole = {path.name for path in (run.folder / "responses").iterdir()}
    for path in (run.folder / "responses").iterdir():
        path.unlink()
    endpoint.plays[third].insert(0, reply)
    endpoint.plays[third].append(endpoint.plays[third][-1])
    with pytest.raises(kind, match=said) as error:
        run()
    assert KEY not in str(error.value) + caplog.text
    assert not (run.folder / "out.tsv").exists()
    kept = {path.name for path in (run.folder / "responses").iterdir()}
    assert kept < whole
    endpoint.asked.clear()
    assert len(run()) == 4
    assert len(endpoint.asked) == 4 - len(kept)


def test_a_rerun_is_free_and_offline(endpoint, run, monkeypatch):
    first = run()
    monkeypatch.delenv("OPENAI_API_KEY")
    endpoint.asked.clear()
    assert run() == first
    assert endpoint.asked == []


def test_an_endpoint_that_is_down_leaves_no_table(endpoint, run, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(ConnectionError, match="0 of 4 answers are kept, run again"):
        run()
    assert not (run.folder / "out.tsv").exists()
