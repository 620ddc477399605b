"""A tokenizer that writes the prompt itself, so that a model can be used without this library."""

import json

from tokenizers import Regex, Tokenizer, normalizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sentscale.prompts import Representation

# What Python's str.split() takes for white space; a test compares.
WHITE = (
    r"[\x{9}-\x{D}\x{1C}-\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}"
    r"\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+"
)


def prompt_normalizer(representation: Representation) -> normalizers.Sequence:
    """Steps from a sentence to its prompt, as `Representation.prompt` makes it.

    Normalizers come before all other steps of a tokenizer, so a sentence's last
    character merges with the template's next one as in a prompt that is given whole.
    They leave an empty text alone.
    """
    before, _, after = representation.only.partition("{text}")
    steps = [normalizers.Replace(Regex(WHITE), " "), normalizers.Strip()]
    if representation.clean_up == "sentence":
        steps += [
            normalizers.Replace(Regex(r"(?<=[^.?\"'])\z"), "."),
            normalizers.Replace('"', "'"),
            normalizers.Replace(Regex(r"\?\z"), "."),
        ]
    if after.rstrip():
        steps.append(normalizers.Replace(Regex(r"\z"), after.rstrip()))
    if before.lstrip():  # Replace at \A would make the byte-level step fail
        steps.append(normalizers.Prepend(before.lstrip()))
    return normalizers.Sequence(steps)


def prompting_tokenizer(
    tokenizer: PreTrainedTokenizerBase, representation: Representation, most_tokens: int | None
) -> PreTrainedTokenizerFast:
    """The same tokenizer with the prompt in front of its own steps.

    A token's name in a sentence, such as `</s>`, is read as text: tokenizers look
    for such names before any other step, and each piece around one would get a
    prompt of its own. Start and end tokens are added as before.

    Args:
        tokenizer: The model's own.
        representation: Its template, demonstrations filled in, and its clean-up.
        most_tokens: The model's positions; None if it has no limit.

    Raises:
        ValueError: The template holds the name of a token, or there is no token to
            pad with.
    """
    settings = json.loads(tokenizer.backend_tokenizer.to_str())
    for token in settings["added_tokens"]:
        if token["content"] in representation.only:
            raise ValueError(
                f"template holds the token {token['content']!r}, which an exported tokenizer"
                f" reads as text: {representation.only!r}"
            )
        token |= {"special": True, "normalized": False}  # those are not looked for
    settings["truncation"] = settings["padding"] = None
    backend = Tokenizer.from_str(json.dumps(settings))
    own = [backend.normalizer] if backend.normalizer else []
    backend.normalizer = normalizers.Sequence([prompt_normalizer(representation), *own])
    padding = tokenizer.pad_token or tokenizer.eos_token or tokenizer.bos_token
    if padding is None:
        raise ValueError("the tokenizer has no token to pad with: neither pad, eos nor bos")
    limit = {} if most_tokens is None else {"model_max_length": most_tokens}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=tokenizer.bos_token,
        eos_token=tokenizer.eos_token,
        unk_token=tokenizer.unk_token,
        pad_token=padding,
        padding_side="right",
        split_special_tokens=True,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        **limit,
    )
