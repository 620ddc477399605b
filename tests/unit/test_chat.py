import dataclasses
import logging
import os
import socket
import time

import pytest
from chat_server import ChatServer, good, refusal

from sentscale.chat import Answer, Chat, Patience, ask
from sentscale.files import read_json

KEY = "Zx81-proj-secretQp"
CHAT = Chat("m-1", 'The word for "{text}" is', temperature=0.0, seed=7, max_tokens=5)
PATIENCE = Patience(concurrency=1, retries=0, timeout_s=5)
# Of this, in one line without a line end, by sha256sum: {"max_tokens":5,"messages":[{"content":
# "The word for \"ä {text}\" is","role":"user"}],"model":"m-1","seed":7,"temperature":0.0}
DIGEST = "ad9cfbfc159fce8666938bccf4922f96eab3707062cfc20f2135fe50fb0442f2"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("OPENAI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server(monkeypatch):
    running = ChatServer()
    monkeypatch.setenv("OPENAI_BASE_URL", running.url)
    yield running
    running.stop()


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_answers_come_in_the_order_of_the_sentences(server, tmp_path):
    server.plays["a"] = [refusal(503, "busy"), good("a")]  # the first answer comes last
    found = ask(CHAT, ["a", "b", "c"], tmp_path, Patience(3, 1, 5))
    assert found == [
        Answer("a indeed.", "r-a"),
        Answer("b indeed.", "r-b"),
        Answer("c indeed.", "r-c"),
    ]


def test_what_is_sent_is_the_prompt_as_one_message(server, tmp_path):
    ask(CHAT, ["ä {text}"], tmp_path, PATIENCE)
    message = {"role": "user", "content": 'The word for "ä {text}" is'}
    sent = {"model": "m-1", "messages": [message], "temperature": 0.0, "seed": 7, "max_tokens": 5}
    assert server.bodies == [("/v1/chat/completions", sent)]
    assert server.keys == [f"Bearer {KEY}"]


def test_a_response_becomes_one_file(server, tmp_path):
    ask(CHAT, ["ä {text}"], tmp_path / "new", PATIENCE)
    assert files(tmp_path) == [f"{DIGEST}.json"]
    assert read_json(tmp_path / "new" / f"{DIGEST}.json") == {
        "request": server.bodies[0][1],
        "text": "ä {text} indeed.",
        "response_id": "r-ä {text}",
        "model": "m-1-dated",
        "finish_reason": "stop",
        "system_fingerprint": "fp-9",
    }


def test_a_whole_number_is_the_same_temperature(server, tmp_path):
    for temperature in (0.0, 0):
        ask(dataclasses.replace(CHAT, temperature=temperature), ["a"], tmp_path, PATIENCE)
    assert server.asked == ["a"]


@pytest.mark.parametrize("text", ["", None])
def test_an_empty_answer_is_an_answer(server, tmp_path, text):
    server.plays["a"] = [good("a", content=text)]
    for _ in range(2):
        assert ask(CHAT, ["a"], tmp_path, PATIENCE) == [Answer("", "r-a")]
    assert server.asked == ["a"]


@pytest.mark.parametrize(
    "text", [" two  words\n", "I can't help with that.", "🎸", "{text} \\u00e9"]
)
def test_a_text_is_handed_back_as_it_is(server, tmp_path, text):
    server.plays["a"] = [good("a", content=text)]
    for _ in range(2):
        assert ask(CHAT, ["a"], tmp_path, PATIENCE)[0].text == text


def test_equal_sentences_are_asked_once(server, tmp_path):
    told = []
    found = ask(CHAT, ["a", "b", "a", "a"], tmp_path, PATIENCE, told.append)
    assert [answer.response_id for answer in found] == ["r-a", "r-b", "r-a", "r-a"]
    assert server.asked == ["a", "b"]
    assert told == [0, 3, 1]


def test_a_second_run_needs_neither_server_nor_key(server, tmp_path, monkeypatch):
    first = ask(CHAT, ["a", "b"], tmp_path, PATIENCE)
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setattr("openai.OpenAI", None)
    told = []
    found = ask(CHAT, ["b", "a", "b"], tmp_path, PATIENCE, told.append)
    assert found == [first[1], first[0], first[1]]
    assert told == [3]
    assert len(server.asked) == 2


def test_a_longer_list_asks_only_the_new_ones(server, tmp_path):
    ask(CHAT, ["a", "b"], tmp_path, PATIENCE)
    told = []
    found = ask(CHAT, ["c", "b", "a", "d"], tmp_path, PATIENCE, told.append)
    assert [answer.text[0] for answer in found] == ["c", "b", "a", "d"]
    assert server.asked == ["a", "b", "c", "d"]
    assert told == [2, 1, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"model": "m-2"},
        {"prompt": 'One word for "{text}" is'},
        {"temperature": 0.5},
        {"seed": 8},
        {"max_tokens": 6},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_question_is_asked_again(server, tmp_path, change):
    ask(CHAT, ["a"], tmp_path, PATIENCE)
    ask(dataclasses.replace(CHAT, **change), ["a"], tmp_path, PATIENCE)
    assert server.asked == ["a", "a"]
    assert len(files(tmp_path)) == 2


def test_another_patience_asks_nothing(server, tmp_path):
    ask(CHAT, ["a"], tmp_path, PATIENCE)
    ask(CHAT, ["a"], tmp_path, Patience(4, 9, 99))
    assert server.asked == ["a"]


@pytest.mark.parametrize("damage", [b"", b'{"request": {"mod', b"[]", b"\xff", b'{"text": "x"}'])
def test_a_damaged_file_is_asked_for_again(server, tmp_path, caplog, damage):
    ask(CHAT, ["a"], tmp_path, PATIENCE)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage)
    assert ask(CHAT, ["a"], tmp_path, PATIENCE) == [Answer("a indeed.", "r-a")]
    assert server.asked == ["a", "a"]
    assert path.read_bytes() == whole
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{path.name}: damaged" in caplog.text


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_requests_are_under_way_than_allowed(server, tmp_path, most):
    server.pauses_s = dict.fromkeys("abcdefghi", 0.05)
    ask(CHAT, list("abcdefghi"), tmp_path, Patience(most, 0, 5))
    assert server.most_open == most
    assert sorted(server.asked) == list("abcdefghi")


def test_a_busy_server_is_asked_again(server, tmp_path):
    busy = refusal(429, "slow down", Retry_After="0")
    server.plays["a"] = [busy, busy, good("a")]
    assert ask(CHAT, ["a"], tmp_path, Patience(1, 2, 5)) == [Answer("a indeed.", "r-a")]
    assert server.asked == ["a"] * 3


def test_the_pause_is_what_the_server_asks_for(server, tmp_path):
    server.plays["a"] = [refusal(429, "slow down", Retry_After="0.4"), good("a")]
    began = time.monotonic()
    ask(CHAT, ["a"], tmp_path, Patience(1, 1, 5))
    assert time.monotonic() - began >= 0.4  # without the header the pause is 0.01 s


FAILURES = {
    "key": (
        [refusal(401, f"Incorrect API key provided: {KEY}. See http://keys.example/x")],
        PermissionError,
        "m-1: the server refuses OPENAI_API_KEY (401): Incorrect API key provided: [...]",
    ),
    "masked": (
        [refusal(401, "Incorrect key provided: Zx81****secretQp. Try again")],
        PermissionError,
        "m-1: the server refuses OPENAI_API_KEY (401): Incorrect key provided: [...] Try again;",
    ),
    "forbidden": (
        [refusal(403, "Country not supported")],
        PermissionError,
        "m-1: the server refuses OPENAI_API_KEY (403): Country not supported;",
    ),
    "model": (
        [refusal(404, "The model `m-1` does not exist")],
        ValueError,
        "m-1: no such model, or a wrong path in OPENAI_BASE_URL (404): The model `m-1` does",
    ),
    "busy": (
        [refusal(429, "You exceeded your quota")],
        RuntimeError,
        "m-1: too many requests (429), also after 3 retries: You exceeded your quota;",
    ),
    "broken": (
        [(500, {}, {"detail": "out of memory"})],
        RuntimeError,
        "m-1: the server answers 'bad' with 500: {'detail': 'out of memory'};",
    ),
    "gateway": (
        [(502, {"Content-Type": "text/html"}, b"<html>" + b"bad gateway " * 500)],
        RuntimeError,
        "m-1: the server answers 'bad' with 502: <html>bad gateway bad",
    ),
    "unfit": (
        [refusal(400, "max_tokens is too large")],
        RuntimeError,
        "m-1: the server answers 'bad' with 400: max_tokens is too large;",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_keeps_what_came_and_says_what_happened(server, tmp_path, name):
    plays, kind, message = FAILURES[name]
    server.plays["bad"] = list(plays)
    told = []
    with pytest.raises(kind) as caught:
        ask(CHAT, ["a", "b", "bad", "c", "d"], tmp_path, Patience(1, 3, 5), told.append)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("; 2 of 5 answers are kept, run again to go on")
    assert len(str(caught.value)) < 450
    again = 4 if name in ("busy", "broken", "gateway") else 1
    assert server.asked == ["a", "b"] + ["bad"] * again  # neither c nor d
    assert len(files(tmp_path)) == 2
    assert told == [0, 1, 1]
    del server.plays["bad"], server.asked[:]
    ask(CHAT, ["a", "b", "bad", "c", "d"], tmp_path, PATIENCE)
    assert server.asked == ["bad", "c", "d"]


def test_what_is_under_way_at_a_failure_is_kept(server, tmp_path):
    server.pauses_s = {"a": 0.5, "c": 0.5}
    server.plays["b"] = [refusal(400, "no")]
    with pytest.raises(RuntimeError, match="2 of 9 answers are kept"):
        ask(CHAT, list("abcdefghi"), tmp_path, Patience(3, 0, 5))
    assert sorted(server.asked) == ["a", "b", "c"]  # the three that start together


@pytest.mark.parametrize(
    "reply",
    [
        {"id": "x", "choices": []},
        {"id": "x", "choices": None},
        {"id": "x"},
        {"id": "x", "choices": [{"message": None}]},
        {"id": "x", "choices": [{"message": {"content": ["part"]}}]},
        [],
        b"{",
        b"<html>A page</html>",
    ],
    ids=str,
)
def test_a_malformed_answer_names_its_sentence(server, tmp_path, reply):
    server.plays["bad one"] = [(200, {}, reply)]
    with pytest.raises(RuntimeError, match=r"answer to 'bad one' is malformed: .*1 of 2 answers"):
        ask(CHAT, ["a", "bad one"], tmp_path, PATIENCE)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("key", [None, "", "two words", "end\n", "ké"])
def test_without_a_key_nothing_is_asked(server, tmp_path, monkeypatch, key):
    ask(CHAT, ["a"], tmp_path, PATIENCE)
    monkeypatch.delenv("OPENAI_API_KEY")
    if key is not None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(PermissionError, match=r"no key: set OPENAI_API_KEY .*; 1 of 3 answers"):
        ask(CHAT, ["a", "b", "c"], tmp_path, PATIENCE)
    assert server.asked == ["a"]


def test_a_closed_port_is_an_error(server, tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}/v1")
    told = r"no connection; check OPENAI_BASE_URL: .*refused; 0 of 1 answers are kept"
    with pytest.raises(ConnectionError, match=told):
        ask(CHAT, ["a"], tmp_path, PATIENCE)


def test_a_slow_server_is_an_error_that_tells_the_limit(server, tmp_path):
    server.pauses_s = {"a": 0.6}
    with pytest.raises(ConnectionError, match=r"no answer within 0\.2 s \(timeout_s\).*0 of 1"):
        ask(CHAT, ["a"], tmp_path, Patience(1, 1, 0.2))
    assert server.asked == ["a", "a"]


def test_a_folder_that_cannot_be_written_is_an_error_of_the_disk(server, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(OSError, match=r"the answer to 'a' cannot be kept.*0 of 2 answers"):
        ask(CHAT, ["a", "b"], tmp_path / "cache", PATIENCE)
    assert server.asked == ["a"]


def test_no_secret_is_told_or_kept(server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    address = server.url.removeprefix("http://").removesuffix("/v1")
    echo = f"Bearer {KEY} at {server.url}, host 127.0.0.1, key {KEY}, sk-...-secretQp"
    echo += " " * 100 + "x" * (290 - len(echo)) + f" {KEY}"  # the quotation ends within the key
    server.plays["b"] = [refusal(503, echo), refusal(401, echo), good("b")]
    sentences = ["a", "b", "c"]
    with pytest.raises(PermissionError) as caught:
        ask(CHAT, sentences, tmp_path, Patience(2, 1, 5))
    ask(CHAT, sentences, tmp_path, Patience(2, 1, 5))
    chain = caught.value
    assert chain.__context__ is None  # a traceback would print it
    assert chain.__cause__ is None
    told = [str(chain), caplog.text, *(path.read_text() for path in tmp_path.iterdir())]
    assert "Retrying request" in caplog.text
    for text in told:
        for secret in ("Zx81", "secretQp", *address.split(":")):
            assert secret not in text


@pytest.mark.parametrize("key", ["x", "none", "EMPTY"])
def test_a_word_for_no_key_garbles_no_message(server, tmp_path, monkeypatch, key):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    server.plays["a"] = [refusal(400, f"next box {key}")]
    with pytest.raises(RuntimeError, match=r"with 400: next box \[\.\.\.\];"):
        ask(CHAT, ["a"], tmp_path, PATIENCE)


@pytest.mark.parametrize("prompt", ["no slot", "{text} {text}", "{text} {demo}"])
def test_a_prompt_without_exactly_one_slot_is_refused(prompt):
    with pytest.raises(ValueError, match="prompt needs the slot"):
        dataclasses.replace(CHAT, prompt=prompt)
