import hashlib
import io
import tarfile

import pytest

from sentscale.demonstrations import Demonstration, write_demonstrations
from sentscale.samples import Sample
from sentscale.samples import write_table as write_samples
from sentscale.sources import obtain

LINE = (
    'This_sentence_:_"of_or_like_a_cat"_means_in_one_word:"Feline".'
    'This_sentence_:_"*sent_0*"_means_in_one_word:"\n'
)
FELINE = [Demonstration("of or like a cat", "Feline", "published")]


def published(url):
    sha256 = hashlib.sha256(LINE.encode()).hexdigest()
    return {"published": {"path": "lists/icl.txt", "url": url, "sha256": sha256}}


def test_the_published_list_comes_from_the_mirror_or_the_web(tmp_path, server):
    source = published(server.answer("/list.txt", LINE.encode()))
    assert obtain(source, [], None) == FELINE
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/icl.txt").write_text(LINE)
    assert obtain(source, [], tmp_path) == FELINE
    assert server.asked == ["/list.txt"]


def test_another_list_in_the_mirror_is_refused(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/icl.txt").write_text(LINE.replace("cat", "dog"))
    with pytest.raises(ValueError, match=r"icl\.txt: sha256 is"):
        obtain(published("http://127.0.0.1:9/"), [], tmp_path)


def test_a_file_of_ones_own_is_its_origin(tmp_path):
    (tmp_path / "own.tsv").write_text("sentence\tword\na cat\tCat\n")
    (found,) = obtain({"file": "own.tsv"}, [tmp_path / "own.tsv"], None)
    assert (found.sentence, found.word, found.origin) == ("a cat", "Cat", "own.tsv")


def test_lists_are_combined_in_their_order(tmp_path):
    for letter in "ab":
        rows = [Demonstration(f"{letter}{i}", "Word", letter) for i in range(3)]
        write_demonstrations(tmp_path / f"{letter}.tsv", rows)
    files = [tmp_path / "a.tsv", tmp_path / "b.tsv"]
    entry = {"lists": ["a", "b"], "every": 1}
    whole = obtain({"combined": entry}, files, None)
    assert [one.sentence for one in whole] == ["a0", "a1", "a2", "b0", "b1", "b2"]
    second = obtain({"combined": entry | {"every": 2}}, files, None)
    assert [one.sentence for one in second] == ["a0", "a2", "b1"]


def test_examples_of_a_task_carry_the_word_of_their_label(tmp_path):
    samples = [
        Sample(f"{name}:1", name, (f"a {name} film",), label)
        for label, name in enumerate(["bad", "good"])
    ]
    write_samples(tmp_path / "MR.tsv", samples)
    entry = {"task": "MR", "words": {"1": "Positive", "0": "Negative"}, "per_label": 1, "seed": 1}
    found = obtain({"examples": entry}, [tmp_path / "MR.tsv"], None)
    assert [(one.sentence, one.word) for one in found] == [
        ("a good film", "Positive"),
        ("a bad film", "Negative"),
    ]


def archive(files):
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"dict/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return body.getvalue()


def test_definitions_get_a_period_and_a_capital(server):
    files = {f"{kind}.{part}": "" for kind in ("data", "index") for part in ("verb", "adj", "adv")}
    files["data.noun"] = "00000001 05 n 01 puffin 0 000 | a small sea bird with a bright bill\n"
    files["index.noun"] = "puffin n 1 0 1 1 00000001\n"
    body = archive(files)
    url, sha256 = server.answer("/wn.tar.gz", body), hashlib.sha256(body).hexdigest()
    entry = {"database": {"url": url, "sha256": sha256}, "parts": {"noun": 1}}
    (found,) = obtain({"dictionary": entry | {"words": [3, 12], "seed": 4}}, [], None)
    assert found == Demonstration(
        "a small sea bird with a bright bill.",
        "Puffin",
        "WordNet",
        "dictionary",
        "",
        "4",
        "n00000001",
    )
