"""Which encoders share a panel of a figure: small multiples in place of one crowded panel."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sentscale.lines import FULL

# Sizes of a family that differ by less than this factor are one size.
_SIZES_APART = 1.5
# Between representations over one name; a name has at least 1.
STEP = 0.3


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
        return list(dict.fromkeys(self.rows.sort_values("parameters", kind="stable")["name"]))

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
    """A panel for each family, adapter and kind of precision; models as they come are first.

    Unquantised precisions share a panel, and so a line from the smallest to the largest
    model, unless an encoder is there in two of them. A family of one size is no line:
    where there are others too, all such share the last panel.

    Args:
        table: Columns `ENCODER`, family and parameters.
    """
    bare = table.precision.isin(FULL)
    precisions = table[bare].groupby(["model", "representation", "adapter"]).precision.nunique()
    kind = table.precision.mask(bare & (precisions.max() == 1), "")
    sizes = table.groupby("family").parameters.agg(lambda all_: all_.max() / all_.min())
    parts = zip(table.model, table.adapter, kind, strict=True)
    ranked = table.assign(
        kind=kind,
        name=[" ".join(filter(None, names)) for names in parts],
        adapters=(pd.factorize(table.adapter)[0] + 1) * (table.adapter != ""),
        families=pd.factorize(table.family)[0],
        quantised=~bare,
        alone=(table.family.map(sizes) < _SIZES_APART) & (len(sizes) > 1),
    ).sort_values(["adapters", "quantised", "families"], kind="stable")
    groups = ranked[~ranked.alone].groupby(["adapter", "kind", "family"], sort=False)
    panels = [Panel(_title(rows), rows, named=False) for _, rows in groups]
    if ranked.alone.any():
        panels.append(Panel("families of one size", ranked[ranked.alone], named=True))
    return panels


def _title(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    precisions = " and ".join(dict.fromkeys(rows.precision))
    return ", ".join(filter(None, [first.family, first.adapter, precisions]))


def spans(rows: pd.DataFrame) -> np.ndarray:
    """Lengths down and up; a percentile interval may miss its point, a bar cannot."""
    return np.maximum([rows.score - rows.low, rows.high - rows.score], 0)
