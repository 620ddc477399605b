import re

import pytest

from sentscale.demonstrations import (
    Demonstration,
    best_of,
    obtain_demonstrations,
    read_demonstrations,
    read_published,
    write_demonstrations,
    write_scores,
)

PUBLISHED = (
    'This_sentence_:_"A_jockey_rides_a_horse."_means_in_one_word:"Equestrian".'
    'This_sentence_:_"*sent_0*"_means_in_one_word:"\n'
    'This_sentence_:_"of_or_like_a_cat"_means_in_one_word:"Feline".'
    'This_sentence_:_"*sent_0*"_means_in_one_word:"\n'
)
TWO = [
    Demonstration("A jockey rides a horse.", "Equestrian"),
    Demonstration("of or like a cat", "Feline"),
]


def table(tmp_path, text):
    path = tmp_path / "demonstrations.tsv"
    path.write_bytes(text.encode())
    return path


def test_a_written_table_is_read_back(tmp_path):
    odd = [*TWO, Demonstration("None", "NA"), Demonstration("{text} \u0085 it's", "null")]
    write_demonstrations(tmp_path / "table.tsv", odd)
    assert read_demonstrations(tmp_path / "table.tsv") == odd


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("word\tsentence\na\tb\n", 1),
        ("sentence\tword\na cat\tcat\nno word\n", 3),
        ("sentence\tword\na cat\tcat\textra\n", 2),
        ("sentence\tword\n \tcat\n", 2),
        ("sentence\tword\na cat\t\n", 2),
        ('sentence\tword\na "cat"\tcat\n', 2),  # would end the template's quotation
        ("sentence\tword\na\tb\nc\td\na\tb\n", 4),  # twice
    ],
)
def test_a_malformed_table_is_refused_with_its_line(tmp_path, text, line):
    with pytest.raises(ValueError, match=rf"demonstrations\.tsv:{line}: "):
        read_demonstrations(table(tmp_path, text))


def test_a_table_without_rows_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no demonstration"):
        read_demonstrations(table(tmp_path, "sentence\tword\n"))


def test_a_table_that_was_cut_short_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cut short"):
        read_demonstrations(table(tmp_path, "sentence\tword\na cat\tca"))


def test_the_published_list_is_unfilled(tmp_path):
    assert read_published(table(tmp_path, PUBLISHED)) == TWO


def test_a_malformed_published_line_is_refused_with_its_number(tmp_path):
    broken = PUBLISHED.replace("Feline", 'Fe"line')
    with pytest.raises(ValueError, match=r"demonstrations\.tsv:2: .*Fe"):
        read_published(table(tmp_path, broken))


def test_an_empty_published_list_is_refused(tmp_path):
    with pytest.raises(ValueError, match=":1: "):
        read_published(table(tmp_path, ""))


def test_a_file_of_ones_own_needs_no_mirror(tmp_path):
    write_demonstrations(tmp_path / "own.tsv", TWO)
    assert obtain_demonstrations({"file": str(tmp_path / "own.tsv")}, None) == TWO


def published_source(url, body):
    import hashlib

    sha256 = hashlib.sha256(body).hexdigest()
    return {"published": "demonstrations.tsv", "url": url, "sha256": sha256}


def test_the_published_list_comes_from_the_mirror_or_the_web(tmp_path, server):
    body = PUBLISHED.encode()
    source = published_source(server.answer("/list.txt", body), body)
    assert obtain_demonstrations(source, None) == TWO
    table(tmp_path, PUBLISHED)
    assert obtain_demonstrations(source, tmp_path) == TWO
    assert server.asked == ["/list.txt"]


def test_another_list_in_the_mirror_is_refused(tmp_path):
    source = published_source("http://127.0.0.1:9/", PUBLISHED.encode())
    table(tmp_path, PUBLISHED.replace("jockey", "donkey"))
    with pytest.raises(ValueError, match=r"demonstrations\.tsv: sha256 is"):
        obtain_demonstrations(source, tmp_path)


@pytest.mark.parametrize(
    ("scores", "best"), [([1.0, 3.0, 2.0], 1), ([1.0, 3.0, 3.0], 1), ([-2.0, -2.0], 0)]
)
def test_ties_go_to_the_first(scores, best):
    assert best_of(scores) == best


def test_scores_are_written_in_full_and_in_order(tmp_path):
    write_scores(tmp_path / "scores.tsv", TWO, [67.123456789012345, -0.1])
    rows = [line.split("\t") for line in (tmp_path / "scores.tsv").read_text().splitlines()]
    assert [row[1] for row in rows] == ["word", "Equestrian", "Feline"]
    assert [float(row[2]) for row in rows[1:]] == [67.123456789012345, -0.1]


def test_a_missing_score_is_refused(tmp_path):
    with pytest.raises(ValueError, match=re.compile("shorter|longer")):
        write_scores(tmp_path / "scores.tsv", TWO, [1.0])


def test_the_authors_list_has_300_entries_six_without_a_period(shared_data):
    found = read_published(shared_data / "demonstrations" / "icl_examples.txt")
    assert len(set(found)) == 300
    assert sum(not one.sentence.endswith(".") for one in found) == 6
    assert not any("_" in one.sentence + one.word for one in found)
