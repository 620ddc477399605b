"""Who is measured: the original's way, sentence-transformers, and our engine in parts."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, OPTConfig
from workload import Work

from sentscale.encoder import Compute, Encoder
from sentscale.engine import FastEncoder
from sentscale.families import decoder_for
from sentscale.linear import pack_linears
from sentscale.loading import load_encoder

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
CPU = torch.device("cpu")

# Width, layers, heads of OPT 125M, 350M (before its projections) and 1.3B.
OPT_SHAPES = [(768, 12, 12), (1024, 24, 16), (2048, 24, 32)]

Contender = Callable[[Work], float]  # seconds for a share of the job


def original(folder: Path) -> Contender:
    """The authors' way: vocabulary head, all layers' states, left padding, slot after slot."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    tokenizer.pad_token_id = 0

    @torch.no_grad()
    def run(work: Work) -> float:
        start = time.perf_counter()
        for batch in work.batches:
            inputs = tokenizer(batch, padding=True, return_tensors="pt")
            states = model(**inputs, output_hidden_states=True).hidden_states
            states[-1][:, -1].cpu()
        return time.perf_counter() - start

    return run


def sentence_transformers(folder: Path, precision: str) -> Contender:
    """The same slots through sentence-transformers, with its defaults and last-token pooling."""
    body = Transformer(str(folder), model_kwargs={"dtype": DTYPES[precision]})
    width = body.get_embedding_dimension()
    model = SentenceTransformer(modules=[body, Pooling(width, "lasttoken")], device="cpu")

    def run(work: Work) -> float:
        start = time.perf_counter()
        model.encode(work.slots)
        return time.perf_counter() - start

    return run


def ours(folder: Path, precision: str, threads: int, max_tokens: int) -> Contender:
    """Our engine as the workflow runs it."""
    compute = Compute("fast", "resident", threads, 0, max_tokens, 1)
    return timed(load_encoder(folder, precision, compute))


def part_of_ours(folder: Path, max_tokens: int, **switches: bool) -> Contender:
    """Our engine in fp32 without the layout of oneDNN, and with some of its parts."""
    kind, _ = decoder_for(AutoConfig.from_pretrained(folder))
    body = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return timed(FastEncoder(tokenizer, kind(body), [CPU], max_tokens, **switches))


def random_opt(
    tokenizer: Path, shape: tuple[int, int, int], max_tokens: int
) -> tuple[int, Contender]:
    """Parameters of the blocks, and our engine in fp32, of a random model of OPT's shape."""
    width, layers, heads = shape
    names = AutoTokenizer.from_pretrained(tokenizer)
    config = OPTConfig(
        vocab_size=len(names),
        hidden_size=width,
        word_embed_proj_dim=width,
        ffn_dim=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
    )
    torch.manual_seed(0)
    kind, _ = decoder_for(config)
    decoder = kind(AutoModel.from_config(config, dtype=torch.float32).eval())
    size = sum(weight.numel() for layer in decoder.layers for weight in layer.parameters())
    for layer in decoder.layers:
        pack_linears(layer)
    return size, timed(FastEncoder(names, decoder, [CPU], max_tokens))


def timed(encoder: Encoder) -> Contender:
    """Distinct prompts only."""

    def run(work: Work) -> float:
        start = time.perf_counter()
        encoder.encode(work.prompts, "last", [work.prefix])
        return time.perf_counter() - start

    return run
