import logging

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from paper_grid import read_config
from printed import published

from sentscale.bars import plot_representations
from sentscale.figures import Plot
from sentscale.tables import SCORE_COLUMNS

SETTINGS = {
    "suite": "two",
    "tasks": ["A"],
    "metric": "spearman_all",
    "models": {f"model-{i}": {"parameters": 10**i, "family": "OPT"} for i in range(9)},
    "representations": ["avg", "eol", "icl"],
    "style": read_config()["figures"]["style"],
}
NOTHING = published()


def scores(*cells, value=50.0, low=48.0, high=53.0, precision="fp32"):
    rows = [
        [model, precision, representation, adapter, "A", "spearman_all", value + i, low, high, 9]
        for i, (model, representation, adapter) in enumerate(cells)
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def draw(table, printed=NOTHING, **changes):
    return plot_representations(table, printed, Plot.from_settings(SETTINGS | changes))


def bars(axes):
    """Place, height and colour of each bar, from the left."""
    found = [bar for group in axes.containers if isinstance(group, BarContainer) for bar in group]
    return sorted(
        (bar.get_x() + bar.get_width() / 2, bar.get_height(), to_hex(bar.get_facecolor()))
        for bar in found
    )


def test_representations_of_a_model_stand_side_by_side_under_its_name():
    cells = [("model-1", name, "") for name in ("icl", "avg")] + [("model-2", "avg", "")]
    (axes,) = draw(scores(*cells)).axes
    colours = [SETTINGS["style"]["colours"][index].lower() for index in (0, 2, 0)]
    assert [bar[1:] for bar in bars(axes)] == [
        (51.0, colours[0]), (50.0, colours[1]), (52.0, colours[2]),
    ]  # fmt: skip
    places = [bar[0] for bar in bars(axes)]
    assert places[1] - places[0] == pytest.approx(1)
    assert axes.get_xticks().tolist() == pytest.approx([sum(places[:2]) / 2, places[2]])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["model-1\nfp32",
                                                                    "model-2\nfp32"]  # fmt: skip


def test_adapters_and_precisions_are_not_mixed():
    table = pd.concat([scores(("model-1", "eol", "")), scores(("model-1", "eol", "cse")),
                       scores(("model-1", "eol", ""), precision="nf4")])  # fmt: skip
    (axes,) = draw(table).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "model-1\nfp32", "model-1\ncse\nfp32", "model-1\nnf4",
    ]  # fmt: skip


def test_every_bar_tells_its_value_above_its_interval():
    (axes,) = draw(scores(("model-1", "eol", ""))).axes
    (number,) = axes.texts
    assert number.get_text() == "50.0"
    assert number.xy[1] == 53.0


def test_a_negative_score_is_a_bar_below_zero():
    (axes,) = draw(scores(("model-1", "eol", ""), value=-5.0, low=-9.0, high=-1.0)).axes
    assert [bar[1] for bar in bars(axes)] == [-5.0]
    assert axes.get_ylim()[0] < -9
    assert axes.texts[0].xy[1] == 0


def test_groups_go_on_in_a_new_row_with_the_same_scale():
    cells = [(model, name, "") for model in SETTINGS["models"] for name in ("avg", "eol", "icl")]
    style = SETTINGS["style"] | {"width_in": 4}
    # (4 - 0.7) / 0.14 = 23.6 bars have room. A group takes four, one of them empty; its name, of
    # 0.43 inches, is not wider: five groups in a row.
    first, second = draw(scores(*cells), style=style).axes
    assert [len(axes.get_xticks()) for axes in (first, second)] == [5, 4]
    assert first.get_xlim() == second.get_xlim()
    assert first.get_ylim() == second.get_ylim()


def test_what_was_printed_of_other_models_is_a_line_across():
    rows = [
        ("prompt, with a period", "BERT", "110M", "no", 73.44),
        ("Prompt", "OPT", "1.3B", "no", 60.0),
        ("SimCSE", "BERT", "110M", "yes", 80.0),
    ]
    printed = published(*rows, ours={("Prompt", "OPT", "1.3B"): "model-1 fp32 eol"}, task="A")
    figure = draw(scores(("model-1", "eol", "")), printed)
    (axes,) = figure.axes
    across = [line for line in axes.lines if list(line.get_xdata()) == [0, 1]]
    assert [line.get_ydata()[0] for line in across] == [0, 73.44]
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told == ["eol", "published", "prompt, with a period, BERT 110M: 73.44 (published)"]
    ((place, *_),) = bars(axes)
    dots = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "o"]
    assert dots == [[[pytest.approx(place), 60.0]]]


def test_too_many_printed_scores_are_not_drawn(caplog):
    caplog.set_level(logging.INFO)
    rows = [("m", "BERT", f"{i}M", "no", 70.0 + i) for i in range(5)]
    (axes,) = draw(scores(("model-1", "eol", "")), published(*rows, task="A")).axes
    assert [line for line in axes.lines if list(line.get_xdata()) == [0, 1]][1:] == []
    assert caplog.messages == ["5 published scores of other models are too many lines: left out"]


def test_an_encoder_without_the_score_is_an_error_if_it_is_the_only_one():
    with pytest.raises(ValueError, match="no encoder has a pearson_all score"):
        draw(scores(("model-1", "eol", "")), metric="pearson_all")
