import json
import math

import numpy as np
import pytest
import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from sentscale.encoder import Compute, check_vectors
from sentscale.loading import load_encoder

CPU = Compute("plain", "resident", threads=1, gpus=0, max_tokens=128, shard_sentences=8)
# GPT-2's own code counts padding on the left as positions.
PADDED = ["opt", "opt-350m", "llama", "gemma3", "mistral", "qwen2", "qwen3", "pythia", "bloom"]
MODELS = [*PADDED, "gpt2", "neox-serial", "llama-yarn"]
SENTENCES = [
    'This sentence : "A man is playing a guitar." means in one word:"',
    "Two dogs run along the beach, and one of them carries a stick.",
    "Stocks fell sharply on Monday after the central bank raised its rates.",
]
# Of very different length: alone, and far beyond a sliding window of 8 tokens.
PROMPTS = ["a", *SENTENCES, "Hi there", " ".join([*SENTENCES, "Yes!"]), "The end.", "x"]


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
def states_of(folder, prompts):
    """All states of each prompt, with no padding at all, shape (t, d)."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), causal_model(folder)
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        yield model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0].numpy()


def cosines(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


# --- The plain engine, the reference of the fast one


@pytest.mark.parametrize("name", PADDED)
def test_the_last_token_is_the_originals(encoder_of, tiny_model, name):
    found = encoder_of(name).encode(PROMPTS, "last")
    expected = as_in_the_original(tiny_model(name), PROMPTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    # The check is worth something only if prompts differ by far more than that.
    apart = np.linalg.norm(expected[:, None] - expected[None], axis=-1)
    assert apart[~np.eye(len(PROMPTS), dtype=bool)].min() > 0.1


@pytest.mark.parametrize("name", MODELS)
def test_the_last_token_is_that_of_the_prompt_alone(encoder_of, tiny_model, name):
    found = encoder_of(name).encode(PROMPTS, "last")
    for row, states in zip(found, states_of(tiny_model(name), PROMPTS), strict=True):
        np.testing.assert_allclose(row, states[-1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_is_over_real_tokens_with_the_special_one(encoder_of, tiny_model, name):
    found = encoder_of(name).encode(PROMPTS[1:6], "mean")
    for row, states in zip(found, states_of(tiny_model(name), PROMPTS[1:6]), strict=True):
        np.testing.assert_allclose(row, states.mean(0), rtol=0, atol=1e-5)
        assert np.abs(row - states[1:].mean(0)).max() > 1e-3


@pytest.mark.parametrize(("name", "width"), [("opt", 32), ("opt-350m", 16), ("gemma3", 32)])
def test_the_width_is_that_of_the_bodys_output(encoder_of, name, width):
    assert encoder_of(name).encode(["a"], "last").shape == (1, width)


def test_prefixes_and_workspace_mean_nothing_to_the_plain_engine(encoder_of, tmp_path):
    encoder = encoder_of("opt")
    plain, told = encoder.encode(PROMPTS, "last"), []
    again = encoder.encode(PROMPTS, "last", ["This"], told.append, tmp_path)
    np.testing.assert_array_equal(again, plain)
    assert told == [len(ids) for ids in encoder.tokenise(PROMPTS)]
    assert list(tmp_path.iterdir()) == []


def test_bf16_is_close_to_fp32_but_not_it(encoder_of):
    for name in ("opt", "llama"):
        exact, coarse = (encoder_of(name, p).encode(PROMPTS, "last") for p in ("fp32", "bf16"))
        assert coarse.dtype == np.float32
        assert 0.98 < cosines(exact, coarse).min() < 1 - 1e-6


def test_weights_are_loaded_in_the_asked_precision(encoder_of):
    assert encoder_of("llama").model.dtype == torch.float32
    assert encoder_of("llama", "bf16").model.dtype == torch.bfloat16
    assert encoder_of("llama").model.training is False


def test_torch_gets_the_threads_of_the_settings(tiny_model, monkeypatch):
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    load_encoder(tiny_model("opt"), "fp32", Compute("fast", "resident", 3, 0, 64, 8))
    assert asked == [3]


# --- Tokens


@pytest.mark.parametrize(("name", "start"), [("opt", 2), ("llama", 1)])
def test_the_start_token_comes_first_and_no_end_token_last(encoder_of, name, start):
    for ids in encoder_of(name).tokenise(PROMPTS):
        assert ids[0] == start
        assert not set(ids[1:]) & {0, 1, 2, 3}


def test_the_models_have_what_their_tests_are_about(encoder_of):
    gemma3, qwen2 = encoder_of("gemma3").model.config, encoder_of("qwen2").model.config
    assert set(gemma3.layer_types) == set(qwen2.layer_types)
    assert set(qwen2.layer_types) == {"sliding_attention", "full_attention"}
    shortest = min(map(len, encoder_of("gemma3").tokenise(SENTENCES)))
    for name in ("gemma3", "qwen2", "mistral"):
        assert encoder_of(name).model.config.sliding_window == 8 < shortest
    pythia, serial = (encoder_of(name).model for name in ("pythia", "neox-serial"))
    assert (pythia.layers[0].attention.head_size, pythia.layers[0].attention.rotary_ndims) == (8, 2)
    assert [m.config.use_parallel_residual for m in (pythia, serial)] == [True, False]
    assert encoder_of("qwen3").model.layers[0].self_attn.q_proj.weight.shape == (64, 32)


def test_an_empty_prompt_is_an_error_where_nothing_comes_first(encoder_of):
    assert encoder_of("llama").encode([""], "mean").shape == (1, 32)  # the start token
    with pytest.raises(ValueError, match="prompt '', number 2 of 2, gives no token"):
        encoder_of("llama-bare").encode(["a", ""], "mean")


@pytest.mark.parametrize(
    ("value", "named"), [(None, "None is NoneType"), (math.nan, "nan is float"), (b"a", "is bytes")]
)
def test_what_is_no_text_is_named(encoder_of, value, named):
    with pytest.raises(ValueError, match=named):
        encoder_of("opt").tokenise(["a", value])


def test_no_prompts_are_an_error(encoder_of):
    for encode in (encoder_of("opt").tokenise, lambda none: encoder_of("opt").encode(none, "last")):
        with pytest.raises(ValueError, match="no prompts"):
            encode([])


def test_a_prompt_is_never_cut(encoder_of):
    encoder = encoder_of("opt")
    fits = "q" * 255  # and the start token: 256 positions
    assert len(encoder.tokenise([fits])[0]) == 256
    assert np.isfinite(encoder.encode([fits], "last")).all()
    with pytest.raises(ValueError, match="prompt of 257 tokens, the model takes 256: 'qqq"):
        encoder.encode(["a", fits + "q"], "last")


def test_a_model_without_a_table_of_positions_has_no_longest_prompt(encoder_of):
    assert np.isfinite(encoder_of("bloom").encode(["q" * 300], "last")).all()


# --- Vectors that would turn into a made-up similarity


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


# --- Settings

GOOD = {
    "engine": "fast",
    "placement": "resident",
    "threads": "2",
    "gpus": "0",
    "max_tokens": "64",
    "shard_sentences": "8",
}


def words(**changed):
    return [f"{name}={value}" for name, value in (GOOD | changed).items()]


def test_compute_is_parsed_from_words():
    assert Compute.parse(words()) == Compute("fast", "resident", 2, 0, 64, 8)
    assert Compute.parse(words()[::-1]) == Compute("fast", "resident", 2, 0, 64, 8)


def test_the_devices_follow_from_the_gpus():
    assert Compute.parse(words(placement="split")).devices == [torch.device("cpu")]
    assert Compute.parse(words(gpus=1)).devices == [torch.device("cuda:0")]
    two = [torch.device("cuda:0"), torch.device("cuda:1")]
    assert Compute.parse(words(gpus=2, placement="split")).devices == two


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"engine": "quick"}, "engine is 'quick', allowed: fast, plain"),
        ({"placement": "disk"}, "placement is 'disk', allowed: resident, split, stream"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": "two"}, "threads is 'two'"),
        ({"threads": ""}, "threads is ''"),
        ({"gpus": -1}, "gpus is -1"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"shard_sentences": -1}, "shard_sentences is -1"),
        ({"shard_sentences": 1.5}, "shard_sentences is '1.5'"),
        ({"batch": 16}, "'batch'.*expected"),
        ({"engine": "plain", "placement": "stream"}, "stream needs engine fast"),
        ({"engine": "plain", "placement": "split"}, "split needs engine fast"),
        ({"gpus": 2}, "resident uses one GPU, not 2"),
    ],
)
def test_bad_compute_settings_are_refused(changed, wrong):
    with pytest.raises(ValueError, match=wrong):
        Compute.parse(words(**changed))


def test_a_missing_compute_setting_is_refused():
    for name in GOOD:
        with pytest.raises(ValueError, match="expected"):
            Compute.parse([word for word in words() if not word.startswith(name)])


# --- Older versions of transformers


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
