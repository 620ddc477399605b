"""Tiny random models, a web server on loopback, the workflow with a tiny model before and after."""

import functools
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from harness import copy_workflow
from tiny_models import BERT_TOKENS, LLAMA_TOKENS, OPT_TOKENS, save_tokenizer, tiny_config

ROOT = Path(__file__).resolve().parents[1]
# Of an adapter that is trained in the tiny workflow, beside the paper's values.
RECIPE = {
    "triplets": "sample-triplets",
    "base": "fp32",
    "compute": "fp32",
    "rank": 4,
    "batch": 10,
    "chunk": 8,
    "loss_divisor": 1,
    "epochs": 2,
    "learning_rate": 0.01,
    "warm_up": 1,
    "checkpoint_every": 3,
    "selection": {"suite": "sample-dev", "precision": "fp32"},
}


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Function from a name to the folder of a tiny random model, made once."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    @functools.cache
    def folder_of(name, spread=0.3):
        folder = tmp_path_factory.mktemp("models") / name
        head = AutoModelForMaskedLM if name == "bert" else AutoModelForCausalLM
        torch.manual_seed(1111)
        model = head.from_config(tiny_config(name, spread))
        for weight in model.parameters():
            if not weight.any():  # a bias of zero could be left out, and nobody would see it
                torch.nn.init.normal_(weight, std=spread)
        model.save_pretrained(folder)
        if name == "bert":
            named = {"mask_token": "[MASK]", "pad_token": "[PAD]"}
            save_tokenizer(folder, BERT_TOKENS, "[CLS]", "[SEP]", **named)
        else:
            tokens, start = (OPT_TOKENS, "</s>") if "opt" in name else (LLAMA_TOKENS, "<s>")
            start = None if name in ("llama-bare", "gpt2", "pythia") else start
            named = {"bos_token": start, "eos_token": "</s>", "pad_token": "<pad>"}
            save_tokenizer(folder, tokens, start, **named)
        return folder

    return folder_of


@pytest.fixture
def root():
    """Folder of the repository."""
    return ROOT


@pytest.fixture
def shared_data():
    """Real data beside the repository; the test is skipped where there is none."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data are not on this machine: no folder {folder}")
    return folder


class Server:
    """A web server on loopback: each path gives its answers in order, the last one for ever."""

    def __init__(self):
        self.answers, self.asked = {}, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.partition("?")[0]
                outer.asked.append(path)
                waiting = outer.answers.get(path, [(404, {}, b"")])
                status, headers, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                self.send_response(status)
                for name, value in ({"Content-Length": len(body)} | headers).items():
                    self.send_header(name, str(value))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def do_HEAD(self):
                self.do_GET()

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    def answer(self, path, body=b"", status=200, **headers):
        """Add an answer; `content_length` and the like become headers."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named = {name.title(): value for name, value in named.items()}
        self.answers.setdefault(path, []).append((status, named, body))
        return self.url + path

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def hub_cache(monkeypatch, tmp_path):
    """An empty cache of the hub's client, which is offline."""
    from huggingface_hub import constants

    # The client reads its environment when it is imported, these names at every call.
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


class Hub:
    """A model hub on loopback, as much of it as the client asks for."""

    def __init__(self, server, cache):
        self.server, self.cache = server, cache

    def add_dataset_file(self, repository, revision, name, body):
        for branch in (revision, "main"):
            place = f"/datasets/{repository}/resolve/{branch}/{name}"
            self.server.answers.pop(place, None)
            self.server.answer(place, body, x_repo_commit=revision)

    def add_model(self, repository, revision, folder):
        tree = []
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            body, name = path.read_bytes(), path.relative_to(folder).as_posix()
            sha256 = hashlib.sha256(body).hexdigest()
            lfs = {"oid": sha256, "size": len(body), "pointerSize": 134}
            tree.append(
                {"type": "file", "path": name, "size": len(body), "oid": 40 * "0", "lfs": lfs}
            )
            self.server.answer(
                f"/{repository}/resolve/{revision}/{name}",
                body,
                etag=f'"{sha256}"',
                x_repo_commit=revision,
            )
        self.server.answer(
            f"/api/models/{repository}/tree/{revision}",
            json.dumps(tree).encode(),
            content_type="application/json",
        )


@pytest.fixture
def hub(server, hub_cache, monkeypatch):
    """The hub's client, online, with a hub on loopback and an empty cache."""
    from huggingface_hub import constants

    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return Hub(server, hub_cache)


@pytest.fixture(scope="session")
def plain(tiny_model):
    """Function to the vectors of the reference, one prompt at a time."""
    from engine_helpers import PROMPTS, compute

    from sentscale.loading import load_encoder

    @functools.cache
    def encoded(name, prompts, pooling, precision, spread):
        folder = tiny_model(name, spread)
        return load_encoder(folder, precision, compute("plain")).encode(prompts, pooling)

    def vectors(name, prompts=PROMPTS, pooling="last", precision="fp32", spread=0.3):
        return encoded(name, tuple(prompts), pooling, precision, spread)

    return vectors


@pytest.fixture(scope="session")
def fast(tiny_model):
    """Function to a fast encoder put together by hand."""
    import torch
    from transformers import AutoConfig, AutoTokenizer

    from sentscale.engine import FastEncoder
    from sentscale.families import decoder_for
    from sentscale.linear import pack_linears
    from sentscale.loading import device_map, empty_body, load_body

    cpu = torch.device("cpu")

    @functools.cache
    def parts(name, packed, split):
        folder = tiny_model(name)
        config = AutoConfig.from_pretrained(folder)
        kind, _ = decoder_for(config)
        where = device_map(kind(empty_body(config)), [cpu, cpu]) if split else {"": cpu}
        decoder = kind(load_body(folder, torch.float32, "fp32", where))
        if packed:
            pack_linears(decoder.model)
        return AutoTokenizer.from_pretrained(folder), decoder

    def encoder(name, max_tokens=64, packed=False, split=False, **switches):
        tokenizer, decoder = parts(name, packed, split)
        return FastEncoder(tokenizer, decoder, [cpu] * (1 + split), max_tokens, **switches)

    return encoder


@pytest.fixture
def stream(tiny_model):
    """Function to a stream encoder of a tiny model or of a folder."""
    from sentscale.encoder import Compute
    from sentscale.loading import load_encoder

    def encoder(model, max_tokens=64, precision="fp32"):
        folder = model if isinstance(model, Path) else tiny_model(model)
        return load_encoder(folder, precision, Compute("fast", "stream", 1, 0, max_tokens, 8))

    return encoder


@pytest.fixture
def workflow(tmp_path):
    """The workflow as it stands, nothing made yet."""
    return copy_workflow(tmp_path / "workflow")


@pytest.fixture(scope="session")
def tiny_workflow(tmp_path_factory, tiny_model):
    """The workflow with a tiny random model, nothing made yet."""
    flow = copy_workflow(tmp_path_factory.mktemp("tiny") / "workflow")
    grid = {
        "models": ["tiny"],
        "adapters": ["none"],
        "precisions": ["fp32"],
        "representations": ["eol", "icl-sample"],
        "suites": ["sample-dev", "sample"],
    }
    tiny = {
        "family": "Tiny",
        "parameters": 10_000,
        "source": {"path": str(tiny_model("llama"))},
        "licence": {"id": "mit", "name": "MIT"},
        "mem_mb": 1000,
        "runtime_min": 5,
    }
    preset = {
        "run": [grid, grid | {"representations": ["eol"], "suites": ["sample-transfer"]}],
        "models": {"tiny": tiny},
        "sts": {"bootstrap": {"resamples": 100}},
        "transfer": {"senteval": {"folds": 3, "inner_folds": 3}, "threads": 1},
        "embedding": {"threads": 1},  # two jobs at once: most of their time goes into imports
        # In bf16 the choice might differ from one kind of processor to the next.
        "searches": {"sample": {"precision": "fp32"}},
        "demonstrations": {"sample-words": {"local": {"model": "tiny"}}},
    }
    (flow.folder / "tiny.yaml").write_text(yaml.safe_dump(preset))
    flow.flags = [*flow.flags, "--configfile", "tiny.yaml"]
    return flow


@pytest.fixture(scope="session")
def finished(tiny_workflow):
    """The tiny workflow after its run. Copy it before changing anything."""
    tiny_workflow.run()
    return tiny_workflow


@pytest.fixture(scope="session")
def planned_workflow(finished, tmp_path_factory):
    """The finished tiny workflow, with an adapter that is still to be trained."""
    flow = finished.copy(tmp_path_factory.mktemp("training") / "workflow")
    preset = yaml.safe_load((flow.folder / "tiny.yaml").read_text())
    paper = yaml.safe_load((flow.folder / "config.yaml").read_text())["adapters"]["cse"]["recipe"]
    preset["adapters"] = {"cse-tiny": {"recipe": paper | RECIPE}}
    grid = preset["run"][0] | {"adapters": ["cse-tiny"], "representations": ["eol"]}
    preset["run"] = [*preset["run"], grid]
    (flow.folder / "tiny.yaml").write_text(yaml.safe_dump(preset))
    return flow


@pytest.fixture(scope="session")
def trained(planned_workflow, tmp_path_factory):
    flow = planned_workflow.copy(tmp_path_factory.mktemp("trained") / "workflow")
    flow.run()
    return flow
