"""The gradient in chunks, over processes and with dropout is that of one large batch."""

import math
import runpy

import pytest
import torch
from training_helpers import (
    ALONE,
    gradients,
    launch,
    lora_model,
    random_tokens,
    reference_loss,
    relative,
    same_bits,
    small,
)

from sentscale.contrast import (
    Chunk,
    accumulate_gradient,
    contrastive_loss,
    embed_chunk,
    make_chunks,
)
from sentscale.lora import trained

ROWS = 12  # four triplets
TOKENS = random_tokens(ROWS)
TEMPERATURE = 0.5  # the numbers stay far from 0 and 1


@pytest.fixture(scope="module")
def model_of(tiny_model):
    """Function from a name to a model in float64 with LoRA."""
    models = {}

    def model(name):
        if name not in models:
            models[name] = lora_model(tiny_model(name), small(dropout=0.3))
        models[name].zero_grad()
        return models[name]

    return model


def ours(model, size, kept_rows, pooling="last", scale=1.0):
    model.zero_grad()
    loss = accumulate_gradient(
        make_chunks(TOKENS, size, 1, 2),
        lambda chunk: embed_chunk(model, chunk, pooling),
        lambda vectors: contrastive_loss(vectors, TEMPERATURE),
        list(trained(model).values()),
        ALONE,
        model.get_input_embeddings().embedding_dim,  # of OPT-350m half of the hidden states
        kept_rows,
        scale,
    )
    return loss, gradients(model)


def pool(hidden, mask, pooling):
    if pooling == "last":
        return torch.stack([row[kept.sum() - 1] for row, kept in zip(hidden, mask, strict=True)])
    return torch.stack([row[kept].mean(0) for row, kept in zip(hidden, mask.bool(), strict=True)])


def full_batch(model, pooling):
    """One forward pass over all rows, with a mask."""
    longest = max(map(len, TOKENS))
    ids = torch.tensor([row + [1] * (longest - len(row)) for row in TOKENS])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in TOKENS])
    return pool(model(input_ids=ids, attention_mask=mask).last_hidden_state, mask, pooling)


def row_by_row(model, pooling):
    """A forward pass for each row, nothing to pad."""
    states = [model(input_ids=torch.tensor([row])).last_hidden_state for row in TOKENS]
    return torch.cat([pool(one, torch.ones(one.shape[:2]).long(), pooling) for one in states])


def expected(model, vectors):
    model.zero_grad()
    loss = reference_loss(vectors, TEMPERATURE)
    loss.backward()
    return loss.item(), gradients(model)


@pytest.mark.parametrize(
    ("name", "reference", "pooling"),
    [
        *((name, full_batch, "last") for name in ("opt", "llama", "opt-350m", "gpt2", "gemma3")),
        *((name, row_by_row, "last") for name in ("opt", "llama")),
        *((name, full_batch, "mean") for name in ("opt", "llama")),
    ],
)
def test_chunks_give_the_gradient_of_the_whole_batch(model_of, name, reference, pooling):
    model = model_of(name).eval()
    loss, whole = expected(model, reference(model, pooling))
    assert all(one.abs().max() > 1e-6 for one in whole.values())
    for size, kept_rows in [(ROWS, ROWS), (1, 0), (5, 5), (7, 0)]:
        found, gradient = ours(model, size, kept_rows, pooling)
        assert found == pytest.approx(loss, rel=1e-6)
        assert relative(gradient, whole) <= 1e-6


@pytest.mark.parametrize("size", [1, 5, ROWS])
@pytest.mark.parametrize("name", ["opt", "llama"])
def test_with_dropout_the_second_pass_meets_the_masks_of_the_first(model_of, name, size):
    model = model_of(name).train()
    vectors = torch.zeros(ROWS, 32, dtype=torch.float64)
    for chunk in make_chunks(TOKENS, size, 1, 2):  # one graph over all chunks, nothing cached
        torch.manual_seed(chunk.seed)
        states = model(input_ids=chunk.ids).last_hidden_state
        last = states[range(len(chunk.rows)), chunk.lengths - 1]
        vectors = vectors.index_put((torch.tensor(chunk.rows),), last)
    loss, whole = expected(model, vectors)
    for kept_rows in (0, 6, ROWS):
        found, gradient = ours(model, size, kept_rows)
        assert found == pytest.approx(loss, rel=1e-6)
        assert relative(gradient, whole) <= 1e-6
    without = ours(model.eval(), size, 0)[0]
    assert found != pytest.approx(without, rel=1e-3)  # dropout does something


@pytest.mark.parametrize("name", ["opt", "llama"])
def test_what_stays_in_memory_changes_no_bit(model_of, name):
    model = model_of(name).train()
    loss, whole = ours(model, 5, 0)
    for kept_rows in (1, 5, 7, 10, ROWS, 999):
        found, gradient = ours(model, 5, kept_rows)
        assert found == loss
        assert same_bits(gradient, whole)


@pytest.mark.parametrize(
    ("kept_rows", "passes"), [(0, 6), (1, 6), (4, 5), (5, 5), (10, 4), (ROWS, 3)]
)
def test_a_chunk_that_fits_into_memory_saves_a_pass(model_of, kept_rows, passes):
    model, seen = model_of("llama").train(), []
    with model.get_base_model().register_forward_hook(lambda *_: seen.append(1)):
        ours(model, 5, kept_rows)  # chunks of 5, 5 and 2 rows
    assert len(seen) == passes


def test_the_gradient_is_scaled_and_the_loss_is_not(model_of):
    model = model_of("opt").train()
    loss, whole = ours(model, 5, 0)
    found, gradient = ours(model, 5, 0, scale=1 / 8)
    assert found == loss
    assert relative(gradient, {name: one / 8 for name, one in whole.items()}) <= 1e-12


def test_the_loss_by_hand():
    # Two triplets. Anchors e1, e2; positives e1, e3; negatives e2, e4. At temperature 0.5
    # the first anchor scores 2 0 0 0 and the second 0 0 2 0 (its own positive is the second).
    unit = torch.eye(4, dtype=torch.float64)
    vectors = unit[[0, 1, 0, 2, 1, 3]] * torch.tensor([3.0, 1, 0.5, 1, 2, 1])[:, None]
    first = -math.log(math.exp(2) / (math.exp(2) + 3))
    second = -math.log(1 / (math.exp(2) + 3))
    found = contrastive_loss(vectors, 0.5).item()
    assert found == pytest.approx((first + second) / 2, rel=1e-12)
    assert reference_loss(vectors, 0.5).item() == pytest.approx(found, rel=1e-12)


def test_chunks_hold_each_row_once_longest_first():
    tokens = [[5], [6, 7, 8], [9, 10], [11, 12, 13], [14, 15]]
    chunks = make_chunks(tokens, 2, seed=1, step=0)
    assert [chunk.rows for chunk in chunks] == [[1, 3], [2, 4], [0]]
    assert [chunk.lengths.tolist() for chunk in chunks] == [[3, 3], [2, 2], [1]]
    assert chunks[0].ids.tolist() == [[6, 7, 8], [11, 12, 13]]
    (one,) = make_chunks(tokens[:2], 2, seed=1, step=0)
    assert [row[:3] for row in one.ids.tolist()] == [[6, 7, 8], [5, 0, 0]]  # padded on the right


def test_no_two_chunks_share_a_seed_and_the_same_chunk_keeps_it():
    def seeds(seed, step):
        return [chunk.seed for chunk in make_chunks(TOKENS, 2, seed, step)]

    many = [number for seed in (1, 2) for step in range(50) for number in seeds(seed, step)]
    assert len(set(many)) == len(many) == 2 * 50 * 6
    assert seeds(2, 7) == seeds(2, 7)
    assert seeds(1, 2) != seeds(2, 1)


@pytest.mark.parametrize("name", ["opt", "llama"])
def test_a_mean_leaves_padding_out(model_of, name):
    model = model_of(name).eval()
    ids = torch.full((2, 6), 9)
    ids[0, :2] = torch.tensor([20, 30])
    chunk = Chunk([0, 1], ids, torch.tensor([2, 6]), 0)
    found = embed_chunk(model, chunk, "mean")[0]
    alone = model(input_ids=torch.tensor([[20, 30]])).last_hidden_state[0].mean(0)
    assert torch.allclose(found, alone, rtol=1e-9)


SCRIPT = """
import sys
import torch
from transformers import AutoModel
from sentscale.contrast import accumulate_gradient, contrastive_loss, embed_chunk, make_chunks
from sentscale.ranks import joined_ranks

tokens, cases = torch.load(sys.argv[2])
model = AutoModel.from_pretrained(sys.argv[1], dtype=torch.float64, attn_implementation="sdpa")
model.train().requires_grad_(False)
weights = {name: one for name, one in model.named_parameters() if "_proj" in name}
for one in weights.values():
    one.requires_grad_(True)
with joined_ranks(0, 1) as ranks:
    found = []
    for size, kept_rows in cases:
        model.zero_grad()
        loss = accumulate_gradient(
            make_chunks(tokens, size, 1, 2),
            lambda chunk: embed_chunk(model, chunk, "last"),
            lambda vectors: contrastive_loss(vectors, 0.5),
            list(weights.values()),
            ranks,
            32,
            kept_rows,
            1.0,
        )
        found.append((loss, {name: one.grad.clone() for name, one in weights.items()}))
    most = ranks.largest([5, 3][ranks.rank] if ranks.size > 1 else 5)
    torch.save((found, ranks.size, most), f"{sys.argv[3]}-{ranks.rank}")
"""


@pytest.mark.slow
def test_two_processes_give_the_gradient_of_one(root, tiny_model, tmp_path, monkeypatch):
    # OPT in train mode: its own dropout is on. One chunk leaves the second process idle.
    cases = [(5, 0), (5, 5), (1, 3), (ROWS, 0), (ROWS, ROWS)]
    torch.save((TOKENS, cases), tmp_path / "in")
    (tmp_path / "script.py").write_text(SCRIPT)
    given = (tiny_model("opt"), tmp_path / "in")
    done = launch(root, tmp_path / "script.py", *given, tmp_path / "two", ranks=2)
    assert done.returncode == 0, done.stderr
    monkeypatch.setattr("sys.argv", ["", *map(str, given), str(tmp_path / "one")])
    runpy.run_path(str(tmp_path / "script.py"))
    alone, size, most = torch.load(tmp_path / "one-0")
    assert (size, most) == (1, 5)
    for rank in (0, 1):  # each ends with the whole
        found, size, most = torch.load(tmp_path / f"two-{rank}")
        assert (size, most) == (2, 5)
        for (loss, gradient), (expected_loss, whole) in zip(found, alone, strict=True):
            assert loss == pytest.approx(expected_loss, rel=1e-6)
            assert relative(gradient, whole) <= 1e-6
