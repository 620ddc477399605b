from sentscale.lines import EncoderName
from sentscale.questions import Catalogue, instead, questions

CATALOGUE = Catalogue(
    families={"s": "F", "m": "F", "l": "F", "x": "G"},
    parameters={"s": 10, "m": 20, "l": 30, "x": 15},
    zero_shot={"icl": "eol"},
    reference="eol",
)


def encoder(text):
    """For example "s fp32 eol cse"."""
    return EncoderName(*[*text.split(), ""][:4])


def asked(scores):
    """Questions as "changed: first > second"."""
    found = questions({encoder(name): score for name, score in scores.items()}, CATALOGUE)
    return [
        f"{changed}: {' '.join(filter(None, one))} > {' '.join(filter(None, other))}"
        for changed, one, other in found
    ]


def test_sizes_are_compared_with_the_next_and_with_smaller_ones_that_are_better():
    assert asked({"s fp32 eol": 70, "m fp32 eol": 60, "l fp32 eol": 65}) == [
        "size: m fp32 eol > s fp32 eol",
        "size: l fp32 eol > s fp32 eol",  # not its neighbour, but it scores less
        "size: l fp32 eol > m fp32 eol",
    ]
    assert asked({"s fp32 eol": 50, "m fp32 eol": 60, "l fp32 eol": 65}) == [
        "size: m fp32 eol > s fp32 eol",
        "size: l fp32 eol > m fp32 eol",
    ]


def test_families_are_not_compared():
    assert asked({"s fp32 eol": 70, "x fp32 eol": 60}) == []


def test_representations_are_compared_with_the_reference():
    assert asked({"s fp32 avg": 40, "s fp32 eol": 60, "s nf4 avg": 30}) == [
        "representation: s fp32 avg > s fp32 eol",
        "precision: s nf4 avg > s fp32 avg",
    ]


def test_demonstrations_are_compared_with_the_twin_without():
    assert asked({"s fp32 icl": 40, "s fp32 eol": 60, "m nf4 icl": 1}) == [
        "demonstrations: s fp32 icl > s fp32 eol"
    ]


def test_adapters_are_compared_with_the_model_as_it_comes():
    assert asked({"s fp32 eol cse": 80, "s fp32 eol": 60, "s fp32 icl cse": 70}) == [
        "demonstrations: s fp32 icl cse > s fp32 eol cse",
        "adapter: s fp32 eol cse > s fp32 eol",
    ]


def test_precisions_are_compared_with_the_widest_there_is():
    assert asked({"s nf4 eol": 1, "s bf16 eol": 2}) == ["precision: s nf4 eol > s bf16 eol"]
    assert asked({"s nf4 eol": 1, "s bf16 eol": 2, "s fp32 eol": 3}) == [
        "precision: s nf4 eol > s fp32 eol",
        "precision: s bf16 eol > s fp32 eol",
    ]
    assert asked({"s nf4 eol": 1}) == []


def test_what_the_other_has_instead_is_told_in_words():
    assert instead(encoder("l fp16 eol"), encoder("m fp32 eol")) == "m, fp32"
    assert instead(encoder("s fp32 eol cse"), encoder("s fp32 eol")) == "no adapter"
