"""Servers that speak OpenAI's protocol: one with a script, and transformers' own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class ChatServer:
    """Answers `<sentence> indeed.` with id `r-<sentence>`, or what `plays` has for the sentence."""

    def __init__(self):
        self.asked, self.bodies, self.keys, self.plays = [], [], [], {}
        self.open = self.most_open = 0
        self.pauses_s, self.lock = {}, threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.answer(self, body)

            def log_message(self, *arguments):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 64

            def handle_error(self, request, address):
                pass  # a client that left before a slow answer

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    def answer(self, handler, body):
        sentence = body["messages"][0]["content"].split('"')[1]
        with self.lock:
            self.asked.append(sentence)
            self.bodies.append((handler.path, body))
            self.keys.append(handler.headers["Authorization"])
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            playing = self.plays.get(sentence, [good(sentence)])
            status, headers, reply = playing.pop(0) if len(playing) > 1 else playing[0]
        time.sleep(self.pauses_s.get(sentence, 0))
        with self.lock:
            self.open -= 1  # before the answer leaves: the client may ask again at once
        reply = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        handler.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply)))
        handler.end_headers()
        handler.wfile.write(reply)

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


def good(sentence, **message):
    message = {"role": "assistant", "content": f"{sentence} indeed."} | message
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    about = {"object": "chat.completion", "created": 1, "system_fingerprint": "fp-9"}
    return 200, {}, about | {"id": f"r-{sentence}", "model": "m-1-dated", "choices": [choice]}


def refusal(status, message, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, named, {"error": {"message": message, "type": "t", "code": None}}


@contextlib.contextmanager
def transformers_server(log):
    """The URL of `transformers serve` on loopback, which stops at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [Path(sys.executable).with_name("transformers"), "serve", "--device", "cpu"]
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", port],
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            stdout=file,
            stderr=file,
        )
    try:
        wait_until_ready(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


def wait_until_ready(process, url, log, limit_s=90):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        try:
            with direct.open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server is not ready: {log.read_text()[-2000:]}")
