"""The whole paper with made-up scores: each table, figure and published score is in its place."""

import csv
import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml
from harness import ROOT, copy_workflow
from made_up_run import write_results
from paper_grid import read_config

pytestmark = pytest.mark.slow

# A machine for jobs that never run: that of the profile has no products of fp16.
GPU = {"partition": None, "account": None, "limit_min": None, "memory_gb": 80, "per_node": 8}
GPU |= {"node_memory_gb": 500, "tflops": {"fp32": 19, "half": 300}, "max_tokens": 16384}
GPU |= {"request": "gpus", "model": None, "extra": None}
# Steps after scores and measured geometry, beside those that make tables and figures.
AFTER = ["all", "collect_scores", "resample_scores", "fit_trends", "write_index"]
RESAMPLES = {"resamples": 200}
HEADLINE = {"dev": "spearman_all", "sts": "spearman_all", "transfer": "accuracy"}
# Where the catalogue says why a printed row of the paper has no encoder in the preset.
EXPLAINED = {
    ("PromptBERT (unsup.)", "BERT-base", "110M"): "unsup-promptbert",
    ("PromptRoBERTa (unsup.)", "RoBERTa-base", "123M"): "unsup-promptroberta",
    ("PromptRoBERTa (sup.)", "RoBERTa-base", "123M"): "sup-promptroberta",
    ("ST5-Enc avg.", "ST5-Enc", "4.8B"): "ST5-Enc avg. of table 1",
    ("PromptEOL+CSE", "LLaMA", "30B"): "cse-published for llama-30b",
}
# Printed scores that are known, and those beside ours: of 20 rows of table 1, 9 of table 2 and 9
# of later methods, 52 and 24 on transfer tasks, 3 more. What is left out is in `check_lacking`, or
# has tables of its own: 8 gains, 2 counts.
PRINTED, BESIDE = 993, (20 + 9 + 9) * 8 + 52 + 24 + 3
ROW = ("method", "model", "parameters")
ENCODER = ("model", "adapter", "precision", "representation")


@pytest.fixture(scope="module")
def config():
    return read_config("paper")


@pytest.fixture(scope="module")
def paper(tmp_path_factory, config):
    """The workflow after a run of the preset on made-up scores, and what the run printed."""
    flow = copy_workflow(tmp_path_factory.mktemp("paper") / "workflow")
    flow.edit("workflow/profiles/local/machine.yaml", "\ngpu: null", f"\ngpu: {json.dumps(GPU)}")
    fewer = {section: {"bootstrap": RESAMPLES} for section in ("sts", "transfer")}
    (flow.folder / "fewer.yaml").write_text(yaml.safe_dump(fewer))
    write_results(flow.folder, config)
    rules = [path.read_text() for path in (flow.folder / "workflow/rules").glob("*.smk")]
    made = re.findall(r"^rule ((?:tabulate|plot)_\w+):", "".join(rules), re.MULTILINE)
    presets = ["--configfile", "workflow/presets/paper.yaml", "fewer.yaml"]
    flow.output = flow.run(*presets, "--allowed-rules", *AFTER, *made)
    return flow


@pytest.fixture(scope="module")
def asked(paper):
    """What rule all asks for below results/tables and results/figures."""
    (inputs,) = re.findall(r"^localrule all:\n +input: (.*)$", paper.output, re.MULTILINE)
    return [path for path in inputs.split(", ") if re.match("results/(tables|figures)/", path)]


def test_every_table_and_figure_is_made(paper, asked):
    kinds = {}
    for path in map(Path, asked):
        assert (paper.folder / path).stat().st_size > 100, path
        kinds.setdefault(path.suffix, []).append(path.with_suffix(""))
    # The tidy scores have no Markdown and no LaTeX.
    assert set(kinds[".csv"]) == set(kinds[".html"])
    assert (
        set(kinds[".md"])
        == set(kinds[".tex"])
        == set(kinds[".csv"]) - {Path("results/tables/scores")}
    )
    assert set(kinds[".svg"]) == set(kinds[".pdf"])
    for path in kinds[".csv"]:
        assert len(read_csv(paper.folder / f"{path}.csv")) > 0, path
    for path in kinds[".svg"]:
        assert "<path" in (paper.folder / f"{path}.svg").read_text()
        assert (paper.folder / f"{path}.pdf").read_bytes().startswith(b"%PDF")


def test_every_kind_of_table_and_figure_is_there(asked):
    text = (ROOT / "workflow/report/index.yaml").read_text()
    known = {kind for kinds in yaml.safe_load(text).values() for kind in kinds}
    found = {str(Path(path).relative_to("results").parent) for path in asked}
    found |= {"tables"}
    # The preset has no layers, and the bundled sentences of the heat map are no part of it.
    assert known - found == {"figures/layers", "tables/layers", "figures/heat_map"}


def test_the_page_has_every_table_and_figure(paper, asked):
    page = (paper.folder / "results/index.html").read_text()
    shown = [path for path in asked if path.endswith((".html", ".svg"))]
    assert len(shown) > 40
    named = {path for path in shown if path in page}
    assert set(shown) - named == {"results/tables/scores.html"}
    assert "Beside published scores" in page


def test_every_published_score_stands_beside_ours(paper, config):
    links, here = read_links(), grid(config)
    beside, lacking = 0, set()
    for suite, metric in HEADLINE.items():
        table = read_csv(paper.folder / f"results/tables/published/{suite}.csv")
        for cell in printed_cells(metric):
            row = row_of(cell)
            if cell["suite"] != suite:
                continue
            lines = lines_of(table, cell)
            there = {one for one in links.get(row, []) if (*one, suite) in here}
            if not there:
                lacking.add(row)
                # A row that is listed is in the table, as one that the run lacks.
                assert len(lines) == (row in links), cell
                assert [line["ours"] for line in lines] == [""] * len(lines)
                continue
            assert sorted(map(encoder_of, lines)) == sorted(there), cell
            for line in lines:
                check_line(line, cell, *ours(paper.folder, config, suite, encoder_of(line), cell))
            beside += 1
    check_lacking(lacking, links)
    assert (beside, len(printed_cells())) == (BESIDE, PRINTED)


def test_published_gains_and_counts_are_there(paper):
    gains = read_csv(paper.folder / "results/tables/gain/sts.csv")
    for cell in printed_cells("gain of spearman_all"):
        model = f"opt-{cell['parameters'].lower()}"
        (line,) = (
            line
            for line in gains
            if (line["model"], line["representation"]) == (model, "icl")
            and line["precision"] != "nf4"
        )
        assert float(line["published"]) == float(cell["value"])
        gain = np.round(float(line["with"]) - float(line["without"]), 2)
        assert float(line["gain"]) == gain
        assert float(line["difference"]) == np.round(gain - float(cell["value"]), 2)
    chosen = read_csv(paper.folder / "results/tables/chosen/paper.csv")
    better = {line["model"]: line["published better"] for line in chosen}
    (cell,) = printed_cells("better_of_300")
    assert better[f"opt-{cell['parameters'].lower()}"] == f"{float(cell['value']):.0f} of 300"
    (cell,) = printed_cells("better_percent")
    assert better[f"opt-{cell['parameters'].lower()}"] == f"about {float(cell['value']):.0f} %"


@pytest.mark.parametrize("suite", HEADLINE)
def test_the_best_of_each_block_is_bold_and_the_second_underlined(paper, suite):
    text = (paper.folder / f"results/tables/{suite}.tex").read_text()
    blocks = [block for block in re.split(r"\\midrule\n|\\endfoot\n", text) if "&" in block]
    cells = [
        [line.removesuffix(r" \\").split(" & ") for line in block.splitlines() if " & " in line]
        for block in blocks
    ]
    *_, ours, published = [block for block in cells if block[0][0] != "model"]
    assert not any("textbf" in cell or "underline" in cell for row in published for cell in row)
    marked = 0
    for block in cells[1:-1]:
        for column in zip(*block, strict=True):
            numbers = [re.sub(r"\\(textbf|underline){(.*)}", r"\2", cell) for cell in column]
            signs = {
                name: {number for number, cell in zip(numbers, column, strict=True) if name in cell}
                for name in ("textbf", "underline")
            }
            if not all(re.fullmatch(r"\d+\.\d\d", number) for number in numbers):
                assert signs == {"textbf": set(), "underline": set()}
                continue
            best, second, *_ = sorted(set(numbers), key=float, reverse=True)
            assert signs == {"textbf": {best}, "underline": {second}}
            marked += 1
    assert marked >= len(ours[0]) - 4


def read_csv(path, delimiter=","):
    with path.open(encoding="utf-8", newline="") as file:
        quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
        return list(csv.DictReader(file, delimiter=delimiter, quoting=quoting))


def resource(name):
    return read_csv(ROOT / f"workflow/resources/{name}.tsv", "\t")


def printed_cells(metric=None):
    """Published scores, all or those of a metric."""
    cells = [*resource("paper_tables"), *resource("followup_tables")]
    return [cell for cell in cells if metric in (None, cell["metric"])]


def row_of(cell):
    """What a printed row is known by."""
    return tuple(cell[name] for name in ROW)


def read_links():
    """Encoders that stand for each printed row."""
    keys = ("our_model", "our_adapters", "our_precisions", "our_representations")
    return {
        row_of(line): list(product(*(line[key].split() for key in keys)))
        for line in resource("published_encoders")
    }


def grid(config):
    """(model, adapter, precision, representation, suite) of the preset."""
    keys = ("models", "adapters", "precisions", "representations", "suites")
    return {cell for one in config["run"] for cell in product(*(one[key] for key in keys))}


def lines_of(table, cell):
    """Lines of a comparison that show a printed score."""
    named = "{method}, {model} {parameters}".format(**cell)
    same = [line for line in table if line["published as"] == named]
    return [line for line in same if line["task"] == cell["task"]]


def encoder_of(line):
    """As in the preset; in tables the adapter of a model as it comes is empty."""
    return tuple(line[key] or "none" for key in ENCODER)


def ours(folder, config, suite, encoder, cell):
    """Printed score and bounds of an encoder, from its score files, as by hand."""
    kind = "transfer" if suite == "transfer" else "sts"
    place = folder / f"results/scores/{kind}" / "/".join(encoder)
    tasks = config["suites"][suite] if cell["task"] == "Avg." else [cell["task"]]
    texts = [(place / f"{task}.json").read_text() for task in tasks]
    scores = [json.loads(text)["scores"][cell["metric"]] for text in texts]
    value, low, high = (np.array([one[key] for one in scores]) for key in ("value", "low", "high"))
    if cell["task"] != "Avg.":
        return np.round(value[0], 2), low[0], high[0]
    mean = np.round(value, 2).mean()
    down, up = (np.sqrt(((bound - value) ** 2).sum()) / len(tasks) for bound in (low, high))
    return np.round(mean, 2), np.round(mean - down, 2), np.round(mean + up, 2)


def check_line(line, cell, value, low, high):
    """One line of a comparison: ours, the printed score, how far apart, inside or outside."""
    printed = float(cell["value"])
    assert float(line["published"]) == printed
    assert float(line["ours"]) == pytest.approx(value, abs=1e-9)
    bounds = float(line["low"]), float(line["high"])
    assert bounds == pytest.approx((low, high), abs=1e-9)
    assert float(line["difference"]) == pytest.approx(np.round(value - printed, 2), abs=1e-9)
    side = "inside" if low <= printed <= high else "outside"
    assert line["verdict"] == f"{side} our interval"
    assert (line["source"], line["remark"]) == (cell["source"], cell["remark"])


def check_lacking(lacking, links):
    """Rows that no encoder of the preset stands for, and why."""
    missing = {
        line["wanted_as"] for line in read_csv(ROOT / "workflow/catalogue/missing.tsv", "\t")
    }
    of_paper = {row_of(cell) for cell in resource("paper_tables")}
    assert lacking & of_paper == EXPLAINED.keys()
    assert set(EXPLAINED.values()) <= missing
    # The others are methods of other papers that are not a prompt alone, or other models.
    others = lacking - of_paper
    assert not others & links.keys()
    foreign = re.compile(r"Token Prepending|CP-N[SR]|no prompt")
    for method, *model in others:
        assert foreign.search(method) or model != ["LLaMA2", "7B"], method
