"""Which encoders share a panel of a figure: small multiples in place of one crowded panel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sentscale.figures import Plot, blank, key, share_axis, text_width_in
from sentscale.lines import FULL, EncoderName, size_lines
from sentscale.tables import ENCODER

# Sizes of a family that differ by less than this factor are one size.
_SIZES_APART = 1.5
# Between representations over one name; a name has at least 1.
STEP = 0.3
# Room left and right of the smallest and largest model, as a factor.
_MARGIN = 1.5


@dataclass(frozen=True)
class Panel:
    """A part of a table that is drawn by itself.

    Attributes:
        title: Family, adapter and precisions.
        rows: Its encoders; column `name` is the model with what was done to it.
        named: They are side by side, each over its name, and not at its size.
    """

    title: str
    rows: pd.DataFrame
    named: bool

    @property
    def names(self) -> list[str]:
        """Of its encoders, whatever their representation; the smallest model first."""
        rows = self.rows.assign(place=pd.factorize(self.rows.model)[0])
        return list(dict.fromkeys(rows.sort_values(["parameters", "place"], kind="stable")["name"]))

    @property
    def widths(self) -> dict[str, float]:
        """Room of each name on the axis: more for one with many representations."""
        count = self.rows.groupby("name").representation.nunique()
        return {name: max(1.0, STEP * (count[name] + 1)) for name in self.names}

    @property
    def middles(self) -> dict[str, float]:
        """Where each name is."""
        ends = np.cumsum(list(self.widths.values()))
        return {
            name: end - self.widths[name] / 2 for name, end in zip(self.names, ends, strict=True)
        }

    def places(self, rows: pd.DataFrame) -> pd.Series:
        """Where rows of this panel are on its axis."""
        return rows["name"].map(self.middles) if self.named else rows.parameters

    @property
    def adapter(self) -> str:
        """Of its encoders."""
        return self.rows.adapter.iloc[0]

    @property
    def quantised(self) -> bool:
        """Whether the weights are."""
        return not self.rows.precision.isin(FULL).any()


def panels_of(table: pd.DataFrame) -> list[Panel]:
    """A panel for the `size_lines` of one family, adapter and widest precision.

    Models as they come are first, then unquantised ones. A family of one size is no line:
    where there are others too, all such share the last panel.

    Args:
        table: Columns `ENCODER`, family and parameters.
    """
    sizes = table.groupby("family").parameters.agg(lambda all_: all_.max() / all_.min())
    alone = (table.family.map(sizes) < _SIZES_APART) & (len(sizes) > 1)
    table = table.assign(name=_names(table))
    panels = [Panel(_title(rows), rows, named=False) for rows in _lines(table[~alone])]
    if alone.any():
        panels.append(Panel("families of one size", table[alone], named=True))
    return panels


def _names(table: pd.DataFrame) -> list[str]:
    """Model, adapter and, if it is quantised or there is another, precision."""
    bare = table.precision.isin(FULL)
    several = table[bare].groupby(["model", "adapter"]).precision.nunique() > 1
    told = [
        not full or several[model, adapter]
        for model, adapter, full in zip(table.model, table.adapter, bare, strict=True)
    ]
    parts = zip(table.model, table.adapter, table.precision.where(told, ""), strict=True)
    return [" ".join(filter(None, names)) for names in parts]


def _lines(table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Rows of each panel. An encoder may be in two: the only one of its size, in 16 bit."""
    encoders = [EncoderName(*row) for row in table[ENCODER].itertuples(index=False)]
    families = dict(zip(table.model, table.family, strict=True))
    parameters = dict(zip(table.model, table.parameters, strict=True))
    groups: dict[tuple[str, bool, str, str], set[EncoderName]] = {}
    for line in size_lines(encoders, families, parameters):
        widest = line.precision.split(", ")[0]
        about = line.adapter, widest not in FULL, line.family, widest
        groups.setdefault(about, set()).update(line.encoders)
    adapters, order = ["", *table.adapter.unique()], list(table.family.unique())
    for about in sorted(groups, key=lambda a: (adapters.index(a[0]), a[1], order.index(a[2]))):
        yield table[[encoder in groups[about] for encoder in encoders]]


def _title(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    precisions = " and ".join(dict.fromkeys(rows.precision))
    return ", ".join(filter(None, [first.family, first.adapter, precisions]))


def spans(rows: pd.DataFrame) -> np.ndarray:
    """Lengths down and up; a percentile interval may miss its point, a bar cannot."""
    return np.maximum([rows.score - rows.low, rows.high - rows.score], 0)


def size_axis(axes: Axes, panel: Panel, plot: Plot, others: pd.DataFrame | None = None) -> None:
    """A logarithmic axis with a tick for each size, or the names of the models.

    Args:
        axes: Of the panel.
        panel: What is drawn there.
        plot: What is shown.
        others: Models (columns model and parameters) that the axis has beside the panel's.
    """
    if panel.named:
        middles = panel.middles
        axes.set_xticks(list(middles.values()), list(middles), rotation=90)
        axes.set_xlim(0, sum(panel.widths.values()))
        return
    tables = [panel.rows] if others is None else [panel.rows, others]
    ticks = {row.parameters: plot.size(row.model) for table in tables for row in table.itertuples()}
    axes.set_xscale("log")
    axes.set_xticks(sorted(ticks), [ticks[place] for place in sorted(ticks)])
    axes.set_xticks([], minor=True)
    axes.set_xlim(min(ticks) / _MARGIN, max(ticks) * _MARGIN)


def share_sizes(all_axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    """The same size axis for all panels that have one."""
    pairs = zip(all_axes, panels, strict=True)
    if sized := [axes for axes, panel in pairs if not panel.named]:
        share_axis(sized, "x")


def foot_in(panels: Sequence[Panel], plot: Plot) -> float:
    """Height in inches that the longest name below a panel takes."""
    figure = blank(plot.style, 1, 1)
    names = [name for panel in panels if panel.named for name in panel.names]
    return max((text_width_in(figure, name) for name in names), default=0)


def representation_keys(table: pd.DataFrame, plot: Plot) -> list[Line2D]:
    """Entries of a legend: the representations of a table."""
    return [key(name, **plot.look(name)) for name in plot.shown(table)]
