"""A frozen body with LoRA on every linear layer, to be trained."""

import warnings
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers import AutoConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging as transformers_logging

from sentscale.families import decoder_for
from sentscale.loading import dtype_of, load_body
from sentscale.recipe import Recipe


def load_trainable(
    folder: Path, recipe: Recipe, device: torch.device, activations: str
) -> PeftModel:
    """Load a model's body without its vocabulary head and put LoRA on it, all in train mode.

    LoRA is on every linear layer, found by type: those of the blocks, and OPT-350m's
    projections. With base nf4 all else (embeddings, norms, states) is float32, as in
    the original; on a CPU its 4-bit weights are widened to the values they stand for.

    Args:
        folder: The model's weights.
        recipe: Base, compute, LoRA and seed are taken from it.
        device: Where to.
        activations: "kept", or "recomputed" in the backward pass: a third more time for
            a fraction of the memory, and the same numbers.

    Raises:
        ValueError: The model is not causal or not known to the fast engine, or base or
            compute are not for this device.
    """
    transformers_logging.disable_progress_bar()  # its bars would fill the log files
    gpu = device.type == "cuda"
    compute = dtype_of(recipe.compute, gpu)
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    kind, reason = decoder_for(config)
    if kind is None:
        raise ValueError(f"{folder}: training is not for {reason}: chunks have no mask for padding")
    states = torch.float32 if recipe.base == "nf4" else dtype_of(recipe.base, gpu)
    model = load_body(folder, states, recipe.base, {"": device}, compute, "sdpa")
    torch.manual_seed(recipe.seed)
    found = put_lora(model, recipe.rank, recipe.alpha, recipe.dropout)
    for parameter in trained(found).values():
        parameter.data = parameter.data.float()
    if not gpu and compute != torch.float32:
        # Autocast would do it at every product. LoRA's first matrices are drawn before, in float32.
        for module in found.modules():
            if isinstance(module, LoraLayer):
                module.base_layer.weight.data = module.base_layer.weight.to(compute)
    if activations == "recomputed":
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return found.train()


def put_lora(model: PreTrainedModel, rank: int, alpha: int, dropout: float) -> PeftModel:
    """Freeze a model and put LoRA (Hu et al. 2021) on all its linear layers."""
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        bias="none",
        target_modules="all-linear",
        # GPT-2's layers hold their weights as (in, out).
        fan_in_fan_out=any(type(module) is Conv1D for module in model.modules()),
    )
    with warnings.catch_warnings():  # PEFT asks transformers in a way that the next version drops
        warnings.simplefilter("ignore", FutureWarning)
        found = get_peft_model(model, config)
    config.base_model_name_or_path = None  # it would be this machine's path
    config.target_modules = sorted(config.target_modules)  # a set's order differs from run to run
    return found


def trained(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of LoRA by the names that PEFT's files have."""
    return {
        name.replace(".default", ""): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
