"""Tables of layer choice: the best layer of each encoder beside its last one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from sentscale.lines import EncoderName


def best_layer(table: pd.DataFrame) -> pd.Series:
    """The row with the highest printed score; of equals the lowest layer, which costs least."""
    return table.loc[table.score.round(2).idxmax()]


def choice_table(layers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The best layer of each encoder beside its last one.

    Args:
        layers: `layers.layer_table` of each, by model/adapter/precision/representation.

    Returns:
        Columns `tables.ENCODER`, "layers", "best", "chance", the scores "of the best" and "of the
        last", and "gain" with its interval, "low" and "high".
    """
    rows = []
    for name, table in layers.items():
        best, last = best_layer(table), table.iloc[-1]
        rows.append(
            {
                **EncoderName.of(*name.split("/"))._asdict(),
                "layers": int(last.layer),
                "best": int(best.layer),
                "chance": best.chance,
                "of the best": best.score,
                "of the last": last.score,
                "gain": best.gain,
                "low": best.gain_low,
                "high": best.gain_high,
            }
        )
    return pd.DataFrame(rows)


def read_layers(paths: Sequence[Path], encoders: Sequence[str]) -> dict[str, pd.DataFrame]:
    """`layers.layer_table` of each encoder, from the files of score_layers."""
    return {
        encoder: pd.read_csv(path, sep="\t") for encoder, path in zip(encoders, paths, strict=True)
    }
