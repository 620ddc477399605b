"""Every kind of prompt, prefix and batch."""

import numpy as np
import pytest
import torch
from engine_helpers import MODELS, PREFIX, PROMPTS, TEXTS, compute, far

from sentscale.engine import gather
from sentscale.loading import load_encoder
from sentscale.packing import share

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


def test_vectors_are_gathered_in_the_order_of_the_prompts():
    done = [([2, 0], torch.tensor([[2.0], [0.0]])), ([1], torch.tensor([[1.0]]))]
    assert gather(done).tolist() == [[0.0], [1.0], [2.0]]


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
