"""The page about a run: complete, escaped, in need of no other file, usable without a mouse."""

import hashlib
import html
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote

import pandas as pd
import pytest
from small_run import DIGEST, PLACE, PROMPT, write_run
from write_index import main

from sentscale.contrasts import Board, Difference, Score
from sentscale.files import write_text
from sentscale.lines import EncoderName
from sentscale.pages import table_page
from sentscale.story import Run, compared, coverage, missing, note
from sentscale.tables import ENCODER, SCORE_COLUMNS

NAME = EncoderName("m", "fp32", "eol", "cse")
BOOTSTRAP = {"bootstrap": {"resamples": 10, "confidence": 0.95, "seed": 1111}}
SUITE = {"name": "dev", "tasks": ["T"], "metric": "spearman_all", "scorers": ["sts"]}
PROMPTS = {
    "eol": {"template": PROMPT, "clean_up": "words", "pooling": "last", "demonstration": None}
}
RUN = {
    "encoders": [f"{PLACE}/dev"],
    "suites": [SUITE | {"paired": None, "published": None}],
    "families": {"m": "F"},
    "parameters": {"m": 1234567},
    "zero_shot": {},
    "reference": "eol",
    "layers": {},
    "training_sets": {"cse": "nli"},
    "development": ["dev"],
    "chosen_on": {},
    "known": {
        "models": ["m", "other"],
        "suites": ["dev"],
        "tasks": ["T", "U", "V"],
        "figures": ["scaling/dev", "cost/dev"],
    },
    "config": {"sts": BOOTSTRAP, "transfer": BOOTSTRAP, "representations": PROMPTS},
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9pt"><path d="M 0 0"/></svg>'


class Page(HTMLParser):
    """Tags in their order, checked to close what they open."""

    EMPTY = frozenset({"meta", "img", "input", "path", "circle"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def of(self, *names):
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.fixture
def written(tmp_path, root, monkeypatch):
    """The page of a small run with a table, a figure, a table without a page, and a remark."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results"
    write_run(folder)
    scores = pd.DataFrame([[*NAME, "T", "spearman_all", 61.5, 60, 63, 5]], columns=SCORE_COLUMNS)
    scores.to_csv(folder / "scores.csv", index=False)
    write_text(folder / "tables/dev.html", table_page(scores[[*ENCODER, "value"]], "dev"))
    write_text(folder / "figures/scaling/dev.svg", SVG)
    write_text(folder / "tables/differences/dev.csv", "a\n1\n")
    exhibits = [
        ["Scores & more", "dev <i>", "A caption.", "results/tables/dev.html"],
        ["Scores & more", "dev, all", "", "results/tables/differences/dev.csv"],
        ["Size", "dev against size", 'Its "caption".', "results/figures/scaling/dev.svg"],
    ]
    main(
        [
            *("--scores", "results/scores.csv", "--results", "results", "--run", json.dumps(RUN)),
            *("--exhibits", json.dumps(exhibits), "--code", str(root / "workflow/scripts")),
            *("--templates", str(root / "workflow/templates"), "--out", "results/index.html"),
        ]
    )
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_page_is_sound_and_whole(written):
    page = Page(written)
    ids = [one["id"] for _, one in page.tags if "id" in one]
    assert len(ids) == len(set(ids))
    links = [one["href"] for one in page.of("a", "link")]
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)  # only within the page
    assert all(one["src"].startswith("data:image/svg+xml,") for one in page.of("img"))
    assert [one for one in page.of("script", "style") if one] == []
    assert not re.search(r"""(?:href|src|action|url|fetch)\W{1,3}\w+://""", unquote(written))
    assert "@import" not in written
    assert "url(" not in re.search("<style>.*?</style>", written, re.DOTALL)[0]


def test_the_page_can_be_used_without_eyes_or_mouse(written):
    page = Page(written)
    assert [one["alt"] for one in page.of("img")] == ['dev against size. Its "caption".']
    assert all("scope" in one for one in page.of("th"))
    regions = [one for one in page.of("div") if one.get("class", "").startswith("scroll")]
    assert regions
    assert all({"tabindex", "role", "aria-label"} <= set(one) for one in regions)
    assert page.of("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_texts_are_escaped(written):
    assert "<b>{text}" not in written
    assert html.escape(PROMPT, quote=False).replace('"', "&#34;") in written
    assert "dev &lt;i&gt;" in written
    assert "Scores &amp; more" in written


def test_the_page_has_what_the_run_has(written):
    assert "The only encoder is m, fp32, eol, cse with 61.50 (60.00 to 63.00)" in written
    assert f'<details class="record" id="{PLACE}">' in written
    assert "1,234,567" in written
    assert "resamples 10, confidence 0.95, seed 1111" in written


def test_every_score_says_where_it_is_from(written):
    _, _, record = written.partition(f'<details class="record" id="{PLACE}">')
    weights, vectors, score = (
        dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", part))
        for part in re.split("<summary>(?:Vectors|T) ?", record)
    )
    assert weights["weights, hub"] == f"repository o/m, revision {'0' * 40}"
    assert weights["adapter, training, inputs, triplets"] == DIGEST
    assert (vectors["inputs, manifest"], vectors["protocol"]) == (DIGEST, "2")
    assert vectors["log"] == f"results/logs/embed_sentences/{PLACE}/dev.log"
    assert score["inputs, pairs"] == DIGEST
    assert score["log"] == f"results/logs/score_sts/{PLACE}/T.log"
    about = dict(re.findall(r"<dt>(code|configuration)</dt><dd>([^<]*)</dd>", written))
    assert all(re.search("[0-9a-f]{64}$", about[name]) for name in ("code", "configuration"))


def test_the_page_says_what_is_missing(written):
    told = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", written[written.index('id="missing"') :])
    topics = ["Beside published scores", "Representations", "In-context learning", "Fine-tuning"]
    assert told == [
        ("models", "other"),
        ("tasks", "U, V"),
        ("figures", "cost/dev"),
        ("findings", ", ".join([*topics, "Precision", "Model size", "Layers"])),
        ("tables too long for this page, or without one", "results/tables/differences/dev.csv"),
    ]


def test_the_digest_is_of_the_configuration_shown(written):
    shown = html.unescape(re.search(r"<pre[^>]*>(.*?)</pre>", written, re.DOTALL)[1])
    assert json.loads(shown) == RUN["config"]
    assert hashlib.sha256(shown.encode()).hexdigest() in written


def test_an_unknown_key_of_the_run_is_an_error():
    with pytest.raises(TypeError, match="colour"):
        Run.from_settings(RUN | {"colour": 1})


def test_intervals_are_drawn_on_one_axis():
    # From -5 to 15: 0 is a quarter of the way, 10 three quarters.
    other = NAME._replace(adapter="")
    rows = compared([Difference(NAME, other, 10, 5, 15), Difference(NAME, other, 0, -5, 5)])
    assert [row["places"] for row in rows] == [[25, 50, 100, 75], [25, 0, 50, 25]]
    assert [(row["against"], row["direction"]) for row in rows] == [
        ("no adapter", 1),
        ("no adapter", 0),
    ]
    level = compared([Difference(NAME, other, 0, 0, 0)])
    assert level[0]["places"] == [0, 0, 0, 0]


def test_encoders_are_counted_by_model_and_suite():
    cells = ["a/none/fp32/eol/x", "a/none/fp32/avg/x", "b/none/fp32/eol/y"]
    suites = [SUITE | {"name": name, "paired": None, "published": None} for name in "xy"]
    run = Run.from_settings(RUN | {"encoders": cells, "suites": suites, "known": {}})
    assert coverage(run) == {"a": {"x": 2, "y": 0}, "b": {"x": 0, "y": 1}}
    told = missing(run, [], {}, [], [])
    assert told[:2] == [("models on x", "b"), ("models on y", "a")]


def test_published_scores_without_one_of_ours_are_counted():
    none = float("nan")
    both = pd.DataFrame({"ours": [1, none, none, 2], "published": [1, 5, none, none]})
    told = missing(Run.from_settings(RUN), [], {"dev": both, "whole": both[:1]}, [], [])
    assert dict(told)["published scores"] == "1 of dev"


def test_the_note_says_where_differences_are_paired():
    scores = {NAME: Score(1, 0, 2), NAME._replace(adapter=""): Score(2, 1, 3)}
    paired = {tuple(scores): Score(-1, -1.5, -0.5)}
    run = Run.from_settings(RUN)
    one, two = (
        Board(name, ["T"], "spearman_all", scores, pairs)
        for name, pairs in (("p", paired), ("q", {}))
    )
    assert "On p both encoders are scored on the same resamples. On q the" in note(run, [one, two])
    assert "independent" not in note(run, [one])
    assert "Brackets hold 95 % bootstrap intervals." in note(run, [])
    lone = Board("r", ["T"], "spearman_all", {NAME: Score(1, 0, 2)}, {})
    assert note(run, [lone]) == note(run, [])
