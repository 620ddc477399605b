"""Answers of a chat model that is reached through OpenAI's protocol, each kept in a file."""

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import openai

from sentscale.files import read_json, write_json
from sentscale.prompts import fill, slots_of

log = logging.getLogger(__name__)

QUOTED_CHARACTERS = 300
# Addresses, and keys as servers echo them: "sk-...", "abcd***wxyz", "Bearer ...".
_PRIVATE = re.compile(r"\w[\w.+-]*://\S*|\bsk-\S+|\S*\*{3,}\S*|\bbearer\s+\S+", re.IGNORECASE)
_REFUSALS = (openai.AuthenticationError, openai.PermissionDeniedError)
# What the client raises, what the user gets. The first that fits counts.
_ERRORS: tuple[tuple[Any, type[Exception], str], ...] = (
    (openai.APITimeoutError, ConnectionError, "no answer within {timeout:g} s (timeout_s)"),
    (openai.APIConnectionError, ConnectionError, "no connection; check OPENAI_BASE_URL"),
    (_REFUSALS, PermissionError, "the server refuses OPENAI_API_KEY ({status})"),
    (openai.NotFoundError, ValueError, "no such model, or a wrong path in OPENAI_BASE_URL (404)"),
    (openai.RateLimitError, RuntimeError, "too many requests (429), also after {retries} retries"),
    (openai.APIStatusError, RuntimeError, "the server answers {sentence!r} with {status}"),
    (ValueError, RuntimeError, "the server's answer to {sentence!r} is malformed"),
    (OSError, OSError, "the answer to {sentence!r} cannot be kept"),
)


@dataclass(frozen=True)
class Chat:
    """What is asked of a chat model; every field may change an answer."""

    model: str
    prompt: str  # with one slot {text} for the sentence; the only message
    temperature: float
    seed: int
    max_tokens: int

    def __post_init__(self) -> None:
        if slots_of(self.prompt) != ["text"]:
            raise ValueError(f"prompt needs the slot {{text}} once and no other: {self.prompt!r}")

    def request(self, sentence: str) -> dict[str, Any]:
        """All that is sent for one sentence."""
        message = {"role": "user", "content": fill(self.prompt, {"text": sentence})}
        sampling = {"temperature": float(self.temperature), "seed": self.seed}
        named = {"model": self.model, "messages": [message], "max_tokens": self.max_tokens}
        return named | sampling


@dataclass(frozen=True)
class Patience:
    """How hard and how long a server is asked; changes no answer."""

    concurrency: int  # requests under way at once
    retries: int  # of each request, after pauses that grow or that the server asks for
    timeout_s: float


@dataclass(frozen=True)
class Answer:
    """What the model wrote ("" if nothing), and the server's name for the response."""

    text: str
    response_id: str


def ask(
    chat: Chat,
    sentences: Sequence[str],
    cache: Path,
    patience: Patience,
    advance: Callable[[int], None] = lambda sentences: None,
) -> list[Answer]:
    """Answers in the order of the sentences. What is in the cache is not asked again.

    Each response becomes a file of `cache` at once, so a run that failed goes on where it
    stopped. The client reads server and key from the environment (OPENAI_BASE_URL,
    OPENAI_API_KEY); with all answers in the cache it needs neither. `advance` is told,
    in the caller's thread, how many more sentences have their answer.

    Raises:
        PermissionError, ConnectionError, ValueError, RuntimeError, OSError: See `_ERRORS`.
    """
    times = Counter(sentences)
    requests = {sentence: chat.request(sentence) for sentence in times}
    kept = {sentence: _kept(_path(cache, requests[sentence])) for sentence in times}
    answers = {sentence: answer for sentence, answer in kept.items() if answer is not None}
    missing = {sentence: requests[sentence] for sentence in times if sentence not in answers}
    advance(sum(times[sentence] for sentence in answers))
    failure = None
    if missing:
        log.info("%d answers are kept from before, %d to ask for", len(answers), len(missing))
        for sentence, outcome in _outcomes(missing, cache, patience):
            if isinstance(outcome, Answer):
                answers[sentence] = outcome
                advance(times[sentence])
            else:
                failure = failure or outcome
    if failure is not None:
        count = sum(times[sentence] for sentence in answers)
        so_far = f"{count} of {len(sentences)} answers are kept, run again to go on"
        # Outside a handler, so no traceback shows the client's own error: it may hold the key.
        raise type(failure)(f"{chat.model}: {failure}; {so_far}")
    return [answers[sentence] for sentence in sentences]


def _path(cache: Path, request: Mapping[str, Any]) -> Path:
    text = json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return cache / f"{hashlib.sha256(text.encode()).hexdigest()}.json"


def _kept(path: Path) -> Answer | None:
    """The answer that an earlier run kept, if its file is whole."""
    if not path.exists():
        return None
    try:
        kept = read_json(path)
        return Answer(kept["text"], kept["response_id"])
    except (ValueError, KeyError, TypeError):
        log.warning("%s: damaged, is asked for again", path)
        return None


def _outcomes(
    missing: Mapping[str, dict[str, Any]], cache: Path, patience: Patience
) -> Iterator[tuple[str, Answer | Exception]]:
    """Ask for each sentence. After a failure no more are sent; those under way still end."""
    # These log addresses. The client itself does not: at INFO it tells that it tries again.
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        client = openai.OpenAI(max_retries=patience.retries, timeout=patience.timeout_s)
    except openai.OpenAIError:
        client = None
    except (httpx2.InvalidURL, ImportError, ValueError):
        yield "", ValueError("no client can be made of OPENAI_BASE_URL and the proxy's settings")
        return
    if client is None or not re.fullmatch("[!-~]+", client.api_key):  # all that a header can carry
        yield "", PermissionError("no key: set OPENAI_API_KEY (to any word, if none is wanted)")
        return
    waiting, failed = iter(missing.items()), False
    under_way: dict[Future[Answer], str] = {}
    with client, ThreadPoolExecutor(patience.concurrency) as pool:
        while True:
            room = 0 if failed else patience.concurrency - len(under_way)
            for sentence, request in islice(waiting, room):
                under_way[pool.submit(_respond, client, request, cache)] = sentence
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                sentence, error = under_way.pop(future), future.exception()
                failed = failed or error is not None
                yield sentence, _explained(error, sentence, client) if error else future.result()


def _respond(client: openai.OpenAI, request: dict[str, Any], cache: Path) -> Answer:
    """Send one request and keep the response."""
    raw = client.chat.completions.with_raw_response.create(**request)
    match raw.http_response.json():  # the client's own types let any shape pass
        case {"choices": [{"message": {"content": str() | None as text}, **rest}, *_], **response}:
            pass
        case _:
            raise ValueError("no choices, or no message with a text")
    answer = Answer(text or "", str(response.get("id") or ""))
    about = {"model": response.get("model"), "finish_reason": rest.get("finish_reason")}
    about |= {"system_fingerprint": response.get("system_fingerprint")}
    write_json(_path(cache, request), {"request": request} | asdict(answer) | about)
    return answer


def _explained(error: BaseException, sentence: str, client: openai.OpenAI) -> Exception:
    """The error in the user's terms, without key and address."""
    fitting = [(to, reason) for kind, to, reason in _ERRORS if isinstance(error, kind)]
    if not fitting:
        raise error
    said = getattr(error, "body", None) or error.__cause__ or error
    text = str(said.get("message", said) if isinstance(said, dict) else said)
    for secret in filter(None, (client.api_key, str(client.base_url), client.base_url.host)):
        edge = r"\b" if len(secret) < 8 else ""  # "none" is no secret, and part of other words
        text = re.sub(f"{edge}{re.escape(secret)}{edge}", "[...]", text)
    text = " ".join(_PRIVATE.sub("[...]", text).split())[:QUOTED_CHARACTERS]
    named = {"sentence": sentence[:60], "status": getattr(error, "status_code", None)}
    named |= {"timeout": client.timeout, "retries": client.max_retries}
    to, reason = fitting[0]
    return to(f"{reason.format(**named)}: {text}")
