"""Write one page that tells what a run found, how, and what it lacks."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from sentscale.exhibits import Exhibit
from sentscale.files import write_text
from sentscale.revision import digest_of_code, git_revision
from sentscale.story import Run, page
from sentscale.tables import read_scores

log = logging.getLogger(__name__)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Options; every one is required."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--scores", type=Path, required=True, help="scores.csv")
    add("--results", type=Path, required=True, help="folder of all results")
    add("--run", required=True, help="JSON: what the run is, see Run")
    add("--exhibits", required=True, help="JSON: section, title, caption, path of each")
    add("--code", type=Path, required=True, help="folder of the code, for digest and revision")
    add("--templates", type=Path, required=True, help="folder of index.html, .css and .js")
    add("--out", type=Path, required=True, help="page to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Everything in one file."""
    args = parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    exhibits = [
        Exhibit(section, title, caption, Path(path))
        for section, title, caption, path in json.loads(args.exhibits)
    ]
    code = {"digest": digest_of_code(args.code), "revision": git_revision(args.code)}
    run, scores = Run.from_settings(json.loads(args.run)), read_scores(args.scores)
    text = page(run, scores, exhibits, args.results, code, args.templates)
    write_text(args.out, text)
    log.info("%s: %.1f MB, %d tables and figures", args.out, len(text) / 1e6, len(exhibits))


if __name__ == "__main__":
    main()
