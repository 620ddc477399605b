"""The table of how encoders' vectors lie."""

from pathlib import Path

import pandas as pd

from sentscale.files import read_json
from sentscale.lines import EncoderName
from sentscale.tables import ENCODER

MEASURES = ["mean_cosine", "effective_rank", "first_component", "alignment", "uniformity"]


def geometry_table(paths: list[Path]) -> pd.DataFrame:
    """One row for each JSON file of measure_geometry, in their order.

    Returns:
        Columns `ENCODER` and `MEASURES`; adapter is empty for a model as it comes, and
        `alignment` NaN for a suite without pairs that people call alike.
    """
    rows = []
    for path in paths:
        found = read_json(path)
        measured = {name: found[name] for name in MEASURES}
        rows.append(EncoderName.of(**found["encoder"])._asdict() | measured)
    table = pd.DataFrame(rows, columns=[*ENCODER, *MEASURES])
    return table.astype(dict.fromkeys(MEASURES, float))
