"""Training prompts: cut, decoded, put into a template."""

import pytest
from training_helpers import small
from transformers import AutoTokenizer

from sentscale.cut import cleaned, tokenise_triplets, training_prompts
from sentscale.prompts import Representation
from sentscale.triplets import Triplet

EOL = 'This sentence : "{text}" means in one word:"'


@pytest.fixture(params=["opt", "llama", "llama-bare"])
def tokenizer(request, tiny_model):
    """Two of them put a start token in front."""
    return AutoTokenizer.from_pretrained(tiny_model(request.param))


def test_a_sentence_is_cut_to_32_tokens_and_the_template_is_not(tokenizer):
    # A letter that stands in no sentence of the tokenizer's training is a token of its own.
    for count, left in ((31, 31), (32, 32), (33, 32), (80, 32)):
        found = training_prompts(["Z" * count], EOL, tokenizer, 32, False)
        assert found == [f'This sentence : "{"Z" * left}" means in one word:"']
    assert training_prompts(["ZZZ", "", "Q"], "{text}", tokenizer, 2, False) == ["ZZ", "", "Q"]


def test_tokens_are_cut_not_characters(tokenizer):
    # " one" is one token: it stands in a sentence of the tokenizer's training.
    assert len(tokenizer(" one", add_special_tokens=False).input_ids) == 1
    assert training_prompts(["Z one one"], "[{text}]", tokenizer, 2, False) == ["[Z one]"]


@pytest.mark.parametrize(
    "text", ["no period", 'a "quoted" one', "Why ?", "two  spaces", " .", "é "]
)
def test_nothing_else_is_done_to_a_sentence(tokenizer, text):
    assert training_prompts([text], "<{text}>", tokenizer, 32, False) == [f"<{text}>"]


@pytest.mark.parametrize("template", [" \n{text} means ", "{text} means\t", "  {text} means"])
def test_the_prompt_is_stripped(tokenizer, template):
    assert training_prompts(["Z"], template, tokenizer, 32, False) == ["Z means"]
    assert training_prompts([" Z "], "{text}", tokenizer, 32, False) == ["Z"]


def test_a_slot_in_a_sentence_is_text(tokenizer):
    assert training_prompts(["{text}"], "<{text}>", tokenizer, 32, True) == ["<{text}>"]


# By hand, from protocol.md, section 5: marks in the order . ? ! , then " ' ", then endings.
CLEANED = [
    ("A man .", "A man."),
    ("Why ? No ! Well , yes .", "Why? No! Well, yes."),
    ("the dogs ' ball", "the dogs'ball"),
    ("do n't , I 'm , it 's , we 've , you 're", "don't, I'm, it's, we've, you're"),
    ("I 'd say he 'll go", "I 'd say he 'll go"),  # not among them
    ("a . . b", "a.. b"),
    ("a  .", "a ."),  # one space goes
    ("wait ... now", "wait... now"),
    ("' 's", "''s"),  # no space in front of the first quote
    ("x ' 's", "x''s"),  # " ' " is taken first: x''s
    ("rock 'n' roll", "rock 'n' roll"),
    ("a 'some' thing", "a'some' thing"),  # as the original does, though it is no ending
    ("no\n.", "no\n."),
    (";  : ;", ";  : ;"),
]


@pytest.mark.parametrize(("text", "expected"), CLEANED)
def test_clean_up_is_that_of_transformers_4(tokenizer, text, expected):
    assert cleaned(text) == expected
    assert tokenizer.clean_up_tokenization(text) == expected
    assert training_prompts([text], "<{text}>", tokenizer, 99, True) == [f"<{expected}>"]
    assert training_prompts([text], "<{text}>", tokenizer, 99, False) == [f"<{text}>"]


def test_the_template_is_not_cleaned(tokenizer):
    found = training_prompts(["a , b"], "it 's : {text} .", tokenizer, 32, True)
    assert found == ["it 's : a, b ."]


@pytest.mark.parametrize(("name", "start"), [("opt", [2]), ("llama", [1]), ("llama-bare", [])])
def test_columns_keep_the_order_and_no_end_token_is_appended(tiny_model, name, start):
    triplets = [Triplet("Z", "Q", "X"), Triplet("QQQ", "XX", "ZZ")]
    representation = Representation("{text}", "sentence", "last")  # would append a period
    folder, recipe = tiny_model(name), small(most_tokens=2)
    found = tokenise_triplets(triplets, representation, folder, recipe)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    z, q, x = (tokenizer.convert_tokens_to_ids(letter) for letter in "ZQX")
    assert list(found) == ["sent0", "sent1", "hard_neg"]
    assert found["sent0"] == [[*start, z], [*start, q, q]]
    assert found["sent1"] == [[*start, q], [*start, x, x]]
    assert found["hard_neg"] == [[*start, x], [*start, z, z]]


def test_the_recipe_says_whether_the_cut_sentence_is_cleaned(tiny_model):
    triplets = [Triplet("Z ,", "Z ,", "Z ,")]
    representation = Representation("{text}", "words", "last")
    lengths = [
        len(
            tokenise_triplets(triplets, representation, tiny_model("llama-bare"), recipe)["sent0"][
                0
            ]
        )
        for recipe in (small(clean_up_decoded=False), small(clean_up_decoded=True))
    ]
    assert lengths == [3, 2]
