"""One of our encoders as the mteb library calls it. mteb is imported only where it is asked for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from sentscale.adapters import open_adapter
from sentscale.embedding import embed
from sentscale.encoder import Compute, Encoder, Precision, check_vectors
from sentscale.export import shape_of
from sentscale.files import read_json
from sentscale.loading import load_encoder
from sentscale.mteb_results import encoder_revision, made_of, model_meta
from sentscale.prompts import CleanUp, Representation, read_representation
from sentscale.protocol import PROTOCOL
from sentscale.provenance import digests
from sentscale.weights import open_weights


class MtebEncoder:
    """What mteb asks of an encoder (`EncoderProtocol`, mteb 2), on any task of short English texts.

    Each text goes into the prompt, whatever the task: mteb's own instructions are not used.

    Attributes:
        encoder: A loaded model.
        representation: Prompt, clean-up and pooling.
        meta: Fields of mteb's `ModelMeta`.
    """

    def __init__(
        self, encoder: Encoder, representation: Representation, meta: Mapping[str, Any]
    ) -> None:
        self.encoder = encoder
        self.representation = representation
        self.meta = dict(meta)

    @classmethod
    def open(
        cls,
        results: Path,
        model: str,
        adapter: str,
        precision: Precision,
        representation: str,
        compute: Compute,
        clean_up: CleanUp | None = None,
    ) -> Self:
        """Load an encoder from the workflow's results, by its names in config.yaml.

        Args:
            results: The folder `results`, with the manifests and the representation.
            model: Key of `models`.
            adapter: Key of `adapters`, or none.
            precision: Of the weights.
            representation: Key of `representations`.
            compute: Speed and place.
            clean_up: In place of the representation's own: "words" leaves out the paper's
                rules for the final period and quotes. The encoder's name tells it.

        Raises:
            ValueError: See `load_encoder`; or a file is another than its manifest says.
        """
        manifest = results / f"models/{model}/manifest.json"
        added = None
        if adapter != "none":
            added = results / f"adapters/{model}/{adapter}/manifest.json"
        prompt = read_representation(results / f"representations/{model}/{representation}.json")
        names = [model, adapter, precision, representation]
        if clean_up not in (None, prompt.clean_up):
            prompt, names[-1] = replace(prompt, clean_up=clean_up), f"{representation}.{clean_up}"
        encoder = load_encoder(open_weights(manifest), precision, compute, open_adapter(added))
        shape = shape_of(encoder.config)
        inputs = digests(manifest=manifest, adapter=added)
        meta = model_meta(
            "_".join(names),
            encoder_revision(inputs, precision, vars(prompt), PROTOCOL["embed_sentences"]),
            made_of(names, prompt, read_json(manifest)["source"]),
            width=shape.width,
            most_tokens=shape.most_tokens,
        )
        return cls(encoder, prompt, meta)

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb calls the encoder, and files its results under."""
        from mteb.models.model_meta import ModelMeta

        return ModelMeta(**self.meta)

    def encode(
        self,
        inputs: Iterable[Mapping[str, Sequence[str]]],
        *,
        task_metadata: Any,
        hf_split: str,
        hf_subset: str,
        prompt_type: Any = None,
        **kwargs: Any,
    ) -> NDArray[np.float32]:
        """Vectors of all texts, `(n, d)`; the same text is computed once.

        Args:
            inputs: Batches with a list of texts under `text`; their size does not matter.
            task_metadata: Not used, as all that follow: every task gets the same vectors.
            hf_split: Not used.
            hf_subset: Not used.
            prompt_type: Not used.
            kwargs: mteb's `batch_size` and the like; not used.

        Raises:
            ValueError: A text has more tokens than the model has positions, or a vector
                is zero or not finite; or mteb is asked for a `precision` of vectors.
        """
        if kwargs.get("precision") not in (None, "float32"):
            raise ValueError(f"precision of vectors is {kwargs['precision']!r}; float32 only")
        texts = [text for batch in inputs for text in batch["text"]]
        row = {text: index for index, text in enumerate(dict.fromkeys(texts))}
        vectors = embed(self.encoder, self.representation, list(row))
        check_vectors(vectors, list(row))
        return vectors[[row[text] for text in texts]]

    def similarity(self, embeddings1: ArrayLike, embeddings2: ArrayLike) -> torch.Tensor:
        """Cosine of each vector with each, `(n, m)`."""
        return _directions(embeddings1) @ _directions(embeddings2).T

    def similarity_pairwise(self, embeddings1: ArrayLike, embeddings2: ArrayLike) -> torch.Tensor:
        """Cosine of each vector with the same row of the others, `(n,)`."""
        return (_directions(embeddings1) * _directions(embeddings2)).sum(-1)


def _directions(vectors: ArrayLike) -> torch.Tensor:
    """Vectors of length one, `(n, d)`; a single vector is one row."""
    rows = torch.atleast_2d(torch.as_tensor(vectors).float())
    return torch.nn.functional.normalize(rows, dim=-1)
