import pytest

from sentscale.demonstrations import (
    COLUMNS,
    Demonstration,
    Rejected,
    fault,
    label,
    picked,
    read_demonstrations,
    read_published,
    sort_out,
    tidy_word,
    with_shots,
    write_demonstrations,
    write_lists,
)
from sentscale.files import read_lines, write_json

PUBLISHED = (
    'This_sentence_:_"A_jockey_rides_a_horse."_means_in_one_word:"Equestrian".'
    'This_sentence_:_"*sent_0*"_means_in_one_word:"\n'
    'This_sentence_:_"of_or_like_a_cat"_means_in_one_word:"Feline".'
    'This_sentence_:_"*sent_0*"_means_in_one_word:"\n'
)
TWO = [
    Demonstration("A jockey rides a horse.", "Equestrian", "published"),
    Demonstration("of or like a cat", "Feline", "published"),
]
STOP = frozenset({"the", "this"})


def table(tmp_path, text):
    path = tmp_path / "demonstrations.tsv"
    path.write_bytes(text.encode())
    return path


# --- Tables


def test_a_written_table_is_read_back(tmp_path):
    whole = Demonstration("a", "B", "STSB-train", "a-model", 'Say "{text}"', "1", "chatcmpl-7")
    odd = [*TWO, whole, Demonstration("None", "NA"), Demonstration("x \u0085 it's", "null")]
    write_demonstrations(tmp_path / "table.tsv", odd)
    assert read_demonstrations(tmp_path / "table.tsv") == odd


def test_a_prompt_of_several_lines_stays_in_its_row(tmp_path):
    one = Demonstration("a", "B", "t", "m", 'Topic:\n"x"\tY\n"{text}"', "1", "id")
    write_demonstrations(tmp_path / "table.tsv", [one])
    (found,) = read_demonstrations(tmp_path / "table.tsv")
    assert found.prompt == 'Topic: "x" Y "{text}"'
    assert (found.sentence, found.response_id) == ("a", "id")


def test_a_table_of_ones_own_needs_two_columns(tmp_path):
    text = "word\tsentence\nFeline\tof or like a cat\n"
    assert read_demonstrations(table(tmp_path, text)) == [
        Demonstration("of or like a cat", "Feline")
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("sentence\na\n", 1),
        ("sentence\tword\tmood\na\tb\tc\n", 1),
        ("sentence\tword\tword\na\tb\tc\n", 1),
        ("sentence\tword\na cat\tcat\nno word\n", 3),
        ("sentence\tword\na cat\tcat\textra\n", 2),
        ("sentence\tword\n \tcat\n", 2),
        ("sentence\tword\na cat\t\n", 2),
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


def test_the_authors_list_has_300_usable_entries_six_without_a_period(shared_data, root):
    found = read_published(shared_data / "demonstrations" / "icl_examples.txt")
    assert len(set(found)) == 300
    assert sum(not one.sentence.endswith(".") for one in found) == 6
    assert not any("_" in one.sentence + one.word for one in found)
    stop_words = frozenset(read_lines(root / "workflow/resources/stop_words.txt"))
    assert sort_out(found, stop_words, frozenset()) == (found, [])


# --- What can be a demonstration


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("Music", "Music"),
        (' "music".\n', "Music"),
        ("**Music**", "Music"),
        ("horseback-riding", "Horseback-riding"),
        ("Two words.", "Two words"),
        ("", ""),
        ('"."', ""),
        ("émeute", "Émeute"),
    ],
)
def test_a_word_is_freed_of_what_stands_around_it(answer, word):
    assert tidy_word(answer) == word


@pytest.mark.parametrize(
    ("sentence", "word", "reason"),
    [
        ("A cat.", "Cat", None),
        ("A cat.", "Horseback-riding", None),
        ("A cat.", "Émeute", None),
        ("A cat.", "", "no word"),
        ("A cat.", "Two words", "2 words"),
        ("A cat.", "I'm sorry, but I can't help with that", "8 words"),
        ("A cat.", "Cat🐱", "not only letters and inner hyphens"),
        ("A cat.", "-cat", "not only letters and inner hyphens"),
        ("A cat.", "cat-", "not only letters and inner hyphens"),
        ("A cat.", "K9", "not only letters and inner hyphens"),
        ("A cat.", "snake_case", "not only letters and inner hyphens"),
        ("A cat.", "The", "a stop word"),
        ('A "cat".', "Cat", "a double quote in the sentence"),
        ("A {text}.", "Cat", "a slot of a template in the sentence"),
    ],
)
def test_what_cannot_be_a_demonstration_has_a_reason(sentence, word, reason):
    assert fault(Demonstration(sentence, word), STOP) == reason


def test_of_two_with_the_same_sentence_the_first_stays():
    cat, feline, dog = (
        Demonstration("A cat.", "Cat"),
        Demonstration("A cat.", "Feline"),
        Demonstration("A dog.", "The"),
    )
    good, bad = sort_out([cat, feline, dog], STOP, frozenset())
    assert good == [cat]
    assert bad == [
        Rejected(feline, "the sentence is there already"),
        Rejected(dog, "a stop word"),
    ]
    assert sort_out([cat], STOP, frozenset({"A cat."}))[0] == []


# --- Words for sentences


def words_of(answers, asked):
    """A labeller that gives these words, and writes down what it was asked."""

    def ask(sentences):
        asked.append(list(sentences))
        return [Demonstration(sentence, answers[sentence]) for sentence in sentences]

    return ask


def test_sentences_without_a_usable_word_are_made_up_for():
    answers = {"a": "Good", "b": "two words", "c": "The", "d": "Fine", "e": "Never asked"}
    asked = []
    good, bad = label(list("abcde"), 2, words_of(answers, asked), STOP)
    assert [one.sentence for one in good] == ["a", "d"]
    assert [(one.demonstration.sentence, one.reason) for one in bad] == [
        ("b", "2 words"),
        ("c", "a stop word"),
    ]
    # Two are wanted, one is missing, one is still missing: no more than that is asked.
    assert asked == [["a", "b"], ["c"], ["d"]]


def test_too_few_usable_words_are_an_error_that_counts():
    answers = {"a": "Good", "b": "the", "c": "the", "d": ""}
    told = r"3 demonstrations wanted, only 1 of 4 .* 2 x a stop word, 1 x no word"
    with pytest.raises(ValueError, match=told):
        label(list("abcd"), 3, words_of(answers, []), STOP)


def test_a_model_without_a_usable_word_is_given_up():
    sentences = [f"s{i}" for i in range(1000)]
    asked = []
    with pytest.raises(ValueError, match="only 0 of 10 sentences"):
        label(sentences, 2, words_of(dict.fromkeys(sentences, "the"), asked), STOP)
    assert sum(map(len, asked)) == 10


# --- Files


def test_what_is_left_out_is_listed_with_its_reason(tmp_path, caplog):
    sorry = Demonstration("x", "I'm sorry,\n\tno", "t", "m", "p", "1", "id-1")
    out, rejected = tmp_path / "good.tsv", tmp_path / "bad.tsv"
    write_lists(out, TWO, rejected, [Rejected(sorry, "3 words")])
    assert read_demonstrations(out) == TWO
    assert rejected.read_text().splitlines() == [
        "\t".join(["reason", *COLUMNS]),
        "3 words\tx\tI'm sorry, no\tt\tm\tp\t1\tid-1",
    ]
    assert "1 left out: 3 words" in caplog.text


def test_a_list_without_a_candidate_is_not_written(tmp_path):
    out = tmp_path / "good.tsv"
    with pytest.raises(ValueError, match=r"good\.tsv: no candidate is left of 1.*no word"):
        write_lists(out, [], tmp_path / "bad.tsv", [Rejected(Demonstration("x", ""), "no word")])
    assert not list(tmp_path.iterdir())


# --- Shots in a prompt

ICL = {
    "shot": 'This sentence : "{demo}" means in one word:"{word}".',
    "template": 'This sentence : "{text}" means in one word:"',
    "clean_up": "sentence",
    "pooling": "last",
}


def test_a_shot_stands_in_front_as_in_the_paper():
    # Protocol, section 1: no space after the demonstration's period.
    assert with_shots(ICL, [Demonstration("A cat.", "Feline")]).prompt("A dog") == (
        'This sentence : "A cat." means in one word:"Feline".'
        'This sentence : "A dog." means in one word:"'
    )
    assert with_shots(ICL, []).prompt("A dog") == 'This sentence : "A dog." means in one word:"'


def test_more_shots_stand_side_by_side():
    assert with_shots(ICL, TWO).template.startswith(
        'This sentence : "A jockey rides a horse." means in one word:"Equestrian".'
        'This sentence : "of or like a cat" means in one word:"Feline".'
        'This sentence : "{text}"'
    )


def test_the_best_of_a_search_stands_next_to_the_text(tmp_path):
    ranking = [{"sentence": name, "word": name.upper(), "score": 1.0} for name in "abc"]
    write_json(tmp_path / "choice.json", {"ranking": ranking})
    two = picked(tmp_path / "choice.json", 2, None, [])
    assert [one.word for one in two] == ["B", "A"]
    with pytest.raises(ValueError, match=r"choice\.json: 4 demonstrations wanted, 3 are there"):
        picked(tmp_path / "choice.json", 4, None, [])


def test_lines_of_a_list_are_counted_from_one(tmp_path):
    path = tmp_path / "list.tsv"
    write_demonstrations(path, TWO)
    assert picked(None, None, path, [2, 1]) == TWO[::-1]
    assert picked(None, None, None, []) == []
    with pytest.raises(ValueError, match=r"list\.tsv: demonstration 3 wanted, the list has 2"):
        picked(None, None, path, [3])
