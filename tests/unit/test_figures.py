from itertools import pairwise

import pandas as pd
import pytest
from paper_grid import encoders_of, read_config, settings_of

from sentscale.figures import (
    Plot,
    Style,
    canvas,
    fitted,
    key,
    legend_above,
    marker_size,
    plain_log_axis,
    save_figure,
    separate_ticks,
    share_axis,
    short_count,
    shortened,
)

STYLE = read_config()["figures"]["style"]
SETTINGS = {
    "suite": "two",
    "tasks": ["A", "B"],
    "metric": "spearman_all",
    "models": {"small": {"parameters": 331_000_000, "family": "OPT", "size": "350M"}},
    "representations": ["avg", "eol", "icl"],
    "style": STYLE,
}


def plot(**changes):
    return Plot.from_settings(SETTINGS | changes)


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_the_same_figure_gives_the_same_bytes(suffix, tmp_path):
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        figure, (axes,) = canvas(Style(**STYLE), 1, 1, row=1)
        axes.fill_between([1, 2], [1, 2], [3, 4])
        axes.plot([1, 2], [3, 4], label="ρ")
        save_figure(figure, [path])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size > 1000


def test_letters_of_a_pdf_can_be_edited(tmp_path):
    figure, _ = canvas(Style(**STYLE), 1, 1, row=1)
    save_figure(figure, [tmp_path / "a.pdf"])
    assert b"/Type3" not in (tmp_path / "a.pdf").read_bytes()


@pytest.mark.parametrize(
    ("count", "columns", "height"),
    # One row has the style's height, 2; three rows of a half each and a fifth above them.
    [(1, 2, 2.0), (2, 2, 2.0), (5, 2, 2 * (0.2 + 3 * 0.5))],
)
def test_a_canvas_grows_with_its_rows(count, columns, height):
    style = Style(**STYLE | {"width_in": 5, "height_in": 2})
    figure, panels = canvas(style, count, columns, row=0.5)
    assert figure.get_size_inches().tolist() == pytest.approx([5, height])
    assert len(panels) == count


def test_panels_share_limits_that_hold_all_of_them():
    _, (left, right) = canvas(Style(**STYLE), 2, 2, row=1)
    left.set(ylim=(0, 5))
    right.set(ylim=(3, 10))
    share_axis([left, right], "y", columns=2)
    assert left.get_ylim() == right.get_ylim() == pytest.approx((-0.3, 10.3))
    right.figure.draw_without_rendering()
    numbers = [[tick.label1.get_visible() for tick in one.yaxis.get_major_ticks()]
               for one in (left, right)]  # fmt: skip
    assert all(numbers[0])
    assert not any(numbers[1])


def test_a_logarithmic_axis_has_room_in_its_own_measure():
    _, (axes,) = canvas(Style(**STYLE), 1, 1, row=1)
    axes.set(xscale="log", xlim=(1, 1e100))
    share_axis([axes], "x")
    assert axes.get_xlim() == pytest.approx((1e-3, 1e103))


def test_a_logarithmic_axis_has_plain_numbers():
    figure, (axes,) = canvas(Style(**STYLE), 1, 1, row=1)
    plain_log_axis(axes, "x")
    axes.set_xlim(0.015, 0.6)
    figure.draw_without_rendering()
    ticks = dict(zip(axes.get_xticks(), axes.get_xticklabels(), strict=True))
    told = [label.get_text() for place, label in ticks.items() if 0.015 <= place <= 0.6]
    assert told == ["0.02", "0.05", "0.1", "0.2", "0.5"]


@pytest.mark.parametrize(("entries", "rows"), [(2, 1), (12, 3)])
def test_a_legend_stays_within_the_width(entries, rows):
    figure, _ = canvas(Style(**STYLE), 1, 1, row=1)
    legend_above(figure, [key("a representation", marker="o") for _ in range(entries)])
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.width <= figure.bbox.width
    heights = {text.get_window_extent().y0 for text in figure.legends[0].get_texts()}
    assert len(heights) == rows


def test_labels_that_would_touch_are_taken_out():
    figure, (axes,) = canvas(Style(**STYLE), 1, 1, row=1)
    axes.set_xlim(0, 100)
    axes.set_xticks([10, 11, 50], ["first", "second", "third"])
    separate_ticks(figure)
    visible = [label.get_text() for label in axes.get_xticklabels() if label.get_visible()]
    assert visible == ["first", "third"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(134_515_008, "135M"), (1_315_758_080, "1.3B"), (65_719_701_504, "66B"), (7e9, "7B"),
     (9.96e9, "10B"), (175e9, "175B"), (999, "999"), (2_500, "2.5K"), (999_999_999, "1B")],
)  # fmt: skip
def test_sizes_are_written_as_people_do(count, text):
    assert short_count(count) == text


def test_a_model_may_be_called_otherwise():
    models = {"one": {"parameters": 331_000_000, "family": "OPT"}} | SETTINGS["models"]
    assert [plot(models=models).size(name) for name in models] == ["331M", "350M"]


def test_representations_keep_their_look_without_the_others():
    looks = [plot(representations=names).look("eol") for names in (["avg", "eol"], ["avg", "eol",
             "icl"])]  # fmt: skip
    assert looks[0] == looks[1] == Style(**STYLE).look(1)
    assert looks[0]["color"] == STYLE["colours"][1]
    assert looks[0]["marker"] == STYLE["markers"][1]


def test_colours_and_markers_repeat_after_the_last():
    style = Style(**STYLE | {"colours": ["#111111", "#222222"], "markers": ["o", "s"]})
    looks = [(style.look(number)["color"], style.look(number)["marker"]) for number in range(5)]
    assert looks == [
        ("#111111", "o"), ("#222222", "s"),
        ("#111111", "s"), ("#222222", "o"),  # the same colours, each with the next marker
        ("#111111", "o"),
    ]  # fmt: skip


def test_neighbouring_colours_differ_in_grey():
    # ITU-R BT.601, what most programs turn colours into grey with.
    levels = [
        sum(share * int(colour[at : at + 2], 16) / 255 for share, at in
            ((0.299, 1), (0.587, 3), (0.114, 5)))
        for colour in STYLE["colours"]
    ]  # fmt: skip
    assert all(abs(one - two) > 0.1 for one, two in pairwise(levels))


def test_the_score_axis_tells_metric_unit_and_what_is_averaged():
    assert plot().score_label == "Spearman's ρ × 100, mean of 2 tasks"
    labels = {
        metric: plot(metric=metric, tasks=["A"]).score_label
        for metric in (
            "spearman_all", "spearman_mean", "spearman_wmean", "accuracy", "accuracy_logreg"
        )
    }  # fmt: skip
    assert labels["accuracy"] == "Accuracy × 100, A"
    assert len(set(labels.values())) == 5  # scores that are not comparable have other names
    assert all("× 100, A" in label for label in labels.values())


@pytest.mark.parametrize("preset", [None, "paper", "laptop", "demonstrations", "methods"])
def test_representations_of_a_suite_can_be_told_apart(preset):
    config = read_config(preset)
    style = Style(**config["figures"]["style"])
    order = settings_of(config, "sts")["representations"]
    for suite in config["suites"]:
        shown = dict.fromkeys(encoder[3] for encoder in encoders_of(config, suite))
        looks = [style.look(order.index(name)) for name in shown]
        colours = {look["color"] for look in looks}
        assert len(colours) == len(looks) or len(looks) > len(style.colours), suite
        assert len({(look["color"], look["marker"]) for look in looks}) == len(looks), suite


def test_a_larger_model_has_a_larger_marker():
    # Between 5 and 10 points, in equal steps of the logarithm.
    sizes = pd.Series([1e8, 1e9, 1e10])
    assert [marker_size(size, sizes) for size in sizes] == pytest.approx([5, 7.5, 10])
    assert marker_size(1e8, sizes[:1]) == pytest.approx(7.5)


def test_texts_are_cut_with_an_ellipsis():
    assert shortened("Sunset", 6) == "Sunset"
    assert shortened("A long day", 7) == "A long…"
    assert shortened("A long day", 3) == "A…"


def test_a_text_is_cut_to_a_width():
    figure, _ = canvas(Style(**STYLE), 1, 1, row=1)
    text = "A sentence that is too long for one inch"
    cut = fitted(figure, text, 1.0)
    assert text.startswith(cut[:-1])
    assert cut.endswith("…")
    assert figure.text(0, 0, cut, fontsize="small").get_window_extent().width <= figure.dpi
    longer = text[: len(cut)] + "…"
    assert figure.text(0, 0, longer, fontsize="small").get_window_extent().width > figure.dpi
    assert fitted(figure, text, 9.0) == text


@pytest.mark.parametrize("text", ["", "x", "I."])
def test_a_text_that_cannot_be_cut_is_left_as_it_is(text):
    figure, _ = canvas(Style(**STYLE), 1, 1, row=1)
    assert fitted(figure, text, 0.001) == text


@pytest.mark.parametrize("change", [{"colour": 1}, {"style": {"colours": []}}])
def test_unknown_or_missing_settings_are_refused(change):
    with pytest.raises(TypeError):
        Plot.from_settings(SETTINGS | change)


@pytest.mark.parametrize("markers", [11, 12])
def test_no_two_representations_look_alike(markers):
    style = Style(**STYLE | {"markers": [*STYLE["markers"], "h"][:markers]})
    looks = [tuple(style.look(number).values())[:2] for number in range(60)]
    assert len(set(looks)) == 60
    assert looks[10] == (style.colours[10], style.markers[10])
    assert looks[12:14] == [
        (style.colours[0], style.markers[1]),
        (style.colours[1], style.markers[2]),
    ]
    bars = [(style.look(number)["color"], style.turned(number, "abcdefgh")) for number in range(60)]
    assert len(set(bars)) == 60
