import numpy as np
import pytest

from sentscale.shards import ShardFolder, embed_in_shards

SENTENCES = ["a bb ccc", "a", "a bb", "a bb ccc dddd", "b", "bb a", "c"]
LENGTHS = [len(sentence.split()) for sentence in SENTENCES]  # 3 1 2 4 1 2 1
SETTINGS = {"precision": "fp32", "template": "{text}"}


class Embedder:
    """Vectors that tell their sentence; stops like a killed job after `most` calls."""

    def __init__(self, most=99):
        self.calls, self.most, self.skipped = [], most, []

    def __call__(self, texts):
        if len(self.calls) == self.most:
            raise KeyboardInterrupt
        self.calls.append(texts)
        return np.array([[SENTENCES.index(text), 0.1] for text in texts], dtype=np.float32)

    def run(self, folder, settings=None):
        shards = ShardFolder(folder, settings or SETTINGS)
        out = folder.with_suffix(".npy")
        shape = embed_in_shards(SENTENCES, self, LENGTHS, 2, shards, self.skipped.append, out)
        vectors = np.load(out)
        assert vectors.shape == shape
        return vectors


def test_the_order_of_the_sentences_is_restored(tmp_path):
    vectors = Embedder().run(tmp_path)
    assert vectors[:, 0].tolist() == list(range(7))
    assert vectors.dtype == np.float32


def test_sentences_of_similar_length_share_a_shard_longest_first(tmp_path):
    embedder = Embedder()
    embedder.run(tmp_path)
    lengths = [[len(text.split()) for text in call] for call in embedder.calls]
    assert lengths == [[4, 3], [2, 2], [1, 1], [1]]


def test_a_killed_job_goes_on_where_it_was(tmp_path):
    killed, again = Embedder(most=2), Embedder()
    with pytest.raises(KeyboardInterrupt):
        killed.run(tmp_path / "killed")
    resumed = again.run(tmp_path / "killed")
    whole = Embedder()
    assert resumed.tobytes() == whole.run(tmp_path / "whole").tobytes()
    assert killed.calls + again.calls == whole.calls
    assert sum(again.skipped) == 4 + 3 + 2 + 2  # tokens of the two shards that were there


@pytest.mark.parametrize("change", [{"precision": "bf16"}, {"template": "{text} "}, {"new": 1}])
def test_other_settings_take_nothing_up(tmp_path, change):
    Embedder().run(tmp_path)
    other = Embedder()
    other.run(tmp_path, SETTINGS | change)
    assert len(other.calls) == 4
    assert other.skipped == []


def test_the_order_of_settings_does_not_matter(tmp_path):
    Embedder().run(tmp_path)
    same = Embedder()
    same.run(tmp_path, dict(reversed(SETTINGS.items())))
    assert same.calls == []


@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_shard_is_made_again(tmp_path, caplog, cut):
    good = Embedder().run(tmp_path)
    path = sorted(tmp_path.rglob("*.npy"))[1]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content[:-3] if cut else content)
    again = Embedder()
    assert again.run(tmp_path).tobytes() == good.tobytes()
    assert [len(call) for call in again.calls] == [2]
    assert f"{path} is damaged" in caplog.text
    assert len(list(tmp_path.rglob("*.npy"))) == 4


def test_a_shard_that_was_being_written_is_not_taken_up(tmp_path):
    Embedder().run(tmp_path)
    path = sorted(tmp_path.rglob("*.npy"))[0]
    path.rename(path.with_name("000000.npy"))  # killed between writing and naming
    again = Embedder()
    again.run(tmp_path)
    assert len(again.calls) == 1


def test_clear_removes_all_of_the_job(tmp_path):
    for settings in (SETTINGS, SETTINGS | {"precision": "bf16"}):
        Embedder().run(tmp_path / "job", settings)
    ShardFolder(tmp_path / "job", SETTINGS).clear()
    assert [path.name for path in tmp_path.iterdir()] == ["job.npy"]


def test_no_sentence_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no sentences"):
        embed_in_shards([], Embedder(), [], 2, ShardFolder(tmp_path, {}), print, tmp_path / "o")
