"""From a folder of weights to an encoder."""

import logging
from pathlib import Path

import torch
from accelerate.hooks import remove_hook_from_submodules
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from sentscale.adapters import Adapter, add_adapter, read_adapter
from sentscale.decoders import Decoder
from sentscale.encoder import Compute, Encoder, Precision, check_gpus
from sentscale.engine import FastEncoder, places
from sentscale.families import decoder_for
from sentscale.linear import keep_freed_memory, pack_linears
from sentscale.plain import PlainEncoder
from sentscale.snapshots import MODULES
from sentscale.stream import StreamEncoder, Weights

log = logging.getLogger(__name__)


def load_encoder(
    folder: Path, precision: Precision, compute: Compute, adapter: Path | None = None
) -> Encoder:
    """Load a safetensors folder in an explicit precision, without remote code.

    An architecture that the fast engine does not know is computed by the plain
    one, with a warning; a model that comes with modules of sentence-transformers
    is computed by those. "nf4" is bitsandbytes' 4-bit type with double
    quantisation; it computes in float16 on a GPU, as the original, and in float32
    on a CPU, where the weights are widened to their 4-bit values.

    Args:
        folder: Weights of the model.
        precision: Of the weights.
        compute: Speed and place.
        adapter: Folder of an adapter; None for the model as it comes. Added in float32
            to weights that were rounded to their precision before.

    Raises:
        ValueError: The precision is unknown or not for this device, or the
            placement is not for this architecture; or the adapter is not for this model.
        RuntimeError: The job asks for GPUs that are not there.
    """
    check_gpus(compute.gpus)
    dtype = dtype_of(precision, compute.gpus > 0)
    torch.set_num_threads(compute.threads)
    transformers_logging.disable_progress_bar()  # its bars would fill the log files
    if (folder / MODULES).is_file():
        from sentscale.pipeline import load_pipeline

        return load_pipeline(folder, precision, dtype, compute, adapter)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    kind, reason = decoder_for(config)
    log.info("%s in %s, adapter %s, %s", folder, precision, adapter, compute)
    change = read_adapter(adapter, empty_body(config)) if adapter else Adapter(1, {})
    if kind is None and compute.placement != "resident":
        raise ValueError(f"placement {compute.placement} is not for {reason}; use resident")
    if kind is None and compute.engine == "fast":
        log.warning("the fast engine does not know %s; computing one prompt at a time", reason)
    if kind is None or compute.engine == "plain":
        model = load_body(folder, dtype, precision, {"": compute.devices[0]})
        add_adapter(model, change, "")
        model.config.use_cache = False
        return PlainEncoder(tokenizer, model)
    if compute.gpus == 0:
        keep_freed_memory()
    skeleton = kind(empty_body(config))
    if compute.placement == "stream":
        weights = Weights(folder, skeleton.model.base_model_prefix)
        device = compute.devices[0]

        def prepare(module: nn.Module, name: str) -> None:
            if precision == "nf4":
                from sentscale.four_bits import quantise_linears, widen_linears

                quantise_linears(module, dtype)
                if device.type == "cpu":
                    widen_linears(module)
            add_adapter(module, change, name)
            if device.type == "cpu":
                pack_linears(module)

        return StreamEncoder(
            tokenizer, skeleton, weights, dtype, device, compute.max_tokens, prepare
        )
    decoder = kind(load_body(folder, dtype, precision, device_map(skeleton, compute.devices)))
    add_adapter(decoder.model, change, "")
    if compute.gpus == 0:
        pack_linears(decoder.model)
    return FastEncoder(tokenizer, decoder, compute.devices, compute.max_tokens)


def dtype_of(precision: str, gpu: bool) -> torch.dtype:
    """Type of states and products.

    Raises:
        ValueError: The precision is unknown, or fp16 on a CPU.
    """
    dtypes = {
        "fp32": torch.float32,
        "bf16": torch.bfloat16,
        "fp16": torch.float16,
        "nf4": torch.float16 if gpu else torch.float32,
    }
    if precision not in dtypes:
        raise ValueError(f"precision is {precision!r}, allowed: {', '.join(dtypes)}")
    if precision == "fp16" and not gpu:
        raise ValueError("precision fp16 needs a GPU: a CPU has no float16 products; use bf16")
    return dtypes[precision]


def in_four_bits(dtype: torch.dtype) -> BitsAndBytesConfig:
    """NF4 with double quantisation (Dettmers et al. 2023), as the original."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=[],  # else transformers leaves out what it takes for the head
    )


def load_body(
    folder: Path,
    dtype: torch.dtype,
    precision: Precision,
    places: dict[str, torch.device],
    compute: torch.dtype | None = None,
    attention: str = "eager",
) -> PreTrainedModel:
    """The model without its vocabulary head, each part on its device.

    A pooler without weights is left out: transformers would give it random ones.
    `compute` is the type of products with 4-bit weights, `dtype` if it is None.

    Raises:
        ValueError: Other weights are missing.
    """
    model, info = AutoModel.from_pretrained(
        folder,
        dtype=dtype,
        device_map=places,
        quantization_config=in_four_bits(compute or dtype) if precision == "nf4" else None,
        attn_implementation=attention,
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    if missing := sorted(info["missing_keys"]):
        if not all(name.startswith("pooler.") for name in missing):
            raise ValueError(f"{folder}: no weights for {', '.join(missing)}")
        model.pooler = None
    remove_hook_from_submodules(model)  # the fast engine itself moves states between devices
    if precision == "nf4" and places.get("") == torch.device("cpu"):
        from sentscale.four_bits import widen_linears

        widen_linears(model)
    return model.eval()


def empty_body(config: PreTrainedConfig) -> PreTrainedModel:
    """The model's body without weights, but with the constants that no file holds."""
    with torch.device("meta"):
        model = AutoModel.from_config(config, trust_remote_code=False)
    for module in model.modules():
        for name in module._non_persistent_buffers_set:
            empty = torch.empty_like(getattr(module, name), device="cpu")
            module.register_buffer(name, empty, persistent=False)
        if module._non_persistent_buffers_set:
            model._init_weights(module)
    return model.eval()


def device_map(decoder: Decoder, devices: list[torch.device]) -> dict[str, torch.device]:
    """Layers in equal consecutive shares, what is in front first, what is behind last."""
    if len(devices) == 1:
        return {"": devices[0]}
    layers = dict(zip(decoder.layers, places(len(decoder.layers), devices), strict=True))
    found = {}
    for name, module in decoder.model.named_modules():
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        if module in layers:
            found[name] = layers[module]
        elif own and not any(name.startswith(f"{layer}.") for layer in found):
            found[name] = devices[0] if module in decoder.first else devices[-1]
    return found
