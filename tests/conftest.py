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
BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCES = [
    'This sentence : "A man is playing a guitar." means in one word:"',
    "Two dogs run along the beach, and one of them carries a stick.",
    "Stocks fell sharply on Monday after the central bank raised its rates.",
]
# Real tokenizers have such tokens: a quote before the slot merges with a text's first character.
MERGED = ' "\' ". "-'


def save_tokenizer(folder, tokens, start=None, end=None, **named):
    """A byte-level BPE trained on some sentences; `start` comes first, `end` last, if any."""
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
    tokenizer.train_from_iterator([*SENTENCES, *[MERGED] * 5], trainer)
    special = [(token, tokens.index(token)) for token in (start, end) if token]
    if special:
        single = " ".join(filter(None, [start, "$A", end]))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=single, special_tokens=special
        )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)


def tiny_config(name, spread=0.3):
    """Wide enough to differ, small enough to be quick; weights large enough to attend."""
    from transformers import (
        BertConfig,
        BloomConfig,
        Gemma3TextConfig,
        GPT2Config,
        GPTNeoXConfig,
        LlamaConfig,
        MistralConfig,
        OPTConfig,
        Qwen2Config,
        Qwen3Config,
    )

    size = {
        "vocab_size": 340,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
    }
    wide = size | {"intermediate_size": 48, "initializer_range": spread}
    gated = wide | {"num_key_value_heads": 2}
    opt = size | {"ffn_dim": 64, "init_std": spread, "dropout": 0.1}
    neox = wide | {"rotary_pct": 0.25}
    gpt2 = wide | {"intermediate_size": None}
    yarn = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0}
    configs = {
        "opt": lambda: OPTConfig(**opt, word_embed_proj_dim=32),
        # bitsandbytes' kernel for CPUs with avx512_bf16 needs widths in multiples of 64.
        "opt-64": lambda: OPTConfig(**(opt | {"hidden_size": 64}), word_embed_proj_dim=64),
        "opt-350m": lambda: OPTConfig(
            **opt, word_embed_proj_dim=16, do_layer_norm_before=False, _remove_final_layer_norm=True
        ),
        "opt-350m-64": lambda: OPTConfig(
            **(opt | {"hidden_size": 128}), word_embed_proj_dim=64, do_layer_norm_before=False
        ),
        "llama": lambda: LlamaConfig(**gated),
        "llama-bare": lambda: LlamaConfig(**gated),  # no start token
        "llama-yarn": lambda: LlamaConfig(
            **gated, rope_parameters=yarn | {"original_max_position_embeddings": 64}
        ),
        "gemma3": lambda: Gemma3TextConfig(
            **gated,
            head_dim=8,
            sliding_window=8,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        "mistral": lambda: MistralConfig(**gated, sliding_window=8),
        "qwen2": lambda: Qwen2Config(
            **gated, use_sliding_window=True, sliding_window=8, max_window_layers=1
        ),
        "qwen3": lambda: Qwen3Config(**gated, head_dim=16),
        "gpt2": lambda: GPT2Config(**gpt2),
        "gpt2-64": lambda: GPT2Config(**(gpt2 | {"hidden_size": 64})),
        "pythia": lambda: GPTNeoXConfig(**neox),
        "neox-serial": lambda: GPTNeoXConfig(**neox, use_parallel_residual=False),
        # Not known to the fast engine; no table of positions.
        "bloom": lambda: BloomConfig(
            vocab_size=340, hidden_size=32, n_layer=3, n_head=4, initializer_range=spread
        ),
        "bert": lambda: BertConfig(**wide),
    }
    return configs[name]()


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
