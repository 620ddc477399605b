"""An encoder as a folder that sentence-transformers loads by itself, without code of ours."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

import torch
from peft import LoraConfig
from safetensors.torch import save_file
from transformers import AutoConfig, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerBase

from sentscale.adapters import Adapter, add_adapter, read_adapter
from sentscale.checkpoints import ADAPTER, CONFIG
from sentscale.files import read_json, write_json
from sentscale.loading import empty_body, load_body
from sentscale.prompting import prompting_tokenizer
from sentscale.prompts import Representation

log = logging.getLogger(__name__)

Weights = Literal["merged", "adapter"]

# Our word for a pooling, and the key of sentence-transformers.
POOLINGS = {"last": "lasttoken", "mean": "mean_tokens"}
# Sentences whose prompts a saved tokenizer has to make, one for each rule of the clean-up.
PROBES = [
    "A dog runs",
    'Why did "it" stop?',
    "He said 'no'",
    "  two\t words\n",
    "So!",
    "\u00e9 \\ {text}",
]


@dataclass(frozen=True)
class Names:
    """What an encoder is called in config.yaml, and in which form it is written.

    Attributes:
        model: Key of `models`.
        adapter: Key of `adapters`, or none.
        representation: Key of `representations`.
        weights: "merged": all weights in float32, the adapter added to them; "adapter":
            PEFT's two files, which name the model on the hub.
        licence: The model's: `id`, as hubs write it, and `name`.
        metrics: Scores that the card shows.
        protocol: Version of the step.
    """

    model: str
    adapter: str
    representation: str
    weights: Weights
    licence: dict[str, str]
    metrics: list[str]
    protocol: int

    def __post_init__(self) -> None:
        if self.weights not in get_args(Weights):
            raise ValueError(f"weights is {self.weights!r}, allowed: {get_args(Weights)}")
        if self.weights == "adapter" and self.adapter == "none":
            raise ValueError("weights is 'adapter', but the adapter is none: use merged")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From JSON."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Shape:
    """What sentence-transformers has to know of a model.

    Attributes:
        width: Length of a vector.
        most_tokens: Positions; None without a limit.
    """

    width: int
    most_tokens: int | None


def shape_of(config: PreTrainedConfig) -> Shape:
    """Width of a body's output (512 for OPT-350m, whose hidden size is 1024) and its positions."""
    width = getattr(config, "word_embed_proj_dim", None) or config.hidden_size
    return Shape(width, getattr(config, "max_position_embeddings", None))


def base_on_hub(source: dict[str, Any]) -> dict[str, str]:
    """Repository and revision of a model's source.

    Raises:
        ValueError: The model is not from the hub, so an adapter alone would not find it.
    """
    if "hub" not in source:
        raise ValueError(
            f"weights is 'adapter', but the model's source is {next(iter(source))!r}, not hub:"
            " nobody could find the model that the adapter is for; use merged"
        )
    return source["hub"]


def write_encoder(
    weights: Path,
    adapter: Path | None,
    representation: Representation,
    base: dict[str, str] | None,
    out: Path,
) -> Shape:
    """Write everything but the card.

    Args:
        weights: Folder of the model.
        adapter: Folder of an adapter; None for the model as it comes.
        representation: Prompt, clean-up and pooling.
        base: Repository and revision, to write the adapter alone; None merges.
        out: An existing folder.

    Raises:
        ValueError: The pooling has no counterpart; the adapter is not for this model; or
            the tokenizer, loaded again, makes other prompts.
    """
    if representation.pooling not in POOLINGS:
        raise ValueError(
            f"pooling is {representation.pooling!r}; sentence-transformers can be given"
            f" {', '.join(POOLINGS)} only"
        )
    config = AutoConfig.from_pretrained(weights, local_files_only=True, trust_remote_code=False)
    shape = shape_of(config)
    own = AutoTokenizer.from_pretrained(weights, local_files_only=True)
    write_tokenizer(own, representation, shape, out)
    write_modules(representation, shape, out)
    if base is None:
        write_merged(weights, adapter, out)
    else:
        write_adapter(read_adapter(adapter, empty_body(config)), adapter, base, out)
    check_tokenizer(own, representation, out)
    return shape


def write_merged(weights: Path, adapter: Path | None, out: Path) -> None:
    """Write the body in float32, the adapter added to its weights, and its configuration."""
    body = load_body(weights, torch.float32, "fp32", {"": torch.device("cpu")})
    if adapter:
        add_adapter(body, read_adapter(adapter, body), "")
    log.info("writing %d weights", body.num_parameters())
    body.save_pretrained(out)
    for path in out.glob("*.safetensors"):
        path.chmod(0o644)  # safetensors makes it private to the user


def write_adapter(adapter: Adapter, folder: Path, base: dict[str, str], out: Path) -> None:
    """Write PEFT's two files, with names of the body's layers and of the model on the hub."""
    tensors = {}
    for name, (a, b) in adapter.matrices.items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = a.contiguous()
        tensors[f"base_model.model.{name}.lora_B.weight"] = b.contiguous()
    save_file(tensors, out / ADAPTER, metadata={"format": "pt"})
    (out / ADAPTER).chmod(0o644)
    of_base = {"base_model_name_or_path": base["repository"], "revision": base["revision"]}
    known = {field.name for field in fields(LoraConfig)}  # published adapters have others too
    settings = {key: value for key, value in read_json(folder / CONFIG).items() if key in known}
    write_json(out / CONFIG, settings | of_base | {"inference_mode": True})


def write_tokenizer(
    own: PreTrainedTokenizerBase, representation: Representation, shape: Shape, out: Path
) -> None:
    """Write a tokenizer that makes the prompts."""
    prompting_tokenizer(own, representation, shape.most_tokens).save_pretrained(out)
    # The class that is loaded as it was written, by the name that transformers 4 knows too.
    settings = read_json(out / "tokenizer_config.json")
    write_json(
        out / "tokenizer_config.json", settings | {"tokenizer_class": "PreTrainedTokenizerFast"}
    )


def check_tokenizer(
    own: PreTrainedTokenizerBase, representation: Representation, out: Path
) -> None:
    """Compare the saved tokenizer, loaded again, with the model's own given whole prompts.

    Raises:
        ValueError: They differ. transformers makes the tokenizers of some models anew, from
            their words alone.
    """
    saved = AutoTokenizer.from_pretrained(out, local_files_only=True)
    for sentence in PROBES:
        expected = own(representation.prompt(sentence)).input_ids
        if saved(sentence).input_ids != expected:
            raise ValueError(
                f"{out}: transformers loads the tokenizer as {type(saved).__name__}, which leaves"
                f" out the prompt of {sentence!r}; this model cannot be exported"
            )


def write_modules(representation: Representation, shape: Shape, out: Path) -> None:
    """Write what sentence-transformers reads, by names that its older versions know too."""
    modules: Sequence[tuple[str, str]] = [("Transformer", ""), ("Pooling", "1_Pooling")]
    write_json(
        out / "modules.json",
        [
            {
                "idx": number,
                "name": str(number),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for number, (kind, path) in enumerate(modules)
        ],
    )
    # A hub's weights are of any type; those of a merged folder are float32 anyhow.
    float32 = {"model_args": {"dtype": "float32"}}
    limit = {"max_seq_length": shape.most_tokens, "do_lower_case": False}
    write_json(out / "sentence_bert_config.json", limit | float32)
    modes = {
        f"pooling_mode_{mode}": mode == POOLINGS[representation.pooling]
        for mode in ("cls_token", "mean_tokens", "max_tokens", "lasttoken")
    }
    (out / "1_Pooling").mkdir()
    write_json(
        out / "1_Pooling/config.json",
        {"word_embedding_dimension": shape.width} | modes | {"include_prompt": True},
    )
    write_json(out / "config_sentence_transformers.json", {"similarity_fn_name": "cosine"})
