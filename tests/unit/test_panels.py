import pandas as pd

from sentscale.panels import panels_of, spans

SIZES = {
    "opt-1b": 1e9,
    "opt-7b": 7e9,
    "llama-7b": 7e9,
    "bert-roberta": 1.24e8,
    "llama-65b": 65e9,
    "bert": 1e8,
    "t5": 5e9,
}
FAMILIES = {"opt": "OPT", "llama": "LLaMA", "bert": "BERT", "t5": "T5"}


def table(*cells):
    columns = ["model", "precision", "representation", "adapter"]
    rows = pd.DataFrame(cells, columns=columns)
    rows["family"] = [FAMILIES[model.split("-")[0]] for model in rows.model]
    rows["parameters"] = rows.model.map(SIZES)
    return rows


def titles(*cells):
    return [panel.title for panel in panels_of(table(*cells))]


def both(family, *names):
    sizes = ("1b", "7b") if family == "opt" else ("7b", "65b")
    return [(f"{family}-{size}", *names) for size in sizes]


def test_families_adapters_and_quantised_weights_have_panels_of_their_own():
    found = titles(
        *both("opt", "fp32", "eol", "cse"),
        *both("opt", "nf4", "eol", ""),
        *both("opt", "fp32", "eol", ""),
        *both("llama", "fp32", "eol", "cse"),
        *both("llama", "fp32", "eol", ""),
    )
    # As they come first, each family in the order of the table; quantised after unquantised.
    assert found == ["OPT, fp32", "LLaMA, fp32", "OPT, nf4", "OPT, cse, fp32", "LLaMA, cse, fp32"]


def test_precisions_of_a_line_share_a_panel():
    small = ("opt-1b", "fp32", "eol", "")
    found = panels_of(table(small, ("opt-7b", "fp16", "eol", "")))
    assert [panel.title for panel in found] == ["OPT, fp32 and fp16"]
    assert len(found[0].rows) == 2


def test_precisions_of_one_encoder_are_not_mixed():
    cells = [*both("opt", "fp32", "eol", ""), *both("opt", "bf16", "eol", "")]
    assert titles(*cells) == ["OPT, fp32", "OPT, bf16"]


def test_one_encoder_in_two_precisions_leaves_the_other_families_whole():
    cells = [("bert", "fp32", "avg", ""), ("bert", "bf16", "avg", "")]
    cells += [("opt-1b", "fp32", "eol", ""), ("opt-7b", "fp16", "eol", "")]
    line, last = panels_of(table(*cells))
    assert line.title == "OPT, fp32 and fp16"
    assert last.names == ["bert fp32", "bert bf16"]


def test_the_only_precision_of_a_size_is_in_the_line_of_each():
    # 7B ran in 16 bit only; 1B in both.
    cells = [("opt-1b", "fp32", "eol", ""), *both("opt", "fp16", "eol", "")]
    wide, narrow = panels_of(table(*cells))
    assert (wide.title, narrow.title) == ("OPT, fp32 and fp16", "OPT, fp16")
    assert list(zip(wide.rows.model, wide.rows.precision, strict=True)) == [
        ("opt-1b", "fp32"), ("opt-7b", "fp16"),
    ]  # fmt: skip
    assert narrow.rows.model.tolist() == ["opt-1b", "opt-7b"]


def test_a_representation_of_one_size_stands_beside_the_lines_of_others():
    cells = [("opt-1b", "fp32", "eol", ""), ("opt-7b", "fp16", "eol", "")]
    (panel,) = panels_of(table(*cells, ("opt-1b", "fp32", "avg", "")))
    assert len(panel.rows) == 3


def test_families_of_one_size_stand_side_by_side_in_the_last_panel():
    cells = [("t5", "fp32", "avg", ""), ("bert", "fp32", "avg", ""), ("bert", "nf4", "avg", "x")]
    first, last = panels_of(table(*cells, *both("opt", "fp32", "eol", "")))
    assert (first.title, first.named) == ("OPT, fp32", False)
    assert last.named
    assert last.names == ["bert", "bert x nf4", "t5"]
    assert dict(zip(last.rows.model + last.rows.adapter, last.places(last.rows), strict=True)) == {
        "t5": 2.5, "bert": 0.5, "bertx": 1.5,
    }  # fmt: skip


def test_sizes_that_hardly_differ_are_one_size():
    # BERT and RoBERTa: one has the larger vocabulary.
    cells = [*both("opt", "fp32", "eol", ""), ("bert", "fp32", "eol", "")]
    cells.append(("bert-roberta", "fp32", "eol", ""))
    assert [panel.named for panel in panels_of(table(*cells))] == [False, True]


def test_the_only_family_keeps_its_sizes():
    (panel,) = panels_of(table(("bert", "fp32", "avg", "")))
    assert not panel.named
    assert panel.places(panel.rows).tolist() == [1e8]


def test_a_panel_knows_its_adapter_and_whether_it_is_quantised():
    bare, adapted = panels_of(
        table(*both("opt", "bf16", "eol", ""), *both("opt", "nf4", "eol", "cse"))
    )
    assert (bare.adapter, bare.quantised) == ("", False)
    assert (adapted.adapter, adapted.quantised) == ("cse", True)


def test_an_interval_may_miss_its_point():
    # A percentile interval need not hold the point: few pairs, many ties.
    rows = pd.DataFrame({"score": [50.0, 50.0], "low": [48.0, 50.5], "high": [53.0, 51.0]})
    assert spans(rows).tolist() == [[2.0, 0.0], [3.0, 1.0]]
