"""Configurations and tokenizers of tiny random models."""

# Ids of the start tokens: </s> is 2 for OPT, <s> is 1 for LLaMA (protocol, section 1).
OPT_TOKENS = ["<s>", "<pad>", "</s>", "<unk>"]
LLAMA_TOKENS = ["<unk>", "<s>", "</s>", "<pad>"]
BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SENTENCES = [
    'This sentence : "A man is playing a guitar." means in one word:"',
    "Two dogs run along the beach, and one of them carries a stick.",
    "Stocks fell sharply on Monday after the central bank raised its rates.",
]
# Real tokenizers have such tokens: a quote before the slot merges with a text's first character.
MERGED = ' "\' ". "-'


def save_tokenizer(folder, tokens, start=None, end=None, **named):
    """A byte-level BPE trained on some sentences; `start` comes first, `end` last, if any."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*SENTENCES, *[MERGED] * 5], trainer)
    special = [(token, tokens.index(token)) for token in (start, end) if token]
    if special:
        single = " ".join(filter(None, [start, "$A", end]))
        tokenizer.post_processor = processors.TemplateProcessing(
            single=single, special_tokens=special
        )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(folder)


def tiny_config(name, spread=0.3):
    """Wide enough to differ, small enough to be quick; weights large enough to attend."""
    from transformers import (
        BertConfig,
        BloomConfig,
        Gemma3TextConfig,
        GPT2Config,
        GPTNeoXConfig,
        LlamaConfig,
        MistralConfig,
        OPTConfig,
        Qwen2Config,
        Qwen3Config,
    )

    size = {
        "vocab_size": 340,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 256,
    }
    wide = size | {"intermediate_size": 48, "initializer_range": spread}
    gated = wide | {"num_key_value_heads": 2}
    opt = size | {"ffn_dim": 64, "init_std": spread, "dropout": 0.1}
    neox = wide | {"rotary_pct": 0.25}
    gpt2 = wide | {"intermediate_size": None}
    yarn = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0}
    configs = {
        "opt": lambda: OPTConfig(**opt, word_embed_proj_dim=32),
        # bitsandbytes' kernel for CPUs with avx512_bf16 needs widths in multiples of 64.
        "opt-64": lambda: OPTConfig(**(opt | {"hidden_size": 64}), word_embed_proj_dim=64),
        "opt-350m": lambda: OPTConfig(
            **opt, word_embed_proj_dim=16, do_layer_norm_before=False, _remove_final_layer_norm=True
        ),
        "opt-350m-64": lambda: OPTConfig(
            **(opt | {"hidden_size": 128}), word_embed_proj_dim=64, do_layer_norm_before=False
        ),
        "llama": lambda: LlamaConfig(**gated),
        "llama-bare": lambda: LlamaConfig(**gated),  # no start token
        "llama-yarn": lambda: LlamaConfig(
            **gated, rope_parameters=yarn | {"original_max_position_embeddings": 64}
        ),
        "gemma3": lambda: Gemma3TextConfig(
            **gated,
            head_dim=8,
            sliding_window=8,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        "mistral": lambda: MistralConfig(**gated, sliding_window=8),
        "qwen2": lambda: Qwen2Config(
            **gated, use_sliding_window=True, sliding_window=8, max_window_layers=1
        ),
        "qwen3": lambda: Qwen3Config(**gated, head_dim=16),
        "gpt2": lambda: GPT2Config(**gpt2),
        "gpt2-64": lambda: GPT2Config(**(gpt2 | {"hidden_size": 64})),
        "pythia": lambda: GPTNeoXConfig(**neox),
        "neox-serial": lambda: GPTNeoXConfig(**neox, use_parallel_residual=False),
        # Not known to the fast engine; no table of positions.
        "bloom": lambda: BloomConfig(
            vocab_size=340, hidden_size=32, n_layer=3, n_head=4, initializer_range=spread
        ),
        "bert": lambda: BertConfig(**wide),
    }
    return configs[name]()
