import functools
import itertools
import logging

import bitsandbytes as bnb
import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BitsAndBytesConfig,
    GPT2Config,
    LlamaConfig,
    OPTConfig,
)

from sentscale.decoders import Decoder
from sentscale.encoder import Compute
from sentscale.engine import FastEncoder, gather, places, pool
from sentscale.families import DECODERS, OptDecoder, decoder_for
from sentscale.linear import PackedLinear, pack_linears
from sentscale.loading import device_map, dtype_of, empty_body, load_body, load_encoder
from sentscale.packing import Run, share

CPU = torch.device("cpu")
GATED = ["llama", "llama-yarn", "gemma3", "mistral", "qwen2", "qwen3"]
MODELS = ["opt", "opt-350m", *GATED, "gpt2", "pythia", "neox-serial"]
TEMPLATE = 'This sentence : "{}" means in one word:"'
PREFIX = TEMPLATE.partition("{}")[0]
TEXTS = [
    "A man plays.",
    "Two dogs run along the beach, and one of them carries a stick.",
    "'Hi' there.",  # the tokenizer merges the quotes
    "",
    "- no, one word",
    "Stocks fell sharply on Monday after the central bank raised its rates.",
    ".",
    "A man plays.",
    "(x)",
]
PROMPTS = tuple(TEMPLATE.format(text) for text in TEXTS)
SWITCHES = ["reuse_prefix", "trim_last_layer", "pack_rows"]


def far(found, expected):
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def cosines(a, b):
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def compute(engine="fast", placement="resident", max_tokens=64):
    return Compute(engine, placement, 1, 0, max_tokens, 8)


@pytest.fixture(scope="module")
def plain(tiny_model):
    """Function to the vectors of the reference, one prompt at a time."""

    @functools.cache
    def vectors(name, prompts=PROMPTS, pooling="last", precision="fp32", spread=0.3):
        folder = tiny_model(name, spread)
        return load_encoder(folder, precision, compute("plain")).encode(prompts, pooling)

    return vectors


@pytest.fixture(scope="module")
def fast(tiny_model):
    """Function to a fast encoder put together by hand."""

    @functools.cache
    def parts(name, packed, split):
        folder = tiny_model(name)
        config = AutoConfig.from_pretrained(folder)
        kind, _ = decoder_for(config)
        where = device_map(kind(empty_body(config)), [CPU, CPU]) if split else {"": CPU}
        decoder = kind(load_body(folder, torch.float32, "fp32", where))
        if packed:
            pack_linears(decoder.model)
        return AutoTokenizer.from_pretrained(folder), decoder

    def encoder(name, max_tokens=64, packed=False, split=False, **switches):
        tokenizer, decoder = parts(name, packed, split)
        return FastEncoder(tokenizer, decoder, [CPU] * (1 + split), max_tokens, **switches)

    return encoder


def spy(monkeypatch, target, name):
    """Record the first tensor that each call of a method gets, and call it."""
    seen, method = [], getattr(target, name)

    def recording(*args, **named):
        seen.append(next(arg for arg in args if isinstance(arg, torch.Tensor)))
        return method(*args, **named)

    monkeypatch.setattr(target, name, recording)
    return seen


# --- The fast engine gives what the plain one gives


@pytest.mark.parametrize("packed", [False, True], ids=["linear", "packed"])
@pytest.mark.parametrize("off", [[], *([one] for one in SWITCHES), SWITCHES], ids="-".join)
@pytest.mark.parametrize("name", MODELS)
def test_no_switch_changes_a_vector(fast, plain, name, off, packed):
    encoder = fast(name, packed=packed, **dict.fromkeys(off, False))
    found = encoder.encode(PROMPTS, "last", [PREFIX])
    assert found.dtype == np.float32
    assert far(found, plain(name)) <= 1e-5
    assert far(encoder.encode(PROMPTS, "mean", [PREFIX]), plain(name, pooling="mean")) <= 1e-5


@pytest.mark.parametrize("values", list(itertools.product([True, False], repeat=3)), ids=str)
def test_switches_do_not_depend_on_each_other(fast, plain, values):
    for name in ("llama", "opt", "gemma3"):
        switches = dict(zip(SWITCHES, values, strict=True))
        assert far(fast(name, **switches).encode(PROMPTS, "last", [PREFIX]), plain(name)) <= 1e-5


@pytest.mark.parametrize("placement", ["resident", "split", "stream"])
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_gives_the_plain_vectors(tiny_model, plain, name, placement):
    encoder = load_encoder(tiny_model(name), "fp32", compute(placement=placement))
    for prefixes in ([PREFIX], []):
        assert far(encoder.encode(PROMPTS, "last", prefixes), plain(name)) <= 1e-5
    assert far(encoder.encode(PROMPTS, "mean", [PREFIX]), plain(name, pooling="mean")) <= 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_layers_on_several_devices_give_the_same(fast, plain, name):
    encoder = fast(name, split=True)
    assert far(encoder.encode(PROMPTS, "last", [PREFIX]), plain(name)) <= 1e-5
    assert far(encoder.encode(PROMPTS, "mean"), plain(name, pooling="mean")) <= 1e-5


def test_a_loaded_model_is_packed_and_in_order(tiny_model):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute())
    packed = isinstance(encoder.decoder.layers[0].mlp.up_proj, PackedLinear)
    assert packed == torch.backends.mkldnn.is_available()
    assert (encoder.max_tokens, encoder.reuse_prefix, encoder.trim_last_layer) == (64, True, True)
    assert not any(module.training for module in encoder.decoder.layers)


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("name", MODELS)
def test_bf16_is_that_of_the_plain_engine(tiny_model, plain, name, placement):
    # Smaller weights, or the rounding of bfloat16 grows from layer to layer.
    spread = 0.1 if name in GATED else 0.3
    expected = plain(name, precision="bf16", spread=spread)
    encoder = load_encoder(tiny_model(name, spread), "bf16", compute(placement=placement))
    for prefixes in ([PREFIX], []):
        found = encoder.encode(PROMPTS, "last", prefixes)
        assert found.dtype == np.float32
        near = cosines(found, expected).min()
        assert near >= 0.999
        # The bound means something: distinct prompts are farther apart.
        distinct = expected[[row for row in range(len(TEXTS)) if TEXTS.index(TEXTS[row]) == row]]
        others = cosines(distinct[:, None], distinct[None])[~np.eye(len(distinct), dtype=bool)]
        assert 1 - near < (1 - others.max()) / 3
        assert far(found, plain(name, spread=spread)) > 1e-4


# --- Every kind of prompt

PREFIXES = [PREFIX, "Two do", 'The word "', "Monday"]
PIECES = ["dogs", "gs run", "A man", "'Hi'", '"', ".", "-", "?!", "é", "日本", "1 000", "  ", "the"]


def random_prompts(seed):
    """Texts of any length and beginning, behind one of several prefixes or none."""
    rng = np.random.default_rng(seed)
    prompts = []
    for _ in range(12):
        words = rng.choice(PIECES, rng.integers(0, 12))
        head = rng.choice([*PREFIXES, "a"])
        prompts.append(head + rng.choice(["", " "]).join(words))
    prompts += [prompts[0], PREFIX, str(rng.choice(PREFIXES))]
    return tuple(prompts), int(rng.integers(1, 150)), bool(rng.integers(2))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", MODELS)
def test_random_prompts_in_random_batches(fast, plain, name, seed):
    prompts, max_tokens, packed = random_prompts(seed)
    encoder = fast(name, max_tokens, packed)
    assert far(encoder.encode(prompts, "last", PREFIXES), plain(name, prompts)) <= 1e-5
    assert far(encoder.encode(prompts, "mean"), plain(name, prompts, "mean")) <= 1e-5


@pytest.mark.parametrize("name", ["llama", "opt", "gpt2"])
def test_a_text_that_merges_with_the_prefix_shares_one_token_less(fast, plain, name):
    encoder = fast(name)
    head = encoder.tokenise([PREFIX])[0]
    rows = encoder.tokenise(PROMPTS)
    merged = [text for text, ids in zip(TEXTS, rows, strict=True) if ids[: len(head)] != head]
    assert merged == ["'Hi' there.", "- no, one word", "."]
    shared = [row.shared for row in share(rows, [head])]
    assert shared == [len(head) - (text in merged) for text in TEXTS]
    assert far(encoder.encode(PROMPTS, "last", [PREFIX]), plain(name)) <= 1e-5


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_a_prefix_that_is_the_whole_prompt(fast, plain, name):
    prompts = (PROMPTS[0],) * 3 + (PROMPTS[0] + " x", "a")
    assert far(fast(name).encode(prompts, "last", [PROMPTS[0]]), plain(name, prompts)) <= 1e-5


def test_a_prefix_that_is_longer_than_every_prompt(fast, plain):
    prompts = (PREFIX + "A man", PREFIX, PREFIX + "A man pl", "This")
    assert far(fast("llama").encode(prompts, "last", [PROMPTS[0]]), plain("llama", prompts)) <= 1e-5


@pytest.mark.parametrize("prefixes", [[""], ["", PREFIX], [PREFIX, PREFIX], ["nowhere"]], ids=str)
def test_useless_prefixes_do_no_harm(fast, plain, prefixes):
    assert far(fast("llama").encode(PROMPTS, "last", prefixes), plain("llama")) <= 1e-5


def test_a_prompt_longer_than_the_budget_is_a_batch_of_its_own(fast, plain):
    for budget in (1, 9, 10):
        found = fast("opt", budget).encode(PROMPTS, "last", [PREFIX])
        assert far(found, plain("opt")) <= 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_one(fast, plain, name):
    encoder = fast(name)
    for row in (1, 3):
        found = encoder.encode([PROMPTS[row]], "last", [PREFIX])
        assert far(found, plain(name)[[row]]) <= 1e-5


def test_the_order_of_prompts_does_not_matter(fast):
    encoder = fast("qwen3")
    straight = encoder.encode(PROMPTS, "last", [PREFIX])
    turned = encoder.encode(PROMPTS[::-1], "last", [PREFIX])[::-1]
    assert far(turned, straight) <= 1e-5
    assert far(straight[[7]], straight[[0]]) <= 1e-5  # duplicates


@pytest.mark.parametrize("name", ["opt", "bloom"])
def test_bad_prompts_are_refused_by_every_engine(tiny_model, name):
    encoder = load_encoder(tiny_model(name), "fp32", compute())
    with pytest.raises(ValueError, match="no prompts"):
        encoder.encode([], "last")
    with pytest.raises(ValueError, match="prompt nan is float"):
        encoder.encode([float("nan")], "last")


def test_a_prompt_may_fill_all_positions(fast, plain):
    # OPT's table begins with two rows that belong to no position.
    for name in ("opt", "gpt2", "llama"):
        start = 0 if name == "gpt2" else 1
        prompts = ("q" * (256 - start), "a")
        assert far(fast(name).encode(prompts, "last"), plain(name, prompts)) <= 1e-5


# --- What is left out


def test_a_prefix_is_computed_once(fast, monkeypatch):
    encoder = fast("llama")
    head, rows = encoder.tokenise([PREFIX])[0], encoder.tokenise(PROMPTS)
    own = sum(len(ids) - len(head) + (ids[: len(head)] != head) for ids in rows)
    seen = spy(monkeypatch, encoder.decoder, "embed")
    encoder.encode(PROMPTS, "last", [PREFIX])
    assert sum(map(len, seen)) == len(head) + own
    for pooling, prefixes in (("last", []), ("mean", [PREFIX])):
        seen.clear()
        encoder.encode(PROMPTS, pooling, prefixes)
        assert sum(map(len, seen)) == sum(map(len, rows))


def test_the_last_layer_is_computed_for_last_tokens_alone(fast, monkeypatch):
    tokens = sum(map(len, fast("opt").tokenise(PROMPTS)))
    for trim, pooling, last in (
        (True, "last", len(PROMPTS)),
        (False, "last", tokens),
        (True, "mean", tokens),
    ):
        encoder = fast("opt", 10_000, trim_last_layer=trim)
        with monkeypatch.context() as patch:
            seen = spy(patch, encoder.decoder, "leave")
            # The second argument of `leave` is the layer's input, of the rows it goes on with.
            encoder.encode(PROMPTS, pooling)
        assert [len(states) for states in seen] == [tokens, tokens, last]


def test_prompts_are_side_by_side_unless_they_are_told_apart(fast, monkeypatch):
    seen = spy(monkeypatch, fast("opt").decoder, "embed")
    fast("opt", 10_000).encode(PROMPTS, "last")
    assert len(seen) == 1
    seen.clear()
    fast("opt", 10_000, pack_rows=False).encode(PROMPTS, "last")
    assert len(seen) == len(PROMPTS)


def test_progress_counts_every_token_once(fast):
    encoder, told = fast("opt", 40), []
    tokens = sum(map(len, encoder.tokenise(PROMPTS)))
    for prefixes in ([], [PREFIX]):
        encoder.encode(PROMPTS, "last", prefixes, told.append)
        assert sum(told) == tokens
        assert len(told) > 2
        told.clear()


# --- Four bits


def dequantised(folder):
    """The model with the weights that NF4 stands for, in float32, and by transformers alone."""
    four = AutoModel.from_pretrained(
        folder,
        dtype=torch.float32,
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True
        ),
        device_map={"": "cpu"},
    )
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    for name, module in four.named_modules():
        if isinstance(module, bnb.nn.Linear4bit):
            wide = bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state)
            plain = model.get_submodule(name)
            plain.weight.data = wide if isinstance(plain, torch.nn.Linear) else wide.mT
    return model


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("name", ["opt-64", "gpt2-64"])
@torch.inference_mode()
def test_nf4_computes_in_float32_on_a_cpu(tiny_model, name, placement):
    encoder = load_encoder(tiny_model(name), "nf4", compute(placement=placement))
    found = encoder.encode(PROMPTS, "last", [PREFIX])
    model = dequantised(tiny_model(name))
    expected = [
        model(torch.tensor([ids])).last_hidden_state[0, -1] for ids in encoder.tokenise(PROMPTS)
    ]
    assert far(found, torch.stack(expected).numpy()) <= 1e-5


@pytest.mark.parametrize("placement", ["resident", "stream"])
def test_nf4_on_a_cpu_needs_no_layer_of_bitsandbytes(tiny_model, monkeypatch, placement):
    # Theirs compute in bfloat16 where the processor can.
    encoder = load_encoder(tiny_model("opt-64"), "nf4", compute(placement=placement))
    layers = list(encoder.decoder.layers)
    if placement == "stream":
        prepare = encoder.prepare
        monkeypatch.setattr(encoder, "prepare", lambda part: (prepare(part), layers.append(part)))
        encoder.encode(PROMPTS, "last")
    kinds = {type(part) for layer in layers[-3:] for part in layer.modules()}
    assert kinds & {torch.nn.Linear, PackedLinear}
    assert not any("4bit" in kind.__name__ for kind in kinds)


@pytest.mark.parametrize("name", ["opt-64", "gpt2-64", "opt-350m-64"])
def test_nf4_is_the_same_wherever_the_model_is(tiny_model, plain, name):
    resident, stream = (
        load_encoder(tiny_model(name), "nf4", compute(placement=place)).encode(PROMPTS, "last")
        for place in ("resident", "stream")
    )
    assert far(resident, plain(name, precision="nf4")) <= 1e-5
    assert far(stream, resident) <= 1e-5


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("name", ["opt-64", "gpt2-64"])
def test_nf4_is_close_to_fp32_but_not_it(tiny_model, plain, name, placement):
    encoder = load_encoder(tiny_model(name), "nf4", compute(placement=placement))
    found = encoder.encode(PROMPTS, "last", [PREFIX])
    assert 0.8 < cosines(found, plain(name)).mean() < 0.99


# --- Models that the fast engine does not know


def warnings_of(caplog):
    ours = [record for record in caplog.records if record.name.startswith("sentscale")]
    return [record.getMessage() for record in ours if record.levelno >= logging.WARNING]


def test_an_unknown_architecture_is_computed_plainly_with_one_warning(tiny_model, plain, caplog):
    encoder = load_encoder(tiny_model("bloom"), "fp32", compute())
    assert len(warnings_of(caplog)) == 1
    assert "does not know model_type 'bloom'" in warnings_of(caplog)[0]
    for pooling in ("last", "mean"):
        found = encoder.encode(PROMPTS, pooling, [PREFIX])
        np.testing.assert_array_equal(found, plain("bloom", pooling=pooling))


@pytest.mark.parametrize(
    ("name", "engine"), [("llama", "fast"), ("llama", "plain"), ("bloom", "plain")]
)
def test_nobody_is_warned_of_what_was_asked_for(tiny_model, caplog, name, engine):
    load_encoder(tiny_model(name), "fp32", compute(engine)).encode(PROMPTS, "last", [PREFIX])
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("placement", ["split", "stream"])
@pytest.mark.parametrize("name", ["bloom", "bert"])
def test_other_placements_of_an_unknown_architecture_are_refused(tiny_model, name, placement):
    with pytest.raises(ValueError, match=f"placement {placement} .*'{name}'; use resident"):
        load_encoder(tiny_model(name), "fp32", compute(placement=placement))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (LlamaConfig(rope_parameters={"rope_type": "dynamic", "factor": 2.0}), "'dynamic'"),
        (GPT2Config(add_cross_attention=True), "add_cross_attention"),
        (
            AutoConfig.for_model("gemma3_text", attn_logit_softcapping=30.0),
            "attn_logit_softcapping",
        ),
        (
            AutoConfig.for_model("gemma3_text", use_bidirectional_attention=True),
            "use_bidirectional_attention",
        ),
        (AutoConfig.for_model("falcon"), "falcon"),
    ],
)
def test_what_the_engine_would_get_wrong_is_named(config, reason):
    kind, why = decoder_for(config)
    assert kind is None
    assert reason in why


def test_every_known_architecture_is_tested(tiny_model):
    kinds = {AutoConfig.from_pretrained(tiny_model(name)).model_type for name in MODELS}
    assert kinds == set(DECODERS)


# --- Models that attend to both sides

MASKED = "This sentence : 'A man plays.' means [MASK] ."


@pytest.mark.parametrize("pooling", ["first", "mask", "mean"])
def test_bert_gives_its_own_states(tiny_model, pooling):
    folder = tiny_model("bert")
    prompts = [MASKED, MASKED.replace("A man", "Two dogs"), "[MASK] ."]
    found = load_encoder(folder, "fp32", compute()).encode(prompts, pooling)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    for row, prompt in zip(found, prompts, strict=True):
        tokens = tokenizer(prompt, return_tensors="pt")
        ids = tokens.input_ids[0].tolist()
        assert (ids[0], ids[-1], ids.count(4)) == (2, 3, 1)  # [CLS], [SEP], [MASK]
        with torch.inference_mode():
            states = model(**tokens).last_hidden_state[0]
        expected = {"first": states[0], "mask": states[ids.index(4)], "mean": states.mean(0)}
        np.testing.assert_allclose(row, expected[pooling].numpy(), rtol=0, atol=1e-5)
    assert far(found[[0]], found[[1]]) > 0.01


@pytest.mark.parametrize("prompt", ["A man plays.", "[MASK] and [MASK]"])
def test_a_prompt_without_exactly_one_mask_is_refused(tiny_model, prompt):
    encoder = load_encoder(tiny_model("bert"), "fp32", compute())
    with pytest.raises(ValueError, match=r"needs the token \[MASK\] once: '.*" + prompt[-5:]):
        encoder.encode([MASKED, prompt], "mask")


@pytest.mark.parametrize("pooling", ["first", "mask"])
@pytest.mark.parametrize("settings", [("fast",), ("plain",), ("fast", "stream")], ids="-".join)
def test_poolings_of_both_sides_are_not_for_decoders(tiny_model, settings, pooling):
    encoder = load_encoder(tiny_model("opt"), "fp32", compute(*settings))
    with pytest.raises(ValueError, match=f"{pooling}.*both sides; opt does not"):
        encoder.encode(["a"], pooling)


# --- What is not there


def test_an_unknown_precision_is_refused(tiny_model):
    with pytest.raises(ValueError, match="'fp8', allowed: fp32, bf16, fp16, nf4"):
        load_encoder(tiny_model("opt"), "fp8", compute())


def test_fp16_on_a_cpu_is_refused(tiny_model):
    for settings in (("fast",), ("plain",), ("fast", "stream")):
        with pytest.raises(ValueError, match="fp16 needs a GPU"):
            load_encoder(tiny_model("opt"), "fp16", compute(*settings))


def test_nf4_computes_in_half_precision_on_a_gpu_alone():
    assert (dtype_of("nf4", True), dtype_of("nf4", False)) == (torch.float16, torch.float32)
    assert dtype_of("fp16", True) == torch.float16


def test_gpus_that_are_not_there_are_an_error(tiny_model):
    asked = torch.cuda.device_count() + 1
    with pytest.raises(RuntimeError, match=f"asks for {asked} GPUs, torch sees {asked - 1}"):
        load_encoder(tiny_model("opt"), "fp32", Compute("fast", "split", 1, asked, 64, 8))


# --- Several devices, by hand

FIRST, SECOND, THIRD = (torch.device("cuda", index) for index in range(3))


def test_layers_are_in_equal_consecutive_shares():
    assert places(4, [FIRST, SECOND]) == [FIRST, FIRST, SECOND, SECOND]
    assert places(3, [FIRST, SECOND]) == [FIRST, FIRST, SECOND]
    assert places(7, [FIRST, SECOND, THIRD]) == [FIRST] * 3 + [SECOND] * 2 + [THIRD] * 2
    assert places(3, [FIRST]) == [FIRST] * 3


@pytest.mark.parametrize("layers", [5, 7, 24])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_last_layer_is_where_the_model_ends(layers, count):
    # The norm behind it is on the last device.
    devices = [torch.device("cuda", index) for index in range(count)]
    assert places(layers, devices)[-1] == devices[-1]


def test_more_devices_than_layers_are_refused():
    with pytest.raises(ValueError, match="2 layers cannot be split over 3 devices"):
        places(2, [FIRST, SECOND, THIRD])


def test_the_parts_of_opt_350m_on_two_devices():
    config = OPTConfig(
        vocab_size=340,
        hidden_size=32,
        num_hidden_layers=3,
        ffn_dim=64,
        num_attention_heads=4,
        word_embed_proj_dim=16,
        do_layer_norm_before=True,
    )
    assert device_map(OptDecoder(empty_body(config)), [FIRST, SECOND]) == {
        "decoder.embed_tokens": FIRST,
        "decoder.embed_positions": FIRST,
        "decoder.project_in": FIRST,
        "decoder.layers.0": FIRST,
        "decoder.layers.1": FIRST,
        "decoder.layers.2": SECOND,
        "decoder.final_layer_norm": SECOND,
        "decoder.project_out": SECOND,
    }


@pytest.mark.parametrize("name", MODELS)
def test_every_part_has_one_device(tiny_model, name):
    config = AutoConfig.from_pretrained(tiny_model(name))
    decoder = decoder_for(config)[0](empty_body(config))
    assert device_map(decoder, [FIRST]) == {"": FIRST}
    found = device_map(decoder, [FIRST, SECOND])
    for key, _ in [*decoder.model.named_parameters(), *decoder.model.named_buffers()]:
        assert sum(key.startswith(f"{part}.") for part in found) == 1, key
    where = {id(module): found.get(part) for part, module in decoder.model.named_modules()}
    assert [where[id(layer)] for layer in decoder.layers] == [FIRST, FIRST, SECOND]
    assert {where[id(part)] for part in decoder.first} == {FIRST}


# --- Poolings and gathering, by hand


def test_pool_by_hand():
    runs = [Run(2, 2, 0), Run(1, 3, 0), Run(1, 1, 0)]
    hidden = torch.tensor([[1.0], [3], [5], [5], [0], [1], [2], [9]], dtype=torch.bfloat16)
    assert pool(hidden, runs, "mean").tolist() == [[2.0], [5.0], [1.0], [9.0]]
    assert pool(hidden, runs, "mean").dtype == pool(hidden, runs, "last").dtype == torch.float32
    assert pool(hidden[:4], runs, "last").tolist() == [[1.0], [3.0], [5.0], [5.0]]


def test_vectors_are_gathered_in_the_order_of_the_prompts():
    done = [([2, 0], torch.tensor([[2.0], [0.0]])), ([1], torch.tensor([[1.0]]))]
    assert gather(done).tolist() == [[0.0], [1.0], [2.0]]


# --- Out of memory

LACKS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"
    ),
]


def fail_above(monkeypatch, tokens, error, from_call=0):
    """From some call on, a layer that gets more than so many tokens has no memory for them.

    Returns the tokens of each call that went well.
    """
    step, calls, well = Decoder.step, itertools.count(), []

    def failing(self, layer, hidden, *args, **named):
        call = next(calls)
        assert call < 1000, "tries for ever"
        if call >= from_call and len(hidden) > tokens:
            raise error
        out = step(self, layer, hidden, *args, **named)
        well.append(len(hidden))
        return out

    monkeypatch.setattr(Decoder, "step", failing)
    return well


@pytest.mark.parametrize("prefixes", [[], [PREFIX]], ids=["whole", "prefix"])
@pytest.mark.parametrize("error", LACKS, ids=["gpu", "host"])
@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_less_memory_gives_the_same_vectors(
    fast, plain, monkeypatch, caplog, pooling, error, prefixes
):
    encoder, told = fast("llama", 10_000), []
    lengths = [len(ids) for ids in encoder.tokenise(PROMPTS)]
    limit = max(lengths)
    fail_above(monkeypatch, limit, error)
    found = encoder.encode(PROMPTS, pooling, prefixes, told.append)
    assert far(found, plain("llama", pooling=pooling)) <= 1e-5
    assert sum(told) == sum(lengths)
    assert limit / 2 <= encoder.max_tokens <= 2 * limit
    warned = warnings_of(caplog)
    assert warned[-1] == f"out of memory; going on with max_tokens {encoder.max_tokens}"
    # The next call begins with what fits.
    caplog.clear()
    encoder.encode(PROMPTS, pooling, prefixes)
    assert warnings_of(caplog) == []


def test_the_budget_is_halved_when_memory_runs_out(fast, monkeypatch, caplog):
    encoder = fast("llama", 10_000)
    lengths = [len(ids) for ids in encoder.tokenise(["q" * 59] * 8)]
    assert lengths == [60] * 8
    fail_above(monkeypatch, 150, LACKS[0])
    encoder.encode(["q" * 59] * 8, "last")
    budgets = [message.rpartition(" ")[2] for message in warnings_of(caplog)]
    assert budgets == ["240", "120"]
    assert encoder.max_tokens == 120


def test_finished_batches_are_not_computed_again(fast, plain, monkeypatch, caplog):
    # Three layers a batch: memory runs short in the third batch's second layer.
    encoder, told = fast("opt", 60), []
    lengths = sorted(len(ids) for ids in encoder.tokenise(PROMPTS))
    well = fail_above(monkeypatch, lengths[-3], LACKS[0], from_call=7)
    found = encoder.encode(PROMPTS, "last", [], told.append)
    assert far(found, plain("opt")) <= 1e-5
    assert well[:6] == 3 * [told[0]] + 3 * [told[1]]
    assert well[6] > lengths[-3] >= max(well[7:])
    # Each token went through three layers, the third batch's through one of them twice.
    assert sum(well) == 3 * sum(lengths) + well[6]
    assert sum(told) == sum(lengths)
    assert len(warnings_of(caplog)) >= 1


@pytest.mark.parametrize("error", LACKS, ids=["gpu", "host"])
@pytest.mark.parametrize("placement", ["resident", "stream"])
def test_a_prompt_that_does_not_fit_is_named_by_its_tokens(
    tiny_model, monkeypatch, placement, error
):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute(placement=placement))
    lengths = [len(ids) for ids in encoder.tokenise(PROMPTS)]
    fail_above(monkeypatch, max(lengths) - 1, error)
    with pytest.raises(RuntimeError, match=f"with one prompt of {max(lengths)} tokens: .*memory"):
        encoder.encode(PROMPTS, "last")


@pytest.mark.parametrize("placement", ["resident", "stream"])
@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), KeyError("x")])
def test_other_errors_pass_through(tiny_model, monkeypatch, caplog, placement, error):
    encoder = load_encoder(tiny_model("llama"), "fp32", compute(placement=placement))
    fail_above(monkeypatch, 5, error)
    with pytest.raises(type(error)) as caught:
        encoder.encode(PROMPTS, "last")
    assert caught.value is error
    assert warnings_of(caplog) == []
