import json

import numpy as np
import pytest
import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentscale.encoder import Compute, batches, check_vectors, load_encoder

CPU = Compute(threads=1, gpus=0, max_tokens=128, shard_sentences=8)
MODELS = ["opt", "opt-350m", "llama", "gemma3"]
SENTENCES = [
    'This sentence : "A man is playing a guitar." means in one word:"',
    "Two dogs run along the beach, and one of them carries a stick.",
    "Stocks fell sharply on Monday after the central bank raised its rates.",
]
# Of very different length: alone, and far beyond gemma3's sliding window of 8 tokens.
PROMPTS = ["a", *SENTENCES, "Hi there", " ".join(SENTENCES), "The end.", "x"]


@pytest.fixture(scope="module")
def encoder_of(tiny_model):
    return lambda name, precision="fp32": load_encoder(tiny_model(name), precision, CPU)


def causal_model(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def as_in_the_original(folder, prompts):
    """Left padding with id 0, a mask, the last hidden state of the causal model at the end."""
    ids = AutoTokenizer.from_pretrained(folder)(prompts).input_ids
    width = max(map(len, ids))
    padded = torch.tensor([[0] * (width - len(row)) + row for row in ids])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids])
    states = causal_model(folder)(
        input_ids=padded, attention_mask=mask, output_hidden_states=True
    ).hidden_states
    return states[-1][:, -1].numpy()


@torch.inference_mode()
def states_of(folder, prompt):
    """All states of one prompt, with no padding at all, shape (t, d)."""
    ids = AutoTokenizer.from_pretrained(folder)(prompt, return_tensors="pt").input_ids
    return causal_model(folder)(input_ids=ids, output_hidden_states=True).hidden_states[-1][0]


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("name", MODELS)
def test_a_batch_gives_what_single_prompts_give(encoder_of, name, pooling):
    encoder = encoder_of(name)
    together = encoder.encode(PROMPTS, pooling, max_tokens=10_000)
    alone = np.concatenate([encoder.encode([prompt], pooling, 10_000) for prompt in PROMPTS])
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_last_token_is_the_originals(encoder_of, tiny_model, name):
    found = encoder_of(name).encode(PROMPTS, "last", max_tokens=300)
    expected = as_in_the_original(tiny_model(name), PROMPTS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    # The check is worth something only if prompts differ by far more than that.
    apart = np.linalg.norm(expected[:, None] - expected[None], axis=-1)
    assert apart[~np.eye(len(PROMPTS), dtype=bool)].min() > 0.1


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_is_over_real_tokens_with_the_special_one(encoder_of, tiny_model, name):
    found = encoder_of(name).encode(PROMPTS, "mean", max_tokens=10_000)
    for row, prompt in zip(found, PROMPTS, strict=True):
        states = states_of(tiny_model(name), prompt)
        np.testing.assert_allclose(row, states.mean(0).numpy(), rtol=0, atol=1e-5)
        assert np.abs(row - states[1:].mean(0).numpy()).max() > 1e-3


@pytest.mark.parametrize(("name", "width"), [("opt", 32), ("opt-350m", 16), ("gemma3", 32)])
def test_the_width_is_that_of_the_bodys_output(encoder_of, name, width):
    assert encoder_of(name).encode(["a"], "last", 64).shape == (1, width)


@pytest.mark.parametrize(("name", "start"), [("opt", 2), ("llama", 1)])
def test_the_start_token_comes_first_and_no_end_token_last(encoder_of, name, start):
    for ids in encoder_of(name).tokenise(PROMPTS):
        assert ids[0] == start
        assert not set(ids[1:]) & {0, 1, 2, 3}


def test_gemma3_has_both_kinds_of_layers(encoder_of):
    model = encoder_of("gemma3").model
    assert {"sliding_attention", "full_attention"} == set(model.config.layer_types)
    assert model.config.sliding_window < len(encoder_of("gemma3").tokenise(SENTENCES)[0])


def test_the_budget_changes_nothing(encoder_of):
    encoder = encoder_of("opt")
    counted = []
    small = encoder.encode(PROMPTS, "last", 30, counted.append)
    large = encoder.encode(PROMPTS, "last", 10_000)
    np.testing.assert_allclose(small, large, rtol=0, atol=1e-5)
    assert sum(counted) == sum(map(len, encoder.tokenise(PROMPTS)))
    assert len(counted) > 2


def test_batches_respect_the_budget_and_hold_each_row_once():
    lengths = np.random.default_rng(0).integers(1, 60, 200).tolist()
    found = list(batches(lengths, 64))
    assert sorted(row for rows in found for row in rows) == list(range(200))
    assert all(max(lengths[row] for row in rows) * len(rows) <= 64 for rows in found)
    longest = [max(lengths[row] for row in rows) for rows in found]
    assert longest == sorted(longest, reverse=True)


def test_batches_by_hand():
    # 10 > 8 is alone; 4 and 3 pad to 2 * 4; then four times 2; the rest.
    assert list(batches([2, 10, 3, 2, 4, 2, 2, 1], 8)) == [[1], [4, 2], [0, 3, 5, 6], [7]]
    assert list(batches([], 8)) == []


def test_an_empty_prompt_is_an_error_where_nothing_comes_first(encoder_of):
    assert encoder_of("llama").encode([""], "mean", 64).shape == (1, 32)  # the start token
    with pytest.raises(ValueError, match="prompt '' gives no token"):
        encoder_of("llama-bare").encode(["a", ""], "mean", 64)


def test_a_prompt_is_never_cut(encoder_of):
    encoder = encoder_of("opt")
    fits = "q" * 255  # and the start token: 256 positions
    assert len(encoder.tokenise([fits])[0]) == 256
    assert np.isfinite(encoder.encode([fits], "last", 64)).all()
    with pytest.raises(ValueError, match="prompt of 257 tokens, the model takes 256: 'qqq"):
        encoder.encode(["a", fits + "q"], "last", 64)


def test_bf16_is_close_to_fp32_but_not_it(encoder_of):
    for name in ("opt", "llama"):
        exact, coarse = (encoder_of(name, p).encode(PROMPTS, "last", 300) for p in ("fp32", "bf16"))
        assert coarse.dtype == np.float32
        assert 0.98 < cosines(exact, coarse).min() < 1 - 1e-6


def test_nf4_is_close_to_fp32_but_not_it(encoder_of):
    exact, coarse = (encoder_of("opt-64", p).encode(PROMPTS, "last", 300) for p in ("fp32", "nf4"))
    assert 0.8 < cosines(exact, coarse).min() < 1 - 1e-5


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_weights_are_loaded_in_the_asked_precision(encoder_of):
    assert encoder_of("llama").model.dtype == torch.float32
    assert encoder_of("llama", "bf16").model.dtype == torch.bfloat16
    assert encoder_of("llama").model.training is False


def test_an_unknown_precision_is_refused(encoder_of):
    with pytest.raises((KeyError, ValueError), match="fp8"):
        encoder_of("opt", "fp8")


def test_gpus_that_are_not_there_are_an_error(tiny_model):
    asked = torch.cuda.device_count() + 1
    with pytest.raises(RuntimeError, match=f"asks for {asked} GPUs, torch sees {asked - 1}"):
        load_encoder(tiny_model("opt"), "fp32", Compute(1, asked, 64, 8))


@pytest.mark.parametrize(("bad", "kind"), [(np.nan, "not finite"), (np.inf, "not finite")])
def test_a_vector_that_is_not_finite_names_its_sentence(bad, kind):
    vectors = np.ones((3, 4), dtype=np.float32)
    vectors[1:, 2] = bad
    with pytest.raises(ValueError, match=rf"'two' is {kind} \(2 such"):
        check_vectors(vectors, ["one", "two", "three"])


def test_a_zero_vector_names_its_sentence():
    vectors = np.eye(3, 4, dtype=np.float32)
    check_vectors(vectors, ["one", "two", "three"])
    vectors[2] = 0
    with pytest.raises(ValueError, match="'three' is zero"):
        check_vectors(vectors, ["one", "two", "three"])


def test_compute_is_parsed_from_words():
    words = ["gpus=0", "threads=2", "shard_sentences=512", "max_tokens=1024"]
    assert Compute.parse(words) == Compute(2, 0, 1024, 512)
    assert (Compute.parse(words).device, Compute(1, 2, 1, 1).device) == ("cpu", "cuda")


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        ("threads=0", "threads is 0"),
        ("threads=two", "two"),
        ("threads", None),
        ("thread=2", "thread"),
        ("max_tokens=-1", "max_tokens"),
        ("batch=16", "batch"),
    ],
)
def test_bad_compute_settings_are_refused(word, wrong):
    good = {"threads": "2", "gpus": "0", "max_tokens": "64", "shard_sentences": "8"}
    good.pop(word.partition("=")[0], None)
    words = [f"{name}={value}" for name, value in good.items()]
    with pytest.raises(ValueError, match=wrong):
        Compute.parse([*words, word])


def test_a_missing_compute_setting_is_refused():
    with pytest.raises(ValueError, match="expected"):
        Compute.parse(["threads=2", "gpus=0", "max_tokens=64"])


def test_files_of_an_opt_repository_give_the_start_token(tmp_path):
    # Older versions of transformers left it out, which changes every number.
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *alphabet]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    about = {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "pad_token": "<pad>"}
    about |= dict.fromkeys(("bos_token", "eos_token", "unk_token"), "</s>")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(about))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "opt"}))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer("ab").input_ids == [2, vocabulary["a"], vocabulary["b"]]
