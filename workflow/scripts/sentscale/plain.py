"""The reference: one prompt at a time, by transformers alone. For any architecture."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES
from typing_extensions import override

from sentscale.encoder import Encoder
from sentscale.prompts import Pooling


class PlainEncoder(Encoder):
    """No batches, hence no padding and no masks; nothing shared, nothing left out."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
        super().__init__(tokenizer, model.config)
        self.model = model

    @override
    @torch.inference_mode()
    def encode(
        self,
        prompts: Sequence[str],
        pooling: Pooling,
        prefixes: Sequence[str] = (),
        advance: Callable[[int], None] = lambda tokens: None,
        workspace: Path | None = None,
        *,
        starts: Sequence[int] = (),
        every_layer: bool = False,
    ) -> NDArray[np.float32]:
        if pooling == "own" and (every_layer or getattr(self.model, "pooler", None) is None):
            raise ValueError(
                "pooling 'own' is for the last layer of models with a trained pooler or with"
                f" modules of sentence-transformers; this {self.config.model_type} has neither, or"
                " every layer is asked for"
            )
        ids = self.tokenise(prompts)
        tails = self.tails(prompts, starts) if pooling == "text" else [0] * len(prompts)
        vectors = []
        for prompt, tokens, tail in zip(prompts, ids, tails, strict=True):
            batch = torch.tensor([tokens], device=self.model.device)
            found = self.model(input_ids=batch, output_hidden_states=every_layer)
            advance(len(tokens))
            if pooling == "own":
                vectors.append(found.pooler_output[0].float().cpu().numpy())
                continue
            pooled = self._pooled(pooling, tokens, prompt, tail)
            layers = found.hidden_states[:-1] if every_layer else []
            states = [hidden[0].float() for hidden in (*layers, found.last_hidden_state)]  # (t, d)
            vectors.append(torch.cat([one[pooled].mean(0) for one in states]).cpu().numpy())
        return np.stack(vectors)

    def _pooled(self, pooling: Pooling, tokens: list[int], prompt: str, tail: int) -> slice:
        """Which tokens' states make the vector."""
        if pooling in ("mean", "text"):
            return slice(-tail if tail else None, None)
        place = self._place(pooling, tokens, prompt)
        return slice(place, place + 1)

    def _place(self, pooling: Pooling, tokens: list[int], prompt: str) -> int:
        if pooling == "last":
            return len(tokens) - 1
        if self.config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
            raise ValueError(
                f"pooling {pooling!r} is for models that attend to both sides;"
                f" {self.config.model_type} does not"
            )
        if pooling == "first":
            return 0
        if tokens.count(self.tokenizer.mask_token_id) != 1:
            raise ValueError(
                f"pooling 'mask' needs the token {self.tokenizer.mask_token} once: {prompt!r}"
            )
        return tokens.index(self.tokenizer.mask_token_id)
