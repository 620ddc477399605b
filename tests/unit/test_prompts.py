"""Expected strings are typed by hand from docs/protocol.md, section 1."""

from pathlib import Path

import pytest
import yaml

from sentscale.demonstrations import Demonstration, with_shots
from sentscale.prompts import Representation, clean_sentence, fill, join_words

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text(encoding="utf-8"))
EOL = 'This sentence : "{text}" means in one word:"'


def configured(name):
    entry = CONFIG["representations"][name]
    return with_shots(entry, [Demonstration("A cat sits", "Rest")] if "shot" in entry else [])


@pytest.mark.parametrize(
    ("sentence", "cleaned"),
    [
        ("A man runs", "A man runs."),
        ("A man runs.", "A man runs."),
        ("A man runs!", "A man runs!."),  # only . ? " ' count as an end
        ("A man runs ...", "A man runs ..."),
        ("Who runs?", "Who runs."),  # step 4
        ("Who runs ?", "Who runs ."),
        ("Why??", "Why?."),  # the last one only
        ('He said "no" twice', "He said 'no' twice."),
        ('He said "no"', "He said 'no'"),  # quotes are replaced after the period was considered
        ('He said "why?"', "He said 'why?'"),  # the quote is last, not the question mark
        ("the dogs'", "the dogs'"),
        ('Did he say "no"?', "Did he say 'no'."),
        ('"', "'"),
        ("", ""),
        ("A {text} runs", "A {text} runs."),
    ],
)
def test_clean_up_keeps_the_order_of_the_original(sentence, cleaned):
    assert clean_sentence(sentence) == cleaned


def test_words_are_joined_by_single_spaces():
    # U+0085, U+00A0 and U+3000 are white space to the original's str.split too.
    assert join_words("  a\tb \u0085c\u00a0d\u3000 e\n") == "a b c d e"


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("avg", 'Who said "no"?'),
        ("last", 'Who said "no"?'),
        ("prompt", "This sentence : \"Who said 'no'.\" means"),
        ("eol", 'This sentence : "Who said \'no\'." means in one word:"'),
        (
            "icl",
            'This sentence : "A cat sits" means in one word:"Rest".'
            'This sentence : "Who said \'no\'." means in one word:"',
        ),
    ],
)
def test_each_representation_gives_the_protocols_prompt(name, prompt):
    assert configured(name).prompt(' Who  said "no"? ') == prompt


@pytest.mark.parametrize(
    ("name", "pooling"),
    [("avg", "mean"), ("last", "last"), ("prompt", "last"), ("eol", "last"), ("icl", "last")],
)
def test_only_avg_is_pooled_by_the_mean(name, pooling):
    assert configured(name).pooling == pooling


def test_sample_search_uses_the_papers_icl_prompt():
    icl, sample = (CONFIG["representations"][name] for name in ("icl", "icl-sample"))
    assert {**icl, "demonstration": None} == {**sample, "demonstration": None}


def test_a_demonstration_enters_as_it_stands():
    # No period is added to "A cat sits", while the sentence gets one.
    assert configured("icl").prompt("A dog runs").startswith('This sentence : "A cat sits" means')
    assert '"A dog runs."' in configured("icl").prompt("A dog runs")


def test_an_empty_sentence_gets_no_period():
    assert configured("eol").prompt("") == 'This sentence : "" means in one word:"'
    assert configured("avg").prompt("  ") == ""


def test_the_whole_prompt_is_stripped():
    assert Representation("  {text} so ", "words", "last").prompt("a b") == "a b so"


def test_a_sentence_that_holds_a_slot_is_not_filled_again():
    assert Representation(EOL, "sentence", "last").prompt("set {text} to {demo}") == (
        'This sentence : "set {text} to {demo}." means in one word:"'
    )


def test_a_demonstration_that_holds_a_slot_is_not_filled_again():
    assert fill("{demo} {word} {text}", {"demo": "{word}", "word": "w"}) == "{word} w {text}"


def test_other_braces_stay():
    assert Representation("{0} {x} {text}", "words", "last").prompt("a") == "{0} {x} a"


@pytest.mark.parametrize("template", ["no slot", "{text} {text}", "{demo}: {text}", "{text}{word}"])
def test_a_template_needs_the_slot_once_and_no_other(template):
    with pytest.raises(ValueError, match="slot") as caught:
        Representation(template, "words", "last")
    assert template in str(caught.value)


@pytest.mark.parametrize(
    ("clean_up", "pooling", "wrong"), [("all", "last", "all"), ("words", "max", "max")]
)
def test_an_unknown_clean_up_or_pooling_is_refused(clean_up, pooling, wrong):
    with pytest.raises(ValueError, match=f"'{wrong}', allowed"):
        Representation("{text}", clean_up, pooling)
