"""Words for sentences from a local language model: greedy, held to one usable word."""

import re
from collections.abc import Callable
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from sentscale.encoder import check_gpus
from sentscale.loading import dtype_of
from sentscale.prompts import fill

# Beginnings of a word that are tried, the most probable first, until one gives a usable word.
BEGINNINGS = 10
# A word of more tokens is none.
MOST_TOKENS = 8
_BEGINS, _GOES_ON = re.compile(r"[A-Za-z]+"), re.compile(r"[A-Za-z]+(-[A-Za-z]+)*|-")


class LocalLabeller:
    """A causal language model that completes `... means in one word:"`."""

    def __init__(self, folder: Path, precision: str, prompt: str, gpus: int, threads: int) -> None:
        """Load a safetensors folder.

        Args:
            folder: Of the model, with its tokenizer.
            precision: fp32, bf16 or fp16.
            prompt: Text with the slot `{text}`; it ends where the word begins.
            gpus: 0 computes on the CPU, otherwise on the first GPU.
            threads: CPU threads.

        Raises:
            RuntimeError: The job asks for GPUs that are not there.
            ValueError: The model attends to both sides, or its vocabulary head is not
                in the folder: its words would be random.
        """
        check_gpus(gpus)
        torch.set_num_threads(threads)
        self.prompt = prompt
        self.device = torch.device("cuda" if gpus else "cpu")
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model, loaded = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=dtype_of(precision, gpus > 0),
            device_map={"": self.device},
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
        if loaded["missing_keys"] or self.tokenizer.mask_token_id is not None:
            missing = ", ".join(sorted(loaded["missing_keys"])) or "a mask token is there"
            raise ValueError(
                f"{folder}: no causal language model with its vocabulary head: {missing}"
            )
        self.model = model.eval()
        width = self.model.get_output_embeddings().weight.shape[0]
        self.begins, self.goes_on = tokens_of_words(self.tokenizer, width)

    @torch.inference_mode()
    def word(self, sentence: str, usable: Callable[[str], bool]) -> str:
        """The most probable usable word: greedy from the best first token that leads to one.

        A word goes on as long as its most probable next token does. Without barring
        words such as "The", a small model's word is the sentence's first one.

        Args:
            sentence: Enters the prompt as it is.
            usable: Whether a word may stand in a demonstration.

        Returns:
            The word; if none is usable, the most probable one.
        """
        ids = self.tokenizer(fill(self.prompt, {"text": sentence})).input_ids
        begins = self._logits(ids).masked_fill(~self.begins, -torch.inf)
        words = []
        for first in begins.topk(BEGINNINGS).indices.tolist():
            tokens = [first]
            while len(tokens) <= MOST_TOKENS:
                best = int(self._logits(ids + tokens).argmax())
                if not self.goes_on[best]:
                    break
                tokens.append(best)
            words.append("".join(self.tokenizer.convert_ids_to_tokens(tokens)))
            if len(tokens) <= MOST_TOKENS and usable(words[-1]):
                return words[-1]
        return words[0]

    def _logits(self, ids: list[int]) -> torch.Tensor:
        """Of the next token, shape `(vocabulary,)`, float32 on the CPU."""
        output = self.model(torch.tensor([ids], device=self.device), use_cache=False)
        return output.logits[0, -1].float().cpu()


def tokens_of_words(
    tokenizer: PreTrainedTokenizerBase, width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which tokens begin a word, and which go on with it.

    A token that begins with a space (written as a special letter in the vocabulary)
    is neither: the word touches the quote in front of it.

    Args:
        tokenizer: The model's own.
        width: Of the model's output; some are wider than the vocabulary.

    Returns:
        Two boolean tensors, shape `(width,)`.
    """
    begins, goes_on = torch.zeros(width, dtype=torch.bool), torch.zeros(width, dtype=torch.bool)
    for token, index in tokenizer.get_vocab().items():
        begins[index] = _BEGINS.fullmatch(token) is not None
        goes_on[index] = _GOES_ON.fullmatch(token) is not None
    for index in tokenizer.all_special_ids:
        begins[index] = goes_on[index] = False
    return begins, goes_on
