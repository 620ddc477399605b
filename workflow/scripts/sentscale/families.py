"""The families of decoders that the fast engine knows: how their layers are put together.

Each is held to transformers' own result by the tests in `tests/unit/test_engine_parity.py`.
"""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedConfig
from typing_extensions import override

from sentscale.decoders import Decoder, Rotations, gated, pick, rotate


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
    known = DECODERS.get(config.model_type)
    if known is None:
        return None, f"model_type {config.model_type!r}"
    reason = known.refuses(config)
    return (None, reason) if reason else (known, "")
