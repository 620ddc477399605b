"""What the benchmark compares, not how fast it is."""

import json

import pandas as pd
import pytest
from limit import linear_shapes, needed_flops
from record import merge
from transformers import AutoModel
from workload import read_work

from sentscale.packing import Row
from sentscale.prompts import Representation

QUOTED = Representation('"{text}"', "words", "last")


@pytest.fixture
def datasets(tmp_path):
    words = [("a", n % 7 + 1) for n in range(20)] + [("b", n + 1) for n in range(3)]
    lines = [f"{s}:{i}\t{s}\t{'w ' * n}{i % 9}\tsame\t1.0\n" for i, (s, n) in enumerate(words)]
    (tmp_path / "T.tsv").write_text("id\tsubset\tleft\tright\tgold\n" + "".join(lines))
    return tmp_path


def test_the_original_meets_each_side_of_each_pair_sorted_by_words(datasets):
    work = read_work(datasets, ["T"], QUOTED, 1)
    # Subset a: 16 and 4 pairs, b: 3 pairs; each batch once for the left side, once for the right.
    assert [len(batch) for batch in work.batches] == [16, 16, 4, 4, 3, 3]
    left = [len(prompt.split()) for prompt in work.batches[0] + work.batches[2]]
    assert left == sorted(left)
    assert set(work.batches[1]) == {'"same"'}
    assert work.prefix == '"'


def test_distinct_prompts_are_ours_and_a_share_is_of_both(datasets):
    whole, half = (read_work(datasets, ["T"], QUOTED, share) for share in (1, 2))
    assert set(whole.prompts) == set(whole.slots)
    assert len(set(whole.prompts)) == len(whole.prompts)
    assert half.batches == whole.batches[::2]
    assert half.prompts == whole.prompts[::2]
    rounds = [whole.round(number, 3) for number in range(3)]
    assert sorted(p for one in rounds for p in one.slots) == sorted(whole.slots)


def test_needed_work_by_hand(tiny_model):
    body = AutoModel.from_pretrained(tiny_model("llama"))
    assert linear_shapes(body.layers[0]) == {(32, 32): 2, (32, 16): 2, (32, 48): 2, (48, 32): 1}
    layer = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48)
    memory = 2 * 2 * 32 * 16  # keys and values
    rows = [Row(0, list(range(10)), 0, 4), Row(1, list(range(7)))]
    expected = 13 * (2 * layer + memory) + 2 * (layer - memory)
    assert needed_flops(rows, body) == expected


def test_a_part_replaces_its_own_rows_and_keys(tmp_path):
    def table(part, seconds):
        return pd.DataFrame([{"part": part, "contender": "ours", "seconds": seconds}])

    merge(tmp_path, "eol", table("eol", 1.0), {"eol_speedup": 2.0}, 2)
    merge(tmp_path, "icl", table("icl", 3.0), {"icl_speedup": 4.0}, 2)
    merge(tmp_path, "eol", table("eol", 5.0), {"eol_speedup": 6.0}, 2)
    rows = pd.read_csv(tmp_path / "cpu.csv").set_index("part")["seconds"].to_dict()
    assert rows == {"icl": 3.0, "eol": 5.0}
    latest = json.loads((tmp_path / "latest.json").read_text())
    assert (latest["eol_speedup"], latest["icl_speedup"], latest["threads"]) == (6.0, 4.0, 2)
    assert latest["device"]
