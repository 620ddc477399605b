"""Training prompts: sentences cut to a number of tokens, decoded, put into a template."""

from collections.abc import Sequence
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from sentscale.prompts import Representation, fill
from sentscale.recipe import Recipe
from sentscale.triplets import COLUMNS, Triplet

# What transformers 4 did after decoding unless a tokenizer said otherwise, in this order.
_CLEANED = (
    *((f" {mark}", mark) for mark in ".?!,"),
    (" ' ", "'"),
    *((f" {ending}", ending) for ending in ("n't", "'m", "'s", "'ve", "'re")),
)


def tokenise_triplets(
    triplets: Sequence[Triplet], representation: Representation, weights: Path, recipe: Recipe
) -> dict[str, list[list[int]]]:
    """Tokens of the training prompts of each column, in the order of the triplets.

    Args:
        triplets: `n` of them.
        representation: Its template is used; its clean-up is not.
        weights: Folder with the model's tokenizer.
        recipe: How sentences are cut.
    """
    tokenizer = AutoTokenizer.from_pretrained(weights, local_files_only=True)
    found = {}
    for name, sentences in zip(COLUMNS, zip(*triplets, strict=True), strict=True):
        prompts = training_prompts(
            sentences,
            representation.only,
            tokenizer,
            recipe.most_tokens,
            recipe.clean_up_decoded,
        )
        found[name] = tokenizer(prompts).input_ids
    return found


def training_prompts(
    sentences: Sequence[str],
    template: str,
    tokenizer: PreTrainedTokenizerBase,
    most_tokens: int,
    clean_up_decoded: bool,
) -> list[str]:
    """Prompts as the original makes them for training (docs/protocol.md).

    Nothing is done to a sentence but what cutting and decoding do to it: no final
    period, no other quotes.

    Args:
        sentences: As they stand in the training set.
        template: With the slot `{text}`.
        tokenizer: The model's own.
        most_tokens: Tokens that stay, special tokens not counted.
        clean_up_decoded: Whether the spaces that transformers 4 took out after
            decoding go: before marks and the second half of "don 't".
    """
    ids = tokenizer(
        list(sentences), add_special_tokens=False, truncation=True, max_length=most_tokens
    ).input_ids
    texts = tokenizer.batch_decode(ids, clean_up_tokenization_spaces=False)
    if clean_up_decoded:
        texts = list(map(cleaned, texts))
    return [fill(template, {"text": text}).strip() for text in texts]


def cleaned(text: str) -> str:
    """The decoded text without the spaces that transformers 4 took out."""
    for old, new in _CLEANED:
        text = text.replace(old, new)
    return text
