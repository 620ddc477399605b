"""Draw the score of a suite against what its embedding took."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.effort import plot_cost, read_effort
from sentscale.figures import Plot, save_figure
from sentscale.tables import ENCODER, read_scores

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--benchmarks", type=Path, required=True, help="folder of embed_sentences' times")
    add("--settings", required=True, help="JSON: what a figure shows, see sentscale.figures.Plot")
    add("--out", type=Path, nargs="+", required=True, help="svg and pdf to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """One figure, in each format asked for."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    plot = Plot.from_settings(json.loads(args.settings))
    table = plot.table(read_scores(args.scores))
    effort = read_effort(args.benchmarks, table, plot.suite)
    for encoder in table.loc[effort.isna().all(axis=1), ENCODER].itertuples(index=False):
        log.info("not measured, and left out: %s", " ".join(filter(None, encoder)))
    figure = plot_cost(table.join(effort), plot)
    save_figure(figure, args.out)


if __name__ == "__main__":
    main()
