"""States between two layers, in files."""

import pytest
import torch
from engine_helpers import files

from sentscale.offload import States


def batches_of(value):
    return [torch.full((tokens, 4), value + tokens / 8) for tokens in (3, 1, 2)]


def read(states, number, sizes=(3, 1, 2)):
    return [hidden.tolist() for hidden in states.read(number, sizes)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_states_come_back_as_they_were(tmp_path, dtype):
    torch.manual_seed(0)
    states = States(tmp_path / "new" / "folder", dtype, 4)
    written = [torch.randn(tokens, 4).to(dtype) for tokens in (3, 1, 2)]
    states.write(0, iter(written))
    found = list(states.read(0, [3, 1, 2]))
    assert all(map(torch.equal, found, written))
    # A tensor that does not lie in one piece, and batches cut elsewhere.
    states.write(1, iter([torch.cat(written).T.contiguous().T]))
    assert torch.equal(torch.cat(list(states.read(1, [2, 4]))), torch.cat(written))


def test_the_file_before_goes_when_the_next_is_complete(tmp_path):
    states = States(tmp_path, torch.float32, 4)
    assert states.newest() == -1
    states.write(0, iter(batches_of(1)))
    assert (states.newest(), len(files(tmp_path))) == (0, 1)

    def dying():
        yield batches_of(2)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        states.write(1, dying())
    again = States(tmp_path, torch.float32, 4)
    assert again.newest() == 0
    assert read(again, 0) == [hidden.tolist() for hidden in batches_of(1)]
    again.write(1, iter(batches_of(2)))
    assert again.newest() == 1
    assert len(files(tmp_path)) == 1
    again.clear()
    assert files(tmp_path) == []


def test_the_layer_is_written_while_the_one_before_is_read(tmp_path):
    states = States(tmp_path, torch.float32, 4)
    states.write(0, iter(batches_of(1)))
    states.write(1, (hidden + 1 for hidden in states.read(0, [3, 1, 2])))
    assert read(states, 1) == [hidden.tolist() for hidden in batches_of(2)]


@pytest.mark.parametrize("damage", ["flip", "cut", "longer"])
def test_a_damaged_file_is_not_used(tmp_path, caplog, damage):
    states = States(tmp_path, torch.float32, 4)
    states.write(8, iter(batches_of(1)))
    older = next(tmp_path.glob("layer-*"))
    kept = older.read_bytes()
    states.write(9, iter(batches_of(2)))
    older.write_bytes(kept)  # as if the job had been killed before it was removed
    states.write(10, iter(batches_of(3)))
    assert (states.newest(), len(files(tmp_path))) == (10, 2)
    newest = max(tmp_path.glob("layer-*"))
    raw = bytearray(newest.read_bytes())
    raw[5] ^= 1
    newest.write_bytes({"flip": bytes(raw), "cut": kept[:-16], "longer": kept + b"\0"}[damage])
    assert states.newest() == 8
    assert [newest.name in record.getMessage() for record in caplog.records] == [True]
    assert read(states, 8) == [hidden.tolist() for hidden in batches_of(1)]
    assert files(tmp_path) == [older.name]
