"""Models that come with modules of sentence-transformers: a body, a pooling, what is behind it."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from typing_extensions import override

from sentscale.encoder import Compute, Encoder, Precision
from sentscale.prompts import Pooling

log = logging.getLogger(__name__)


class PipelineEncoder(Encoder):
    """One prompt at a time through all modules, as their authors put them together.

    Tokens are never cut, as with all encoders, though the modules may state a length.
    """

    def __init__(self, pipeline: SentenceTransformer) -> None:
        super().__init__(pipeline.tokenizer, pipeline[0].config)
        self.pipeline = pipeline

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
        if every_layer:
            raise ValueError("layers are not for a model with modules of its own")
        if pooling != "own":
            raise ValueError(
                f"pooling is {pooling!r}, but modules.json says that the model has one of its own:"
                " use a representation with pooling own"
            )
        vectors = []
        for tokens in self.tokenise(prompts):
            ids = torch.tensor([tokens], device=self.pipeline.device)
            found = self.pipeline({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
            vectors.append(found["sentence_embedding"][0].float().cpu().numpy())
            advance(len(tokens))
        return np.stack(vectors)


def load_pipeline(
    folder: Path,
    precision: Precision,
    dtype: torch.dtype,
    compute: Compute,
    adapter: Path | None,
) -> PipelineEncoder:
    """Load a folder with modules.json, without remote code.

    Raises:
        ValueError: The precision is nf4, there is an adapter, or the placement is not resident.
    """
    asked = {"precision nf4": precision == "nf4", "an adapter": adapter is not None}
    asked[f"placement {compute.placement}"] = compute.placement != "resident"
    for what in filter(asked.get, asked):
        raise ValueError(f"{folder}: {what} is not for a model with modules of its own")
    log.info("%s in %s, modules of its own, %s", folder, precision, compute)
    pipeline = SentenceTransformer(
        str(folder),
        device=str(compute.devices[0]),
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"dtype": dtype, "use_safetensors": True},
    )
    pipeline.tokenizer.model_max_length = int(1e30)  # else it warns of what it does not do
    return PipelineEncoder(pipeline.to(dtype).eval())
