"""What all figures share: style, settings, a canvas of panels, legend and files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import matplotlib
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from sentscale.files import written_whole
from sentscale.reference import Published
from sentscale.tables import metric_label, score_column, suite_table

# Without them the same figure would differ in bytes from run to run.
_SAME_BYTES = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
# Height of what is above several rows of panels, as a share of a figure of one row.
_HEAD = 0.2
DASHES = [":", "--", "-.", "-", (0, (6, 1))]
MARKER_PT = 5.0
# Where a larger marker is a larger model.
_SMALL_PT, _LARGE_PT = 5.0, 10.0
# Below the lowest and above the highest of all panels, as a share of the axis: markers need it.
_ROOM = 0.03


@dataclass(frozen=True)
class Style:
    """Look of the figures: the section `figures.style` of config.yaml.

    Attributes:
        colours: One for each representation of a run, in the order of the catalogue.
        markers: Likewise, so that a figure can be read in grey.
        width_in, height_in: Size in inches; of a figure with several rows only the width.
        font_pt: Size of the text in points; the smallest text is 0.83 times as large.
    """

    colours: list[str]
    markers: list[str]
    width_in: float
    height_in: float
    font_pt: float

    def look(self, index: int) -> dict[str, Any]:
        """Colour, marker and dashes of the representation or line of a number, from 0.

        When the colours are used up they begin again, each with the next marker, so
        that two with the same colour differ in their marker.
        """
        return {
            "color": self.colours[index % len(self.colours)],
            "marker": self.turned(index, self.markers),
            "linestyle": DASHES[index % len(DASHES)],
        }

    def turned(self, index: int, looks: Sequence[str]) -> str:
        """One of `looks`: another one for each number with the same colour."""
        turn, colour = divmod(index, len(self.colours))
        return looks[(colour + turn) % len(looks)]


@dataclass(frozen=True)
class Plot:
    """What a figure of a suite shows.

    Attributes:
        suite: Name of the suite.
        tasks: Its tasks.
        metric: For example "spearman_all".
        models: Parameters, family and, if people call it otherwise, size of each model of the
            families that are shown.
        representations: All of the run, so that each has one look in all figures.
        style: Look.
    """

    suite: str
    tasks: list[str]
    metric: str
    models: dict[str, dict[str, Any]]
    representations: list[str]
    style: Style

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """From JSON; raises TypeError for a missing or unknown key."""
        return cls(**(settings | {"style": Style(**settings["style"])}))

    def look(self, representation: str) -> dict[str, Any]:
        """Colour, marker and dashes of a representation."""
        return self.style.look(self.representations.index(representation))

    def shown(self, table: pd.DataFrame) -> list[str]:
        """Representations of a table's rows, in the order of the catalogue."""
        return [name for name in self.representations if name in set(table.representation)]

    def size(self, model: str) -> str:
        """The size of a model as people write it."""
        entry = self.models[model]
        return entry.get("size") or short_count(entry["parameters"])

    def table(self, scores: pd.DataFrame) -> pd.DataFrame:
        """`suite_table` of encoders that miss no task, with family, parameters and score.

        Raises:
            ValueError: There is no such encoder.
        """
        table = suite_table(scores, self.tasks, self.metric)
        table = table.rename(columns={self.score_column: "score"})
        table = self.with_models(table[table.score.notna()])
        if table.empty:
            raise ValueError(f"no encoder has a {self.metric} score on all of {self.tasks}")
        return table

    def with_models(self, table: pd.DataFrame) -> pd.DataFrame:
        """Rows with what is known of their model: family and parameters."""
        fields = ("family", "parameters")
        known = {key: [self.models[name][key] for name in table.model] for key in fields}
        return table.assign(**known)

    def printed(self, published: Published) -> pd.DataFrame:
        """Published scores in the column that is drawn: see `Published.with_encoders`."""
        cells = published.of(self.suite, self.metric)
        return published.with_encoders(cells[cells.task == self.score_column])

    @property
    def score_column(self) -> str:
        """Column of the suite table that is drawn."""
        return score_column(self.tasks)

    @property
    def score_label(self) -> str:
        """Label of the score axis, with its unit."""
        many = f"mean of {len(self.tasks)} tasks"
        what = many if len(self.tasks) > 1 else self.tasks[0]
        label = metric_label(self.metric)
        return f"{label[0].upper()}{label[1:]}, {what}"


def blank(style: Style, width_in: float, height_in: float, layout: str = "constrained") -> Figure:
    """A figure with nothing on it; what is put there has the style's text.

    Sets the text of all figures that follow, because labels are often made when they are drawn.
    """
    small = {f"{part}.labelsize": "small" for part in ("xtick", "ytick")}
    small |= {f"legend.{part}": "small" for part in ("fontsize", "title_fontsize")}
    matplotlib.rcParams.update(
        {
            "font.size": style.font_pt,
            "axes.labelsize": "medium",
            "axes.titlesize": "small",
            "axes.titlelocation": "left",
            "pdf.fonttype": 42,  # letters that an editor can change, as journals ask for
            "svg.hashsalt": "sentscale",
            "text.hinting": "none",  # else text is measured wider or narrower than it is drawn
            "text.parse_math": False,  # dollars in a sentence are dollars
            **small,
        }
    )
    figure = Figure(figsize=(width_in, height_in), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def canvas(
    style: Style, count: int, columns: int, row: float, foot_in: float = 0
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels in rows of `columns`.

    Args:
        style: Its width; its height is that of a figure with one row.
        count: Panels.
        columns: Most panels side by side.
        row: Height of each of several rows, as a share of the style's.
        foot_in: More height, for long labels below.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    height = style.height_in * (1 if rows == 1 else _HEAD + row * rows) + foot_in
    figure = blank(style, style.width_in, height)
    grid = figure.add_gridspec(rows, columns)
    panels = [figure.add_subplot(grid[divmod(index, columns)]) for index in range(count)]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", linewidth=0.4, alpha=0.6)
        axes.set_axisbelow(True)
    return figure, panels


def share_axis(panels: Sequence[Axes], axis: str, columns: int = 0) -> None:
    """Give all panels the same limits, wide enough for each.

    Args:
        panels: In rows.
        axis: "x" or "y".
        columns: Panels in a row; all but the first of each lose the numbers of the y axis.
    """
    limits = [getattr(axes, f"get_{axis}lim")() for axes in panels]
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    if getattr(panels[0], f"get_{axis}scale")() == "log":
        limits = low / (high / low) ** _ROOM, high * (high / low) ** _ROOM
    else:
        limits = low - _ROOM * (high - low), high + _ROOM * (high - low)
    for index, axes in enumerate(panels):
        axes.set(**{f"{axis}lim": limits})
        if columns and index % columns:
            axes.tick_params(axis=axis, labelleft=False)


def legend_above(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend over all panels, in as few rows as the figure's width allows."""
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=columns,
            frameon=False,
            columnspacing=1.4,
            handletextpad=0.5,
            handlelength=2.4,
            borderaxespad=0.2,
        )
        if legend.get_window_extent().width <= figure.bbox.width or columns == 1:
            return
        legend.remove()


def key(label: str, **look: Any) -> Line2D:
    """An entry of a legend: a line with its marker."""
    return Line2D([], [], label=label, **({"markersize": MARKER_PT} | look))


def marker_size(parameters: float, among: pd.Series) -> float:
    """Diameter in points of a model's marker: its logarithm between those of all models."""
    low, high = math.log(among.min()), math.log(among.max())
    share = (math.log(parameters) - low) / (high - low) if high > low else 0.5
    return _SMALL_PT + share * (_LARGE_PT - _SMALL_PT)


def plain_log_axis(axes: Axes, axis: str, subs: Sequence[float] = (1, 2, 5)) -> None:
    """A logarithmic axis with numbers such as 0.5 and 20 at `subs` of each power of ten."""
    axes.set(**{f"{axis}scale": "log"})
    chosen = getattr(axes, f"{axis}axis")
    chosen.set_major_locator(LogLocator(subs=subs))
    chosen.set_major_formatter("{x:g}")
    chosen.set_minor_locator(NullLocator())


def separate_ticks(figure: Figure) -> None:
    """Take out labels of x axes that would touch the one before."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        end = -float("inf")
        for label in axes.get_xticklabels():
            box = label.get_window_extent()
            label.set_visible(box.x0 > end)
            end = box.x1 + 1 if box.x0 > end else end


def shortened(text: str, letters: int) -> str:
    """A text cut to so many letters, the last of them an ellipsis."""
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"


def text_width_in(figure: Figure, text: str) -> float:
    """Inches that a text takes in a figure, in the smaller size of tick labels."""
    shown = figure.text(0, 0, text, fontsize="small")
    width = shown.get_window_extent().width / figure.dpi
    shown.remove()
    return width


def fitted(figure: Figure, text: str, inches: float) -> str:
    """A text in the smaller size of tick labels, cut to a width."""
    cut = text
    for letters in range(len(text) - 1, 1, -1):
        if text_width_in(figure, cut) <= inches:
            break
        cut = shortened(text, letters)
    return cut


def short_count(count: float) -> str:
    """A number of parameters as people write it: 135M, 1.3B."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= 0.9995 * size:  # 999.6M would print as 1000M
            value = count / size
            return f"{round(value, 1 if value < 10 else 0):g}{letter}"
    return f"{count:g}"


def save_figure(figure: Figure, paths: Sequence[Path]) -> None:
    """Write a figure to each path, in the format of its suffix, svg or pdf."""
    for path in paths:
        kind = path.suffix[1:]
        with written_whole(path) as part:
            figure.savefig(part, format=kind, metadata=_SAME_BYTES[kind])
