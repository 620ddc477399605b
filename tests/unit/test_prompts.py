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
        ("cls", 'Who said "no"?'),
        ("mask", "This sentence : \"Who said 'no'.\" means [MASK]."),
        ("mask-no-period", "This sentence : \"Who said 'no'.\" means [MASK]"),
        (
            "cot",
            'After thinking step by step , this sentence : "Who said \'no\'." means in one word:"',
        ),
        (
            "knowledge",
            "The essence of a sentence is often captured by its main subjects and actions, while"
            " descriptive terms provide additional but less central details. With this in mind ,"
            ' this sentence : "Who said \'no\'." means in one word:"',
        ),
        ("sth", "This sentence : \"Who said 'no'.\" means something"),
        ("sum", "This sentence : \"Who said 'no'.\" can be summarized as"),
        (
            "echo",
            "Rewrite the following paragraph: Who said 'no'."
            " The rewritten paragraph: Who said 'no'.",
        ),
        ("tp-a", "The representative word for sentence 'Who said 'no'.' is:\""),
    ],
)
def test_each_representation_gives_the_protocols_prompt(name, prompt):
    assert configured(name).prompt(' Who  said "no"? ') == prompt


def test_metaeol_averages_eight_prompts():
    parts = configured("meta").parts
    assert len(parts) == 8
    assert parts[1].prompt("A dog") == (
        "In this task, you're given a statement and you need to determine whether it's presenting"
        " an 'Opinion' or a 'Fact'. This distinction is vital for information verification,"
        ' educational purposes, and content analysis. For this task, this sentence : "A dog."'
        ' discriminates between opinion and fact in one word:"'
    )
    assert parts[1].prefix.endswith('For this task, this sentence : "')
    assert {part.pooling for part in parts} == {"last"}
    assert configured("ck").parts == [configured("cot"), configured("knowledge")]


def test_demonstrations_stand_in_front_of_each_template():
    prompt = {"shot": "{demo}={word};", "template": ["a {text}", "b {text}"]}
    prompt |= {"clean_up": "words", "pooling": "last"}
    filled = with_shots(prompt, [Demonstration("x", "y"), Demonstration("z", "w")])
    assert filled.template == ["x=y;z=w;a {text}", "x=y;z=w;b {text}"]


def test_one_prompt_of_several_templates_is_refused():
    several = Representation(["a {text}", "b {text}"], "words", "last")
    for ask in (lambda: several.prompt("x"), lambda: several.prefix, lambda: several.only):
        with pytest.raises(
            ValueError, match=r"one template is needed here; there are 2.*'a {text}"
        ):
            ask()


def test_the_end_of_the_text_is_pooled_where_the_template_ends_in_it():
    assert Representation("{text} is {text}", "words", "text").prompt(" a  b ") == "a b is a b"
    for template in ("{text} is", "{text} {text} {text}", "{text} {demo} {text}", "is"):
        with pytest.raises(ValueError, match=r"the slot {text} at its end, once more at most"):
            Representation(template, "words", "text")


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
