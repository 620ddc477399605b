"""The demonstration that a search chose for each model, beside the one the paper prints."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sentscale.demonstrations import Demonstration
from sentscale.reference import Published

PRINTED_COLUMNS = ["model", "parameters", "our_model", "line", "word", "origin", "source"]
PRINTED_COLUMNS += ["confidence"]
_COLUMNS = ["model", "word", "sentence", "score", "low", "high", "without", "gain", "better"]
_COLUMNS += ["published word", "published sentence", "its rank", "its score", "published better"]
_TEXTS = ["word", "sentence", "better", "published word", "published sentence", "published better"]
# What is known of the paper's demonstration only where it was searched too.
_SEARCHED = ["its rank", "its score"]
_NUMBERS = ["score", "low", "high", "without", "gain", "its score"]
# How the paper prints the number of candidates that are better than none.
_BETTER = {"better_of_300": "{:.0f} of 300", "better_percent": "about {:.0f} %"}


def read_printed_choices(path: Path, listed: Sequence[Demonstration] | None) -> pd.DataFrame:
    """Read the paper's demonstrations; their sentences are in the published list.

    Args:
        path: `workflow/resources/paper_demonstrations.tsv`.
        listed: The published list, if there is one; sentences are empty without.

    Raises:
        ValueError: Other columns than known, or a line of the list that has another word.
    """
    printed = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
    if list(printed.columns) != PRINTED_COLUMNS:
        raise ValueError(f"{path}: columns are {list(printed.columns)}, expected {PRINTED_COLUMNS}")
    if listed is None:
        return printed.assign(sentence="")
    lines = [listed[int(line) - 1] if int(line) <= len(listed) else None for line in printed.line]
    for pick, line in zip(printed.itertuples(), lines, strict=True):
        if line is None or line.word != pick.word:
            raise ValueError(f"{path}: {pick.word!r} is not in line {pick.line} of the list")
    return printed.assign(sentence=[line.sentence for line in lines])


def chosen_table(
    choices: dict[str, dict[str, Any]],
    rankings: dict[str, pd.DataFrame],
    printed: pd.DataFrame,
    published: Published,
) -> pd.DataFrame:
    """A row for each model of a search; then the paper's models that the search lacks.

    Args:
        choices: `choice.json` of each model.
        rankings: `scores.tsv` of each model.
        printed: Of `read_printed_choices`.
        published: Of `read_published`.

    Returns:
        Ours: word, sentence, development score with interval, the score without, the
        gain, and how many candidates are better than none. The paper's: word, sentence,
        its rank and score in our search, if a search had it, how many candidates are better.
        The paper's other models follow where its list was searched.
    """
    theirs = {pick.our_model: pick for pick in printed.itertuples()}
    better = {
        (cell.model, cell.parameters): _BETTER[cell.metric].format(cell.value)
        for cell in published.cells.itertuples()
        if cell.metric in _BETTER
    }
    lacking = [name for name, pick in theirs.items() if pick.sentence and name not in choices]
    rows = []
    for model in [*choices, *lacking]:
        row = {"model": model}
        if model in choices:
            row |= _ours(choices[model], rankings[model])
        if model in theirs:
            row |= _theirs(theirs[model], rankings.get(model), better)
        rows.append(row)
    table = pd.DataFrame(rows, columns=_COLUMNS).astype({"its rank": "Int64"})
    table[_TEXTS] = table[_TEXTS].astype(object).where(table[_TEXTS].notna(), "")
    table = table.astype(dict.fromkeys(_NUMBERS, float))
    return table.drop(columns=_SEARCHED) if table["its rank"].isna().all() else table


def _ours(choice: dict[str, Any], ranking: pd.DataFrame) -> dict[str, Any]:
    (best,) = ranking[ranking["rank"] == 1].itertuples()
    return {
        "word": choice["demonstration"]["word"],
        "sentence": choice["demonstration"]["sentence"],
        "score": choice["score"],
        "low": best.low,
        "high": best.high,
        "without": choice["zero_shot"],
        "gain": round(round(choice["score"], 2) - round(choice["zero_shot"], 2), 2),
        "better": f"{choice['better']} of {choice['candidates']}",
    }


def _theirs(
    pick: Any, ranking: pd.DataFrame | None, better: dict[tuple[str, str], str]
) -> dict[str, Any]:
    row = {"published word": pick.word, "published sentence": pick.sentence}
    if pick.sentence:
        row["published better"] = better.get((pick.model, pick.parameters), "")
    if pick.sentence and ranking is not None:
        same = ranking[(ranking.sentence == pick.sentence) & (ranking.word == pick.word)]
        for one in same.head(1).to_dict("records"):
            row |= {"its rank": one["rank"], "its score": one["score"]}
    return row
