import pytest

from sentscale.changes import Known, changes, sizes
from sentscale.contrasts import Board, Score
from sentscale.findings import (
    TOPICS,
    best,
    findings,
    published,
    read_beside,
    read_chosen,
    representations,
)
from sentscale.lines import EncoderName

KNOWN = Known(
    families={"s": "F", "m": "F", "l": "F", "x": "G"},
    parameters={"s": 100, "m": 200, "l": 400, "x": 50},
    zero_shot={"icl": "eol"},
    reference="eol",
    training_sets={"cse": "nli, 9 triplets"},
    development=["dev"],
    chosen_on={"icl": "dev", "cse": "dev"},
)


def name(model, representation="eol", precision="fp32", adapter=""):
    return EncoderName(model, precision, representation, adapter)


def board(scores, suite="test", paired=None):
    """Scores with intervals of 0.3 below and 0.4 above, so that a difference has 0.5 either way."""
    known = {one: Score(value, value - 0.3, value + 0.4) for one, value in scores.items()}
    return Board(suite, ["T"], "spearman_all", known, paired or {})


def only(found):
    (one,) = found
    return one


def test_the_only_encoder_is_called_so():
    found = best(board({name("s"): 50}), {})
    assert found.sentence == (
        "The only encoder is s, fp32, eol with 50.00 (49.70 to 50.40), Spearman's ρ × 100."
    )
    assert found.differences == []


def test_the_best_is_told_apart_from_those_clearly_worse():
    found = best(board({name("s"): 50, name("m"): 60, name("l"): 59.8, name("x"): 59.4}), {})
    assert found.sentence == (
        "The best of 4 encoders is m, fp32, eol with 60.00 (59.70 to 60.40), Spearman's ρ × 100."
        " The second, l, fp32, eol, has 59.80: a difference of +0.20 (−0.30 to +0.70)."
        " 1 encoder is not clearly worse."
    )
    assert [one.second.model for one in found.differences] == ["l"]


def test_a_clear_best_says_so():
    three = best(board({name("s"): 50, name("m"): 60, name("l"): 55}), {})
    assert three.sentence.endswith(
        "a difference of +5.00 (+4.50 to +5.50). All others are clearly worse."
    )
    assert len(three.differences) == 1
    two = best(board({name("s"): 50, name("m"): 60}), {})
    assert two.sentence.endswith("It is clearly worse.")


def test_what_was_chosen_on_a_suite_is_flattered_there_and_only_there():
    scores = {name("s"): 50, name("s", "icl"): 60}
    assert best(board(scores, "dev"), KNOWN.chosen_on).sentence.endswith(
        " icl was chosen on this suite, which flatters it."
    )
    assert "flatters" not in best(board(scores), KNOWN.chosen_on).sentence
    assert "flatters" in only(changes(board(scores, "dev"), KNOWN)).sentence


def test_one_gain_is_told_with_its_interval():
    found = only(changes(board({name("s"): 50, name("s", "icl"): 56.5}), KNOWN))
    assert found.sentence == (
        "In-context learning (icl against eol) clearly raises the score: +6.50 (+6.00 to +7.00)"
        " for s."
    )


def test_many_gains_are_counted():
    # +6, 0 and -1; the second one's interval holds 0.
    scores = {name("s"): 50, name("m"): 60, name("l"): 70}
    scores |= {name("s", "icl"): 56, name("m", "icl"): 60, name("l", "icl"): 69}
    found = only(changes(board(scores), KNOWN))
    assert found.sentence == (
        "In-context learning (icl against eol) clearly raises the score in 1 and clearly lowers it"
        " in 1 of 3 cases: from −1.00 (−1.50 to −0.50) for l, to +6.00 (+5.50 to +6.50) for s;"
        " the median is +0.00."
    )
    assert len(found.differences) == 3


@pytest.mark.parametrize(("gain", "verb"), [(6, "raises"), (-6, "lowers")])
def test_what_all_cases_have_in_common_is_said_once(gain, verb):
    scores = {name("s"): 50, name("m"): 60}
    scores |= {name("s", "icl"): 50 + gain, name("m", "icl"): 60 + gain}
    found = only(changes(board(scores), KNOWN))
    assert f"(icl against eol) clearly {verb} the score in all of 2 cases: from" in found.sentence


def test_no_gain_without_a_twin():
    assert list(changes(board({name("s"): 50, name("m", "icl"): 60}), KNOWN)) == []


def test_an_adapter_is_compared_with_the_model_as_it_comes():
    scores = {name("s"): 50, name("s", adapter="cse"): 50.2, name("m", adapter="cse"): 90}
    found = only(changes(board(scores), KNOWN))
    assert found.sentence == (
        "Fine-tuning (cse, training set: nli, 9 triplets) does not clearly change the score:"
        " +0.20 (−0.30 to +0.70) for s."
    )


def test_a_precision_is_compared_with_the_widest_there_is():
    scores = {name("s"): 50, name("s", precision="bf16"): 49, name("s", precision="nf4"): 48}
    scores |= {name("l", precision="fp16"): 60, name("l", precision="nf4"): 61}
    bf16, nf4 = changes(board(scores), KNOWN)
    assert bf16.sentence.startswith("bf16 in place of fp32 clearly lowers the score: −1.00")
    assert nf4.sentence.startswith("nf4 in place of fp32 or fp16 clearly raises the score in 1 and")
    assert [(one.first.model, one.value) for one in nf4.differences] == [("s", -2), ("l", 1)]


def test_two_models_of_a_family_are_compared():
    scores = {name("m"): 50, name("s"): 48, name("x"): 99}
    found = only(sizes(board(scores), KNOWN))
    assert found.sentence == (
        "In the family F, m in place of s clearly raises the score: +2.00 (+1.50 to +2.50)."
    )


def test_a_line_of_models_goes_up_or_down():
    # eol: up, then down, the largest below the middle but above the smallest; avg: up, then level.
    scores = {name("s"): 50, name("m"): 55, name("l"): 53}
    scores |= {name("l", "avg", "fp16"): 42.1, name("m", "avg"): 42, name("s", "avg"): 40}
    scores |= {name("l", "avg", "nf4"): 10}  # alone in its precision
    found = only(sizes(board(scores), KNOWN))
    assert found.sentence == (
        "F, 3 models in 2 settings of representation, adapter and precision. Of 4 steps to the next"
        " larger model 2 are clearly up and 1 clearly down. The largest is clearly above the"
        " smallest in 2 of 2, clearly below the best smaller one in 1."
    )
    # Four steps; the largest against the best smaller one is a step already.
    assert len(found.differences) == 4


def test_representations_are_ranked_where_all_of_them_are():
    # Ranks: s 1 2 3, m 2 1 3, so 1.5 1.5 3; l lacks one.
    scores = {name("s", one): 60 - 5 * rank for rank, one in enumerate(["eol", "prompt", "avg"])}
    scores |= {name("m", one): 60 - 5 * rank for rank, one in enumerate(["prompt", "eol", "avg"])}
    scores |= {name("l", "avg"): 70, name("s", "icl"): 90}
    found = only(representations(board(scores, "dev"), KNOWN))
    assert found.sentence == (
        "Mean ranks of 3 representations in 2 settings of model, precision and adapter: eol 1.5,"
        " prompt 1.5, avg 3. eol is clearly above prompt in 1 of 2, clearly below it in 1."
    )


def test_one_representation_has_no_rank():
    assert list(representations(board({name("s"): 50, name("s", "icl"): 60}), KNOWN)) == []


def test_published_scores_are_counted_in_the_intervals(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(
        "model,precision,representation,adapter,task,ours,low,high,published,difference,verdict\n"
        "s,fp32,eol,,T,50,49,51,50.5,-0.5,\n"
        "s,fp32,eol,,U,60,59,61,57,3,\n"
        "s,fp32,eol,,V,60,59,61,,,\n"
        "NA,fp32,eol,,T,,,,77,,\n"
    )
    found = only(published(board({name("s"): 50}), read_beside(path)))
    # Mean of -0.5 and 3, and of 0.5 and 3.
    assert found.sentence == (
        "2 scores of ours have a published counterpart: 1 of these lie in our interval. Ours less"
        " the published one is +1.25 on average, 1.75 without signs; the farthest is +3.00,"
        " s, fp32, eol on U."
    )
    nothing = read_beside(path).assign(published=float("nan"))
    assert list(published(board({name("s"): 50}), nothing)) == []


def test_the_best_layer_is_told_with_what_it_gains(tmp_path):
    path = tmp_path / "layers.csv"
    path.write_text(
        "model,precision,representation,adapter,layers,best,chance,of the best,of the last,gain,"
        "low,high\n"
        "s,fp32,eol,,30,21,0.5,72.5,70,2.5,0.25,4\n"
        "m,fp32,eol,,24,20,0.3,70.5,70,0.5,-1,2\n"
        "l,fp32,eol,cse,12,12,0.9,70,70,0,0,0\n"
    )
    found = findings([], KNOWN, {}, {"dev": read_chosen(path)})
    assert [one.sentence.removesuffix(" It was chosen on this suite, which flatters it.")
            for one in found] == [
        "The best of 30 layers of s, fp32, eol is layer 21, clearly above the last one: +2.50"
        " (+0.25 to +4.00).",
        "The best of 24 layers of m, fp32, eol is layer 20, not clearly above the last one: +0.50"
        " (−1.00 to +2.00).",
        "The last of 12 layers of l, fp32, eol, cse is the best.",
    ]  # fmt: skip


def test_findings_come_topic_by_topic_and_only_where_there_is_something_to_say():
    scores = {name("s"): 50, name("m"): 60, name("s", "icl"): 55, name("s", adapter="cse"): 58}
    scores |= {name("s", "avg"): 30, name("s", precision="nf4"): 49}
    boards = [board(scores, "dev"), board(scores, "test"), board({}, "empty")]
    found = findings(boards, KNOWN, {}, {})
    topics = [one.topic for one in found]
    assert topics == sorted(topics, key=list(TOPICS).index)
    assert topics.count("representation") == 1  # on development suites only
    assert set(TOPICS) - set(topics) == {"published", "layer"}
    assert [one.topic for one in findings([board({name("s"): 50})], KNOWN, {}, {})] == ["best"]


def test_paired_intervals_decide():
    scores = {name("s"): 50, name("s", "icl"): 50.2}
    paired = {(name("s"), name("s", "icl")): Score(-0.2, -0.3, -0.1)}
    found = only(changes(board(scores, paired=paired), KNOWN))
    assert "clearly raises the score: +0.20 (+0.10 to +0.30)" in found.sentence
