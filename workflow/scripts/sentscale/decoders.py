"""How each family of decoders computes, one layer at a time, on tokens side by side.

Weights and arithmetic are those of transformers' own modules; what is ours is the
order, so that a prompt's beginning is computed once and the last layer for the
last tokens only. Every tensor is `(t, d)`: all tokens of a batch, no padding.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from typing_extensions import override

from sentscale.attention import KeysValues, attend
from sentscale.packing import Run

# Cosine and sine of each token's rotation, `(t, r)` each, by kind of layer.
Rotations = dict[str | None, tuple[torch.Tensor, torch.Tensor]]


class Decoder:
    """A model's body, taken apart. Subclasses know the names of the parts."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.config = model.config

    @staticmethod
    def refuses(config: PreTrainedConfig) -> str | None:
        """What in a configuration this class does not carry out; None if it knows all."""
        return None

    @property
    def layers(self) -> Sequence[nn.Module]:
        """The blocks, first to last."""
        return self.model.layers

    @property
    def first(self) -> Sequence[nn.Module]:
        """Modules in front of the blocks."""
        return [self.model.embed_tokens]

    def embed(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """States that enter the first layer."""
        return self.model.embed_tokens(ids)

    def rotations(self, hidden: torch.Tensor, positions: torch.Tensor) -> Rotations:
        """Rotations of each position, in the device and type of `hidden`."""
        return {}

    def window(self, layer: nn.Module) -> int | None:
        """Tokens that a token of this layer sees; None for all."""
        return None

    def project(
        self,
        layer: nn.Module,
        hidden: torch.Tensor,
        rotations: Rotations,
        asked: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scaled queries (of all tokens or those asked for), keys and values, `(t, heads, h)`."""
        raise NotImplementedError

    def leave(self, layer: nn.Module, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """The rest of the layer, behind the attention."""
        raise NotImplementedError

    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        """The model's output from the last layer's states."""
        return self.model.norm(hidden)

    def keys_values(
        self, layer: nn.Module, hidden: torch.Tensor, rotations: Rotations
    ) -> KeysValues:
        """What a prefix of these states leaves behind in a layer."""
        _, key, value = self.project(layer, hidden, rotations, None)
        return KeysValues(key.transpose(0, 1).contiguous(), value.transpose(0, 1).contiguous())

    def step(
        self,
        layer: nn.Module,
        hidden: torch.Tensor,
        rotations: Rotations,
        runs: Sequence[Run],
        prefix: KeysValues | None = None,
        asked: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """One layer.

        Args:
            layer: One of `layers`.
            hidden: States of all tokens of the batch, shape `(t, d)`.
            rotations: Of their positions.
            runs: What the batch is made of.
            prefix: Of the shared tokens.
            asked: Indices of the last token of each prompt, shape `(n,)`: nothing
                but keys and values is computed for the others. None for all.

        Returns:
            Shape `(t, d)`, or `(n, d)` if `asked`.
        """
        query, key, value = self.project(layer, hidden, rotations, asked)
        attended = attend(query, key, value, runs, prefix, self.window(layer))
        return self.leave(layer, hidden if asked is None else hidden[asked], attended)


def rotate(states: torch.Tensor, turn: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Rotary embedding (Su et al. 2021) of the first `r` numbers of each head; `(t, heads, h)`.

    In halves, as LLaMA's code pairs them; both halves of `turn` are the same.
    """
    half = turn[0].shape[-1] // 2
    cosine, sine = (part[:, None, :half] for part in turn)  # (t, r) -> (t, 1, r / 2)
    low, high = states[..., :half], states[..., half : 2 * half]
    turned = states.clone() if 2 * half < states.shape[-1] else torch.empty_like(states)
    turned[..., :half] = (low * cosine).addcmul_(high, sine, value=-1)
    turned[..., half : 2 * half] = (high * cosine).addcmul_(low, sine)
    return turned


def pick(states: torch.Tensor, asked: torch.Tensor | None) -> torch.Tensor:
    """The rows that are asked for."""
    return states if asked is None else states[asked]


def gated(mlp: nn.Module, states: torch.Tensor) -> torch.Tensor:
    """A gated MLP, with one wide buffer less than transformers' own."""
    gate = mlp.act_fn(mlp.gate_proj(states))
    return mlp.down_proj(gate.mul_(mlp.up_proj(states)))


class RotaryDecoder(Decoder):
    """What models with rotary positions have in common."""

    @staticmethod
    def refuses(config: PreTrainedConfig) -> str | None:
        """Rotations that depend on the length of the whole batch."""
        kinds = config.rope_parameters or {}
        each = [kinds] if "rope_type" in kinds else [kind for kind in kinds.values() if kind]
        for one in each:
            if one["rope_type"] not in ("default", "linear", "llama3", "yarn"):
                return f"rope_type {one['rope_type']!r}"
        return None

    @override
    def rotations(self, hidden: torch.Tensor, positions: torch.Tensor) -> Rotations:
        cosine, sine = self.model.rotary_emb(hidden, positions[None])
        return {None: (cosine[0], sine[0])}


class LlamaDecoder(RotaryDecoder):
    """LLaMA, SmolLM2, Mistral, Qwen2 and Qwen3 (which norms each head's query and key)."""

    @override
    def window(self, layer: nn.Module) -> int | None:
        if self.config.model_type == "mistral":
            return self.config.sliding_window
        return getattr(layer.self_attn, "sliding_window", None)

    def turn(self, layer: nn.Module, rotations: Rotations) -> tuple[torch.Tensor, torch.Tensor]:
        """The rotations of this layer's kind."""
        return rotations[None]

    @override
    def project(
        self,
        layer: nn.Module,
        hidden: torch.Tensor,
        rotations: Rotations,
        asked: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        attention = layer.self_attn
        normed = layer.input_layernorm(hidden)
        turn = self.turn(layer, rotations)
        heads = (-1, attention.head_dim)
        query = attention.q_proj(pick(normed, asked)).unflatten(-1, heads)
        key = attention.k_proj(normed).unflatten(-1, heads)
        value = attention.v_proj(normed).unflatten(-1, heads)
        if hasattr(attention, "q_norm"):
            query, key = attention.q_norm(query), attention.k_norm(key)
        query = rotate(query, tuple(pick(part, asked) for part in turn))
        return query * attention.scaling, rotate(key, turn), value

    @override
    def leave(self, layer: nn.Module, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        hidden = hidden + layer.self_attn.o_proj(attended)
        return hidden.add_(gated(layer.mlp, layer.post_attention_layernorm(hidden)))


class Gemma3Decoder(LlamaDecoder):
    """Gemma 3's text model: two kinds of layers, norms on both sides of each part."""

    @staticmethod
    def refuses(config: PreTrainedConfig) -> str | None:
        """Gemma 3 with attention to both sides, or with capped scores."""
        for key in ("use_bidirectional_attention", "attn_logit_softcapping"):
            if getattr(config, key, None):
                return f"{key} {getattr(config, key)!r}"
        return RotaryDecoder.refuses(config)

    @override
    def rotations(self, hidden: torch.Tensor, positions: torch.Tensor) -> Rotations:
        turns = {}
        for kind in set(self.config.layer_types):
            cosine, sine = self.model.rotary_emb(hidden, positions[None], kind)
            turns[kind] = (cosine[0], sine[0])
        return turns

    @override
    def turn(self, layer: nn.Module, rotations: Rotations) -> tuple[torch.Tensor, torch.Tensor]:
        return rotations[layer.self_attn.layer_type]

    @override
    def leave(self, layer: nn.Module, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        hidden = hidden + layer.post_attention_layernorm(layer.self_attn.o_proj(attended))
        inner = gated(layer.mlp, layer.pre_feedforward_layernorm(hidden))
        return hidden + layer.post_feedforward_layernorm(inner)


class OptDecoder(Decoder):
    """OPT. The 350M model norms behind each part, and is projected into and out of its width."""

    @property
    def body(self) -> nn.Module:
        """OPT's decoder sits one level deeper than others'."""
        return self.model.decoder

    @property
    @override
    def layers(self) -> Sequence[nn.Module]:
        return self.body.layers

    @property
    @override
    def first(self) -> Sequence[nn.Module]:
        parts = [self.body.embed_tokens, self.body.embed_positions, self.body.project_in]
        return [part for part in parts if part is not None]

    @override
    def embed(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        hidden = self.body.embed_tokens(ids)
        if self.body.project_in is not None:
            hidden = self.body.project_in(hidden)
        table = self.body.embed_positions
        return hidden + nn.functional.embedding(positions + table.offset, table.weight)

    @override
    def project(
        self,
        layer: nn.Module,
        hidden: torch.Tensor,
        rotations: Rotations,
        asked: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        attention = layer.self_attn
        if layer.do_layer_norm_before:
            hidden = layer.self_attn_layer_norm(hidden)
        heads = (attention.num_heads, attention.head_dim)
        query = attention.q_proj(pick(hidden, asked)) * attention.scaling
        key, value = attention.k_proj(hidden), attention.v_proj(hidden)
        return query.unflatten(-1, heads), key.unflatten(-1, heads), value.unflatten(-1, heads)

    @override
    def leave(self, layer: nn.Module, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        before = layer.do_layer_norm_before
        hidden = hidden + layer.self_attn.out_proj(attended)
        if not before:
            hidden = layer.self_attn_layer_norm(hidden)
        inner = layer.final_layer_norm(hidden) if before else hidden
        hidden = hidden + layer.fc2(layer.activation_fn(layer.fc1(inner)))
        return hidden if before else layer.final_layer_norm(hidden)

    @override
    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        for part in (self.body.final_layer_norm, self.body.project_out):
            hidden = hidden if part is None else part(hidden)
        return hidden


class Gpt2Decoder(Decoder):
    """GPT-2."""

    @staticmethod
    def refuses(config: PreTrainedConfig) -> str | None:
        """Attention to a second text."""
        return "add_cross_attention" if config.add_cross_attention else None

    @property
    @override
    def layers(self) -> Sequence[nn.Module]:
        return self.model.h

    @property
    @override
    def first(self) -> Sequence[nn.Module]:
        return [self.model.wte, self.model.wpe]

    @override
    def embed(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self.model.wte(ids) + self.model.wpe(positions)

    @override
    def project(
        self,
        layer: nn.Module,
        hidden: torch.Tensor,
        rotations: Rotations,
        asked: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        attention = layer.attn
        joined = attention.c_attn(layer.ln_1(hidden)).unflatten(-1, (3, -1, attention.head_dim))
        query, key, value = joined.unbind(1)  # (t, 3, heads, h) -> three of (t, heads, h)
        return pick(query, asked) * attention.scaling, key, value

    @override
    def leave(self, layer: nn.Module, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        hidden = hidden + layer.attn.c_proj(attended)
        return hidden + layer.mlp(layer.ln_2(hidden))

    @override
    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.model.ln_f(hidden)


class NeoxDecoder(RotaryDecoder):
    """GPT-NeoX (Pythia): attention and MLP may read the same states."""

    @property
    @override
    def first(self) -> Sequence[nn.Module]:
        return [self.model.embed_in]

    @override
    def embed(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self.model.embed_in(ids)

    @override
    def project(
        self,
        layer: nn.Module,
        hidden: torch.Tensor,
        rotations: Rotations,
        asked: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        attention = layer.attention
        joined = attention.query_key_value(layer.input_layernorm(hidden))
        # (t, heads * 3 * h): each head has its query, key and value side by side
        query, key, value = joined.unflatten(-1, (-1, 3 * attention.head_size)).chunk(3, dim=-1)
        turn = rotations[None]
        query = rotate(pick(query, asked), tuple(pick(part, asked) for part in turn))
        return query * attention.scaling, rotate(key, turn), value

    @override
    def leave(self, layer: nn.Module, hidden: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        attended = hidden + layer.attention.dense(attended)
        inner = hidden if layer.use_parallel_residual else attended
        return attended + layer.mlp(layer.post_attention_layernorm(inner))

    @override
    def finish(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.model.final_layer_norm(hidden)


# By the model_type of config.json, which names the class of transformers that loads it.
DECODERS: dict[str, type[Decoder]] = {
    "opt": OptDecoder,
    "llama": LlamaDecoder,
    "mistral": LlamaDecoder,
    "qwen2": LlamaDecoder,
    "qwen3": LlamaDecoder,
    "gemma3_text": Gemma3Decoder,
    "gpt2": Gpt2Decoder,
    "gpt_neox": NeoxDecoder,
}


def decoder_for(config: PreTrainedConfig) -> tuple[type[Decoder] | None, str]:
    """The class that carries out a configuration; None with the reason if there is none."""
    known: Any = DECODERS.get(config.model_type)
    if known is None:
        return None, f"model_type {config.model_type!r}"
    reason = known.refuses(config)
    return (None, reason) if reason else (known, "")
