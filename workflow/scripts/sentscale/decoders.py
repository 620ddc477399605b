"""A decoder taken apart: one layer at a time, on tokens side by side.

Weights and arithmetic are those of transformers' own modules; what is ours is the
order, so that a prompt's beginning is computed once and the last layer for the
last tokens only. Every tensor is `(t, d)`: all tokens of a batch, no padding.
"""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

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
    torch.mul(low, cosine, out=turned[..., :half]).addcmul_(high, sine, value=-1)
    torch.mul(high, cosine, out=turned[..., half : 2 * half]).addcmul_(low, sine)
    return turned


def pick(states: torch.Tensor, asked: torch.Tensor | None) -> torch.Tensor:
    """The rows that are asked for."""
    return states if asked is None else states[asked]


def gated(mlp: nn.Module, states: torch.Tensor) -> torch.Tensor:
    """A gated MLP, with one wide buffer less than transformers' own."""
    gate = mlp.act_fn(mlp.gate_proj(states))
    return mlp.down_proj(gate.mul_(mlp.up_proj(states)))
