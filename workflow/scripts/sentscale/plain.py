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
    ) -> NDArray[np.float32]:
        if pooling == "own" and getattr(self.model, "pooler", None) is None:
            raise ValueError(
                "pooling 'own' is for models with a trained pooler or with modules of"
                f" sentence-transformers; this {self.config.model_type} has neither"
            )
        vectors = []
        for prompt, tokens in zip(prompts, self.tokenise(prompts), strict=True):
            ids = torch.tensor([tokens], device=self.model.device)
            found = self.model(input_ids=ids)
            hidden = found.last_hidden_state[0].float()  # (t, d)
            if pooling == "own":
                vector = found.pooler_output[0].float()
            elif pooling == "mean":
                vector = hidden.mean(0)
            else:
                vector = hidden[self._place(pooling, tokens, prompt)]
            vectors.append(vector.cpu().numpy())
            advance(len(tokens))
        return np.stack(vectors)

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
