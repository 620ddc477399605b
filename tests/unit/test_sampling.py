from collections import Counter

import pytest

from sentscale.pairs import Pair
from sentscale.samples import Sample
from sentscale.sampling import in_sample_order, labelled_examples


def pairs():
    """120 sentences of news, 60 of talk; a third of each has 2, 6 and 12 words."""
    texts = [
        (subset, " ".join([f"{subset}{number}", *["word"] * (length - 1)]))
        for subset, each in (("news", 40), ("talk", 20))
        for length in (2, 6, 12)
        for number in range(each)
    ]
    sides = zip(texts[::2], texts[1::2], strict=True)
    return [Pair(f"p{i}", a[0], a[1], b[1], 1.0) for i, (a, b) in enumerate(sides)]


@pytest.mark.parametrize("rows", [18, 36, 90])
def test_a_sample_has_the_shares_of_the_whole(rows):
    found = in_sample_order(pairs(), 1)[:rows]
    strata = Counter((one[:4], len(one.split())) for one in found)
    # Two thirds news, one third talk, lengths in equal parts.
    for length in (2, 6, 12):
        assert strata["news", length] == rows * 2 / 9
        assert strata["talk", length] == rows / 9


def test_every_sentence_comes_once():
    twice = [*pairs(), *pairs()]
    found = in_sample_order(twice, 1)
    assert len(found) == len(set(found)) == 180


def test_the_seed_decides():
    assert in_sample_order(pairs(), 1) == in_sample_order(pairs(), 1)
    assert in_sample_order(pairs(), 1)[:30] != in_sample_order(pairs(), 2)[:30]


def sample(text, label, subset="train"):
    return Sample(f"{subset}:{text}", subset, (text,), label)


def test_labels_take_turns():
    samples = [sample(f"{word}{i}", label) for i in range(5) for label, word in enumerate("np")]
    found = labelled_examples(samples, "MR", {"1": "Positive", "0": "Negative"}, 2, 3)
    assert [one.word for one in found] == ["Positive", "Negative"] * 2
    assert [one.sentence[0] for one in found] == ["p", "n"] * 2
    assert len({one.sentence for one in found}) == 4
    assert {(one.origin, one.generator, one.seed) for one in found} == {("MR", "label", "3")}


def test_test_rows_quotes_and_empty_sentences_are_not_drawn():
    samples = [sample("good", 0), sample("x", 0, "test"), sample('a "b"', 0), sample("", 0)]
    for seed in range(5):
        (one,) = labelled_examples(samples, "T", {"0": "No"}, 1, seed)
        assert one.sentence == "good"


def test_too_few_examples_are_an_error():
    with pytest.raises(ValueError, match="task T: 2 examples of label 7 wanted, it has 0"):
        labelled_examples([sample("a", 0)], "T", {"7": "Seven"}, 2, 1)
