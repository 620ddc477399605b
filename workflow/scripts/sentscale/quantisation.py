"""What each precision costs and scores: one encoder in several, side by side."""

from pathlib import Path

import pandas as pd

from sentscale.benchmarks import read_benchmark
from sentscale.lines import FULL, EncoderName
from sentscale.reference import Published
from sentscale.tables import AVERAGE, ENCODER, score_column, suite_table

# As columns are ordered, from wide to narrow.
PRECISIONS = [*FULL, "nf4"]
# What the paper calls them; it says 16 bit where its code may have computed in 32.
_PRINTED = {"16 bit": FULL, "4 bit": ("nf4",)}
_ENCODED = ["model", "representation", "adapter"]


def read_costs(folder: Path, encoders: pd.DataFrame, suite: str) -> pd.DataFrame:
    """Time and memory of the embedding jobs of a suite.

    Args:
        folder: Of Snakemake's benchmark files of embed_sentences.
        encoders: Columns `ENCODER`, one row each.
        suite: Its name.

    Returns:
        `ENCODER`, "GB" (peak of the job's memory, not a GPU's) and "minutes" (wall time;
        of a job that was stopped and went on, since then).

    Raises:
        FileNotFoundError: A job has no benchmark.
    """
    rows = []
    for name in map(EncoderName._make, encoders[ENCODER].itertuples(index=False)):
        job = read_benchmark(folder / name.place / f"{suite}.tsv")
        rows.append((*name, job.memory_gb, job.seconds / 60))
    return pd.DataFrame(rows, columns=[*ENCODER, "GB", "minutes"])


def in_several_precisions(scores: pd.DataFrame, tasks: list[str], metric: str) -> pd.DataFrame:
    """Rows of `suite_table` of which the run has another precision, the score as "score"."""
    table = suite_table(scores, tasks, metric)
    table = table.rename(columns={score_column(tasks): "score"})
    several = table.groupby(_ENCODED).precision.transform("nunique") > 1
    return table.loc[several, [*ENCODER, "score"]]


def quantisation_table(
    table: pd.DataFrame, costs: pd.DataFrame, published: Published, suite: str, metric: str
) -> pd.DataFrame:
    """A row for each model and representation, columns for each precision.

    Args:
        table: Of `in_several_precisions`.
        costs: Of `read_costs`.
        published: Of `read_published`.
        suite: Its name.
        metric: For example "spearman_all".

    Returns:
        model, representation, adapter; the score in each precision that occurs ("fp32"); the
        published averages ("published 16 bit", "published 4 bit"), where any row has one;
        memory ("fp32 GB") and time ("fp32 minutes").
    """
    table = table.merge(costs, on=ENCODER)
    order = list(dict.fromkeys(table[_ENCODED].itertuples(index=False, name=None)))
    wide = table.pivot(index=_ENCODED, columns="precision", values=["score", "GB", "minutes"])
    wide = wide.reindex(index=pd.MultiIndex.from_tuples(order, names=_ENCODED))
    known = [precision for precision in PRECISIONS if ("score", precision) in wide]
    found = {precision: wide["score", precision] for precision in known}
    cells = published.of(suite, metric)
    printed = published.with_encoders(cells[cells.task == AVERAGE])
    for bits, precisions in _PRINTED.items():
        same = printed[printed.precision.isin(precisions)].drop_duplicates(_ENCODED)
        values = same.set_index(_ENCODED).published.reindex(wide.index)
        if values.notna().any():
            found[f"published {bits}"] = values
    found |= {f"{name} {cost}": wide[cost, name] for cost in ("GB", "minutes") for name in known}
    return pd.DataFrame(found).reset_index()
