"""Poolings: of models that attend to both sides, and by hand."""

import numpy as np
import pytest
import torch
from engine_helpers import compute, far
from transformers import AutoModel, AutoTokenizer

from sentscale.engine import pool, pool_inner
from sentscale.loading import load_encoder
from sentscale.packing import Row, make_batch

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


def test_pool_by_hand():
    tokens = [([0] * 2, 1), ([0] * 2, 2), ([0] * 3, 2), ([0], 1)]
    batch = make_batch([Row(i, ids, pooled=count) for i, (ids, count) in enumerate(tokens)])
    hidden = torch.tensor([[1.0], [3], [5], [5], [0], [1], [2], [9]], dtype=torch.bfloat16)
    assert pool(hidden, batch, "mean").tolist() == [[2.0], [5.0], [1.0], [9.0]]
    assert pool(hidden, batch, "text").tolist() == [[3.0], [5.0], [1.5], [9.0]]
    assert pool(hidden[:4], batch, "last").tolist() == [[1.0], [3.0], [5.0], [5.0]]
    assert pool_inner(hidden, batch, "last").tolist() == [[3.0], [5.0], [2.0], [9.0]]
    assert pool_inner(hidden, batch, "mean").tolist() == [[2.0], [5.0], [1.0], [9.0]]
    kinds = {pool(hidden, batch, name).dtype for name in ("mean", "text", "last")}
    assert kinds == {torch.float32}
