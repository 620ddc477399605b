"""Tiny random models made on the spot, and a web server on loopback."""

import functools
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Ids of the start tokens: </s> is 2 for OPT, <s> is 1 for LLaMA (protocol, section 1).
OPT_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]
LLAMA_TOKENS = ["<unk>", "<s>", "</s>", "<pad>"]
SENTENCES = [
    'This sentence : "A man is playing a guitar." means in one word:"',
    "Two dogs run along the beach, and one of them carries a stick.",
    "Stocks fell sharply on Monday after the central bank raised its rates.",
]


def save_tokenizer(folder, tokens, start):
    """A byte-level BPE trained on three sentences; `start` comes first, None for no such token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    if start is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{start} $A", special_tokens=[(start, tokens.index(start))]
        )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=start, eos_token="</s>", pad_token="<pad>"
    ).save_pretrained(folder)


def tiny_config(name):
    """Wide enough to differ, small enough to be quick; weights large enough to attend."""
    from transformers import Gemma3TextConfig, LlamaConfig, OPTConfig

    size = {
        "vocab_size": 340,
        "hidden_size": 32,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
    }
    gated = size | {"intermediate_size": 48, "num_key_value_heads": 2, "initializer_range": 0.3}
    opt = size | {"num_hidden_layers": 3, "ffn_dim": 64, "init_std": 0.3, "dropout": 0.1}
    configs = {
        "opt": lambda: OPTConfig(**opt, word_embed_proj_dim=32),
        # bitsandbytes' kernel for CPUs with avx512_bf16 needs widths in multiples of 64.
        "opt-64": lambda: OPTConfig(**(opt | {"hidden_size": 64}), word_embed_proj_dim=64),
        "opt-350m": lambda: OPTConfig(
            **opt, word_embed_proj_dim=16, do_layer_norm_before=False, _remove_final_layer_norm=True
        ),
        "llama": lambda: LlamaConfig(**gated, num_hidden_layers=3),
        "llama-bare": lambda: LlamaConfig(**gated, num_hidden_layers=2),  # no start token
        "gemma3": lambda: Gemma3TextConfig(
            **gated,
            head_dim=8,
            num_hidden_layers=3,
            sliding_window=8,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
    }
    return configs[name]()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Function from a name to the folder of a tiny random causal model, made once."""
    import torch
    from transformers import AutoModelForCausalLM

    @functools.cache
    def folder_of(name):
        folder = tmp_path_factory.mktemp("models") / name
        torch.manual_seed(1111)
        AutoModelForCausalLM.from_config(tiny_config(name)).save_pretrained(folder)
        tokens, start = (OPT_TOKENS, "</s>") if "opt" in name else (LLAMA_TOKENS, "<s>")
        save_tokenizer(folder, tokens, None if name == "llama-bare" else start)
        return folder

    return folder_of


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
        for path in sorted(folder.iterdir()):
            body = path.read_bytes()
            sha256 = hashlib.sha256(body).hexdigest()
            lfs = {"oid": sha256, "size": len(body), "pointerSize": 134}
            tree.append(
                {"type": "file", "path": path.name, "size": len(body), "oid": 40 * "0", "lfs": lfs}
            )
            self.server.answer(
                f"/{repository}/resolve/{revision}/{path.name}",
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
