"""One encoder in several precisions, with what the embedding jobs took."""

import numpy as np
import pandas as pd
import pytest

from sentscale.files import write_text
from sentscale.quantisation import in_several_precisions, quantisation_table, read_costs
from sentscale.reference import CELL_COLUMNS, Published
from sentscale.tables import SCORE_COLUMNS

OUR = ["our model", "our precision", "our representation", "our adapter"]


def scores(*rows):
    """Rows of (model, precision, representation, adapter, A, B)."""
    full = [
        (*row[:4], task, "spearman_all", value, value - 1, value + 1, 9)
        for row in rows
        for task, value in zip("AB", row[4:], strict=True)
    ]
    return pd.DataFrame(full, columns=SCORE_COLUMNS)


GRID = scores(
    ("m", "nf4", "eol", "", 50.0, 61.0),
    ("m", "fp32", "eol", "", 51.0, 62.0),
    ("m", "fp32", "avg", "", 1.0, 2.0),  # in one precision only
    ("m", "bf16", "eol", "cse", 70.0, 72.0),
    ("m", "nf4", "eol", "cse", 71.0, 72.0),
)
# MiB and seconds.
COSTS = {
    "m/none/nf4/eol": (1907.348, 90),
    "m/none/fp32/eol": (953.674, 30),
    "m/cse/bf16/eol": (0, 6),
    "m/cse/nf4/eol": (95.3674, 600),
}


@pytest.fixture
def benchmarks(tmp_path):
    for place, (memory, seconds) in COSTS.items():
        text = f"s\tmax_rss\tcpu_time\n{seconds}\t{memory}\t1\n"
        write_text(tmp_path / place / "s.tsv", text)
    return tmp_path


def published(*rows):
    """Rows of (method, value, precisions) for representation eol."""
    cells = [
        ("t", "s", method, "OPT", "1B", "no", "Avg.", "spearman_all", value, "x", "one source", "")
        for method, value, _ in rows
    ]
    links = [
        (method, "OPT", "1B", "m", precision, "eol", "")
        for method, _, precisions in rows
        for precision in precisions
    ]
    encoders = pd.DataFrame(links, columns=["method", "model", "parameters", *OUR])
    return Published(pd.DataFrame(cells, columns=CELL_COLUMNS), encoders)


def made(benchmarks, *rows):
    table = in_several_precisions(GRID, ["A", "B"], "spearman_all")
    costs = read_costs(benchmarks, table, "s")
    return quantisation_table(table, costs, published(*rows), "s", "spearman_all")


def test_precisions_stand_side_by_side(benchmarks):
    found = made(benchmarks)
    assert found.columns.tolist() == [
        "model", "representation", "adapter", "fp32", "bf16", "nf4",
        "fp32 GB", "bf16 GB", "nf4 GB", "fp32 minutes", "bf16 minutes", "nf4 minutes",
    ]  # fmt: skip
    assert found[["model", "representation", "adapter"]].to_numpy().tolist() == [
        ["m", "eol", ""],
        ["m", "eol", "cse"],
    ]
    first, second = found.to_dict("records")
    assert (first["fp32"], first["nf4"], second["bf16"], second["nf4"]) == (56.5, 55.5, 71.0, 71.5)
    assert np.isnan([first["bf16"], first["bf16 GB"], second["fp32"], second["fp32 minutes"]]).all()
    # 1907.348 MiB are 2 GB: 1907.348 x 2^20 = 2.0e9.
    assert first["nf4 GB"] == pytest.approx(2, abs=1e-5)
    assert first["fp32 GB"] == pytest.approx(1, abs=1e-5)
    assert (first["nf4 minutes"], first["fp32 minutes"]) == (1.5, 0.5)
    assert (second["bf16 minutes"], second["nf4 minutes"]) == (0.1, 10)
    assert np.isnan(second["bf16 GB"])  # 0 says that it was not measured


def test_the_paper_s_averages_stand_beside_them(benchmarks):
    found = made(benchmarks, ("M", 79.08, ["fp32", "bf16", "fp16"]), ("M, 4 bit", 79.38, ["nf4"]))
    assert found.columns.tolist()[6:8] == ["published 16 bit", "published 4 bit"]
    assert found["published 16 bit"][0] == 79.08
    assert found["published 4 bit"][0] == 79.38
    assert found[["published 16 bit", "published 4 bit"]].iloc[1].isna().all()


def test_what_nothing_is_known_of_has_no_column(benchmarks):
    found = made(benchmarks, ("M", 79.08, ["fp32"]))
    assert "published 16 bit" in found
    assert "published 4 bit" not in found


def test_a_job_that_was_not_measured_is_an_error(benchmarks):
    (benchmarks / "m/cse/nf4/eol/s.tsv").unlink()
    with pytest.raises(FileNotFoundError, match=r"m/cse/nf4/eol/s\.tsv"):
        made(benchmarks)
