"""The tracked files of published scores, and how they are read."""

import csv

import pytest
import yaml
from harness import configuration

from sentscale.files import write_text
from sentscale.reference import named, published_table, read_published, remarks

STS = ["STS12", "STS13", "STS14", "STS15", "STS16", "STSB", "SICKR"]
TRANSFER = ["MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC"]
FILES = ["published_encoders", "paper_tables", "followup_tables"]


def lines(root, name):
    with (root / f"workflow/resources/{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture
def published(root):
    return read_published(*(root / f"workflow/resources/{name}.tsv" for name in FILES))


def value_of(root, method, model, parameters, task, metric="spearman_all", name="paper_tables"):
    (found,) = [
        line["value"]
        for line in lines(root, name)
        if [line[key] for key in ("method", "model", "parameters", "task", "metric")]
        == [method, model, parameters, task, metric]
    ]
    return found


def test_numbers_are_the_published_ones(root):
    # The authors' README, the paper's text and SimCSE's table E.1, checked by hand.
    assert value_of(root, "PromptEOL+ICL", "OPT", "66B", "Avg.") == "78.19"
    assert value_of(root, "PromptEOL+ICL", "OPT", "30B", "Avg.") == "78.94"
    assert value_of(root, "PromptEOL+ICL", "OPT", "30B", "SICKR") == "77.46"
    assert value_of(root, "PromptEOL", "OPT", "66B", "Avg.") == "68.84"
    assert value_of(root, "PromptEOL+CSE", "OPT", "2.7B", "SICKR") == "81.64"
    assert value_of(root, "PromptEOL+CSE", "LLaMA", "30B", "Avg.") == "86.24"
    assert value_of(root, "PromptEOL+ICL, 4 bit", "OPT", "6.7B", "Avg.") == "79.38"
    assert value_of(root, "PromptEOL", "OPT", "6.7B", "Avg.", "accuracy") == "91.34"
    assert value_of(root, "SimCSE-BERT (sup.)", "BERT-base", "110M", "MR", "accuracy") == "82.69"
    assert (
        value_of(root, "BERT prompt, no final period", "BERT-base", "110M", "STSB-dev") == "33.89"
    )
    follow = {"name": "followup_tables"}
    assert value_of(root, "MetaEOL", "LLaMA2", "7B", "Avg.", **follow) == "75.96"


def test_nothing_is_missing(root):
    # 23 + 11 rows of 8, transfer 4 + 6 x 8, 8 gains, 2 counts, 2 of BERT, 1 of quantisation.
    assert len(lines(root, "paper_tables")) == 34 * 8 + 4 + 48 + 8 + 2 + 2 + 1
    # 53 rows of 8 on STS, 8 of 8 on transfer, 24 of 7 on MTEB's STS.
    assert len(lines(root, "followup_tables")) == 53 * 8 + 8 * 8 + 24 * 7


@pytest.mark.parametrize("name", ["paper_tables", "followup_tables"])
def test_rows_add_up_but_for_two_that_are_printed_so(root, name):
    rows = {}
    for line in lines(root, name):
        row = [line[key] for key in ("suite", "metric", "method", "model", "parameters")]
        rows.setdefault(tuple(row), {})[line["task"]] = float(line["value"])
    full = {row: cells for row, cells in rows.items() if len(cells) == 8}
    assert len(full) == {"paper_tables": 40, "followup_tables": 61}[name]
    means = {row: (sum(cells.values()) - cells["Avg."]) / 7 for row, cells in full.items()}
    off = [row[2] for row, cells in full.items() if abs(means[row] - cells["Avg."]) > 0.011]
    assert off == (["PromptBERT (unsup.)", "BERT avg."] if name == "paper_tables" else [])


def test_the_row_with_the_copy_error_says_so(root, published):
    row = [line for line in lines(root, "paper_tables")
           if (line["method"], line["parameters"]) == ("PromptEOL+ICL", "30B")
           and line["metric"] == "spearman_all"]  # fmt: skip
    assert len(row) == 8
    assert all("66B" in line["remark"] and "78.19" in line["remark"] for line in row)
    assert {line["confidence"] for line in row if line["task"] != "Avg."} == {"conflicting"}
    (told,) = [note for note in remarks(published, "sts", "spearman_all") if "ICL, OPT 30B" in note]
    assert told.startswith("PromptEOL+ICL, OPT 30B: a public summary prints the 66B row")


def test_a_remark_on_some_cells_names_them(published):
    notes = remarks(published, "sts", "spearman_all")
    assert any(note.startswith("PromptEOL+CSE, OPT 2.7B, SICKR: ") for note in notes)
    assert len(notes) == len(set(notes))
    assert remarks(published, "sample", "spearman_all") == []


def test_every_row_of_the_paper_has_a_line_of_encoders(root):
    keys = ("method", "model", "parameters")
    rows = {tuple(line[key] for key in keys) for line in lines(root, "paper_tables")}
    listed = [tuple(line[key] for key in keys) for line in lines(root, "published_encoders")]
    assert rows <= set(listed)
    assert len(listed) == len(set(listed))


def test_encoders_are_in_the_configuration(root):
    config = configuration()
    catalogues = {
        "our_model": config["models"],
        "our_adapters": {"none", *config["adapters"]},
        "our_representations": config["representations"],
        "our_precisions": {"fp32", "bf16", "fp16", "nf4"},
    }
    for line in lines(root, "published_encoders"):
        filled = [bool(line[key]) for key in catalogues]
        assert len(set(filled)) == 1, line
        for key, catalogue in catalogues.items():
            assert set(line[key].split()) <= set(catalogue), line
    for line in lines(root, "paper_demonstrations"):
        assert line["our_model"] in config["models"]


def test_chosen_lines_are_those_of_the_configuration(root):
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    taken = config["representations"]["icl-published"]["demonstration"]["lines"]
    found = {line["our_model"]: [int(line["line"])] for line in lines(root, "paper_demonstrations")}
    assert found == taken


def test_a_suite_has_the_paper_s_layout(published):
    table = published_table(published, "sts", STS, "spearman_all")
    assert list(table.columns) == [
        "model", "precision", "representation", "adapter", *STS, "Avg.",
    ]  # fmt: skip
    assert set(table.precision) == {"published"}
    rows = table.set_index(["model", "representation"])
    # OPT 30B with a demonstration, from the authors' README.
    assert rows.loc[("OPT 30B", "PromptEOL+ICL"), [*STS, "Avg."]].tolist() == [
        69.99, 83.35, 74.75, 83.14, 82.42, 81.45, 77.46, 78.94,
    ]  # fmt: skip
    assert rows.loc[("OPT 30B", "PromptEOL+ICL"), "adapter"] == ""
    assert rows.loc[("OPT 13B", "PromptEOL+CSE"), "adapter"] == "cse"
    assert rows.loc[("ST5-Enc 4.8B", "ST5-Enc"), "adapter"] == "fine-tuned"
    assert rows.loc[("OPT 6.7B", "PromptEOL+ICL, 4 bit"), STS].isna().all()


def test_other_suites_and_metrics_have_other_rows(published):
    transfer = published_table(published, "transfer", TRANSFER, "accuracy")
    assert transfer.model.tolist()[:3] == ["OPT 6.7B", "OPT 6.7B", "LLaMA 65B"]
    assert published_table(published, "dev", ["STSB-dev"], "spearman_all").shape == (2, 6)
    assert published_table(published, "transfer", TRANSFER, "f1").empty
    assert published_table(published, "sample", ["a"], "spearman_all").empty


def test_a_row_in_words(published):
    cell = next(published.of("transfer", "accuracy").itertuples())
    assert named(cell) == "PromptEOL, OPT 6.7B"


CELLS = "table\tsuite\tmethod\tmodel\tparameters\tfine_tuned\ttask\tmetric\tvalue\tsource"
CELLS += "\tconfidence\tremark"
ENCODERS = "method\tmodel\tparameters\tour_model\tour_adapters\tour_representations\tour_precisions"
ENCODERS += "\ttraining_set"
CELL = "t\ts\tM\tOPT\t1B\tno\tA\tspearman_all\t50.00\tx\tone source\t"


def written(tmp_path, cells, encoders):
    write_text(
        tmp_path / "encoders.tsv", "\n".join([ENCODERS, *(f"{line}\t" for line in encoders)]) + "\n"
    )
    write_text(tmp_path / "cells.tsv", "\n".join([CELLS, *cells]) + "\n")
    return read_published(tmp_path / "encoders.tsv", tmp_path / "cells.tsv")


def test_each_combination_compares_in_the_order_of_the_file(tmp_path):
    found = written(tmp_path, [CELL], ["M\tOPT\t1B\topt\tnone cse\teol\tfp16 fp32"]).encoders
    assert found.drop(columns=["method", "model", "parameters"]).to_numpy().tolist() == [
        ["opt", "fp16", "eol", ""],
        ["opt", "fp32", "eol", ""],
        ["opt", "fp16", "eol", "cse"],
        ["opt", "fp32", "eol", "cse"],
    ]


def test_rows_without_a_line_are_left_out(tmp_path):
    other = CELL.replace("\tM\t", "\tN\t")
    found = written(tmp_path, [CELL, other], ["M\tOPT\t1B\t\t\t\t"])
    assert found.cells.method.tolist() == ["M"]
    assert found.encoders.empty


@pytest.mark.parametrize(
    ("cells", "encoders", "message"),
    [
        ([CELL, CELL], [], r"cells\.tsv: A of M, OPT 1B is there twice"),
        ([CELL.replace("one source", "sure")], [], r"cells\.tsv:2: confidence is 'sure'; allowed"),
        ([CELL.replace("no\t", "false\t")], [], r"cells\.tsv:2: fine_tuned is 'false'; allowed"),
        ([CELL.replace("50.00", "50,00")], [], r"cells\.tsv:2: value is '50,00', not a number"),
        ([CELL.replace("50.00", "nan")], [], r"cells\.tsv:2: value is 'nan', not a number"),
        ([CELL.replace("50.00", "")], [], r"cells\.tsv:2: value is '', not a number"),
        ([CELL + "\tmore"], [], r"cells\.tsv:2: 13 cells, expected 12: .*'more'"),
        ([CELL, "t\ts\tM"], [], r"cells\.tsv:3: fine_tuned is ''; allowed"),
        (
            [CELL],
            ["M\tOPT\t2B\topt\tnone\teol\tfp32"],
            r"encoders\.tsv: no table has a row M, OPT, 2B",
        ),
    ],
)
def test_wrong_files_are_refused(tmp_path, cells, encoders, message):
    with pytest.raises(ValueError, match=message):
        written(tmp_path, cells, encoders)


def test_an_editor_may_end_lines_and_leave_tabs_out_as_it_likes(tmp_path):
    other = CELL.replace("\tA\t", "\tB\t").rstrip("\t")
    found = written(tmp_path, [CELL + "\r", "\r", other], ["M\tOPT\t1B\t\t\t\t"])
    assert found.cells[["task", "value", "remark"]].to_numpy().tolist() == [
        ["A", 50.0, ""],
        ["B", 50.0, ""],
    ]


def test_an_empty_file_is_refused(tmp_path):
    write_text(tmp_path / "empty.tsv", "")
    with pytest.raises(ValueError, match=r"empty\.tsv: columns are \[\], expected"):
        read_published(tmp_path / "encoders.tsv", tmp_path / "empty.tsv")


def test_other_columns_are_refused(tmp_path):
    write_text(tmp_path / "encoders.tsv", ENCODERS.replace("our_model", "model_key") + "\n")
    write_text(tmp_path / "cells.tsv", CELLS + "\n")
    with pytest.raises(ValueError, match=r"encoders\.tsv: columns are .*model_key"):
        read_published(tmp_path / "encoders.tsv", tmp_path / "cells.tsv")


def test_what_the_paper_s_adapters_were_trained_on_is_told(published):
    sets = published.training_sets
    assert set(sets.values()) == {"nli, 275,601 triplets"}
    assert set(sets) == {
        *((f"OPT {size}", "PromptEOL+CSE") for size in ("1.3B", "2.7B", "6.7B", "13B")),
        *((f"LLaMA {size}", "PromptEOL+CSE") for size in ("7B", "13B", "30B")),
    }
