"""Prompts, models and comparisons for the tests of the engines."""

import logging

import numpy as np

from sentscale.encoder import Compute

GATED = ["llama", "llama-yarn", "gemma3", "mistral", "qwen2", "qwen3"]
MODELS = ["opt", "opt-350m", *GATED, "gpt2", "pythia", "neox-serial"]
TEMPLATE = 'This sentence : "{}" means in one word:"'
PREFIX = TEMPLATE.partition("{}")[0]
TEXTS = [
    "A man plays.",
    "Two dogs run along the beach, and one of them carries a stick.",
    "'Hi' there.",  # the tokenizer merges the quotes
    "",
    "- no, one word",
    "Stocks fell sharply on Monday after the central bank raised its rates.",
    ".",
    "A man plays.",
    "(x)",
]
PROMPTS = tuple(TEMPLATE.format(text) for text in TEXTS)
# Fewer and shorter, for models that are streamed.
SHORT_TEXTS = [
    "A man plays.",
    "Two dogs run along the beach.",
    "'Hi' there.",
    "",
    "x",
    "Monday",
    "x y z",
]
SHORT_PROMPTS = [TEMPLATE.format(text) for text in SHORT_TEXTS]


def far(found, expected):
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def cosines(a, b):
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def compute(engine="fast", placement="resident", max_tokens=64):
    return Compute(engine, placement, 1, 0, max_tokens, 8)


def warnings_of(caplog):
    ours = [record for record in caplog.records if record.name.startswith("sentscale")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def dequantised(folder):
    """The model with the weights that NF4 stands for, in float32, and by transformers alone."""
    import bitsandbytes as bnb
    import torch
    from transformers import AutoModel, BitsAndBytesConfig

    four = AutoModel.from_pretrained(
        folder,
        dtype=torch.float32,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True
        ),
        device_map={"": "cpu"},
    )
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    for name, module in four.named_modules():
        if isinstance(module, bnb.nn.Linear4bit):
            wide = bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state)
            plain = model.get_submodule(name)
            plain.weight.data = wide if isinstance(plain, torch.nn.Linear) else wide.mT
    return model
