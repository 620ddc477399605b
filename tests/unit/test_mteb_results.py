"""Stored vectors scored as mteb does: numbers by pencil and by scipy, files as mteb reads them."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import jsonschema
import numpy as np
import pytest
from export_mteb import main
from mteb_schema import MODEL_META, SCORES, TASK_RESULT
from scipy.stats import pearsonr, spearmanr

from sentscale.files import read_json, sha256_of, write_array, write_json, write_text
from sentscale.mteb_encoder import MtebEncoder
from sentscale.mteb_results import (
    MTEB_LICENCES,
    MtebTask,
    differences,
    encoder_revision,
    made_of,
    model_meta,
    mteb_scores,
    read_mteb_tasks,
)
from sentscale.pairs import Pair, write_table
from sentscale.prompts import Representation

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "workflow/resources/mteb_tasks.tsv"
WORDS = Representation("{text}", "words", "mean")
EOL = Representation('This sentence : "{text}" means in one word:"', "sentence", "last")
NAMES = ["tiny", "none", "fp32", "eol"]
HUB = {"hub": {"repository": "facebook/opt-125m", "revision": "27dc"}}

# Cosines 1, 18 / (3 sqrt 45), 1 / sqrt 26, 0; city blocks 1, 6, 5, 3; straight lines 1, sqrt 18,
# 5, sqrt 5.
LEFT = np.array([[1, 0], [3, 0], [0, 1], [0, 2]], dtype=np.float32)
RIGHT = np.array([[2, 0], [6, 3], [5, 1], [-1, 0]], dtype=np.float32)
GOLD = np.array([4.0, 3.0, 2.0, 1.5])


def test_three_similarities_by_pencil():
    scores = mteb_scores(LEFT, RIGHT, GOLD)
    # Ranks of people's scores: 4 3 2 1; cosine: 4 3 2 1.
    assert scores["cosine_spearman"] == 1
    # The nearest is the most similar. Ranks 4 1 2 3: rho = 1 - 6 * (0 + 4 + 0 + 4) / (4 * 15).
    assert scores["manhattan_spearman"] == pytest.approx(0.2, abs=1e-6)
    # Ranks 4 2 1 3: rho = 1 - 6 * (0 + 1 + 1 + 4) / (4 * 15).
    assert scores["euclidean_spearman"] == pytest.approx(0.4, abs=1e-6)


def test_pearson_is_that_of_scipy():
    scores = mteb_scores(LEFT, RIGHT, GOLD)
    similarities = {
        "cosine": [1, 18 / (3 * math.sqrt(45)), 1 / math.sqrt(26), 0],
        "manhattan": [-1, -6, -5, -3],
        "euclidean": [-1, -math.sqrt(18), -5, -math.sqrt(5)],
    }
    for name, similarity in similarities.items():
        expected = pearsonr(GOLD / 5, similarity).statistic
        assert scores[f"{name}_pearson"] == pytest.approx(expected, abs=6e-7)


def test_without_a_prefix_the_cosine_counts():
    scores = mteb_scores(LEFT, RIGHT, GOLD)
    assert list(scores) == SCORES
    assert scores["pearson"] == scores["cosine_pearson"]
    assert scores["spearman"] == scores["main_score"] == scores["cosine_spearman"]


def test_many_vectors_against_scipy():
    rng = np.random.default_rng(0)
    left = rng.normal(size=(200, 8)).astype(np.float32)
    right = (left + rng.normal(size=(200, 8))).astype(np.float32)
    gold = np.round(rng.uniform(0, 5, 200), 1)  # with ties
    scores = mteb_scores(left, right, gold)
    gap = np.abs(left.astype(np.float64) - right)
    for name, distance in (("manhattan", gap.sum(1)), ("euclidean", np.sqrt((gap**2).sum(1)))):
        rho = spearmanr(gold / 5, -distance).statistic
        assert scores[f"{name}_spearman"] == pytest.approx(rho, abs=6e-7)
    assert all(round(value, 6) == value for value in scores.values())


def test_what_has_no_correlation_is_refused():
    with pytest.raises(ValueError, match="cosine_pearson is undefined"):
        mteb_scores(LEFT, RIGHT, np.full(4, 2.5))
    with pytest.raises(ValueError, match=r"pair 1: .* length zero"):
        mteb_scores(LEFT * [[1], [0], [1], [1]], RIGHT, GOLD)


PAIRS = [
    Pair("a:1", "a", "a dog", "a cat", 1.0),
    Pair("a:2", "a", "it rains", "rain", 4.0),
]
KNOWN = MtebTask("STS12", "mteb/sts12-sts", "a0d5", 2, 22, 2.5)  # 5 + 5 + 8 + 4 characters


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "as many pairs and characters and the same mean score as mteb/sts12-sts at a0d5"),
        ({"pairs": 9927, "characters": 1}, "2 pairs; mteb/sts12-sts at a0d5 has 9,927"),
        ({"characters": 1021}, "22 characters of text; mteb/sts12-sts at a0d5 has 1,021"),
        ({"mean_gold": 2.6}, "mean human score 2.5; mteb/sts12-sts at a0d5 has 2.6"),
    ],
)
def test_differences_of_the_data_are_told(change, told):
    first, prompt = differences(PAIRS, replace(KNOWN, **change), WORDS)
    assert told in first
    assert "white space made single, in the template '{text}'" in prompt


def test_the_prompt_is_told():
    assert (
        f"cleaned up as the paper does (final period, quotes), in the template {EOL.template!r}"
        in (differences(PAIRS, KNOWN, EOL)[-1])
    )


def test_several_prompts_are_told():
    several = replace(EOL, template=[EOL.template, 'So: "{text}"'])
    told = differences(PAIRS, KNOWN, several)[-1]
    assert f"in the templates {EOL.template!r} and 'So: \"{{text}}\"', vectors averaged" in told


def test_the_revision_changes_with_what_vectors_are_made_from():
    inputs = {"manifest": "1a", "sentences": "2b"}
    first = encoder_revision(inputs, "fp32", vars(EOL), 2)
    assert len(first) == 40
    assert set(first) <= set("0123456789abcdef")
    assert encoder_revision(inputs | {"sentences": "3c"}, "fp32", vars(EOL), 2) == first
    others = [
        encoder_revision(inputs | {"manifest": "4d"}, "fp32", vars(EOL), 2),
        encoder_revision(inputs | {"adapter": "5e"}, "fp32", vars(EOL), 2),
        encoder_revision(inputs, "bf16", vars(EOL), 2),
        encoder_revision(inputs, "fp32", vars(WORDS), 2),
        encoder_revision(inputs, "fp32", vars(EOL), 3),
    ]
    assert len({first, *others}) == 6


def test_what_is_not_known_of_a_model_is_null():
    meta = model_meta("x", "1", made_of(NAMES, EOL, {"path": "/some/where"}), width=8)
    jsonschema.validate(meta, MODEL_META)
    unknown = ("open_weights", "license", "n_parameters", "reference", "training_datasets")
    assert [meta[key] for key in unknown] == [None] * 5
    # A folder of this machine stays out of files that are made to be shared.
    assert "/some/where" not in json.dumps(meta)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("gemma", "gemma"), ("other", None), ("llama2", None), (None, None)]
)
def test_only_a_licence_that_mteb_knows_is_written(ours, theirs):
    meta = model_meta("x", "1", made_of(NAMES, EOL, HUB), width=8, licence=ours)
    jsonschema.validate(meta, MODEL_META)
    assert meta["license"] == theirs


def test_a_model_of_the_hub_is_named():
    meta = model_meta("x", "1", made_of(NAMES, WORDS, HUB), width=8, licence="other")
    jsonschema.validate(meta, MODEL_META)
    assert meta["adapted_from"] == "facebook/opt-125m"
    assert meta["loader_kwargs"]["source"] == HUB
    assert meta["reference"] == "https://huggingface.co/facebook/opt-125m"
    assert (meta["license"], meta["open_weights"]) == (None, True)
    # A prompt is an instruction to mteb; the bare sentence is none.
    assert meta["use_instructions"] is False
    assert model_meta("x", "1", made_of(NAMES, EOL, HUB), width=8)["use_instructions"] is True


def test_the_tracked_table_has_the_tasks_of_the_suite():
    tasks = read_mteb_tasks(TASKS)
    assert list(tasks) == ["STS12", "STS13", "STS14", "STS15", "STS16", "STSB", "SICKR"]
    # SentEval's numbers of test pairs (docs/protocol.md, section 3), but SICK's: mteb has 4,500 of
    # training and 500 of trial in its test set too.
    counts = [task.pairs for task in tasks.values()]
    assert counts == [3108, 1500, 3750, 3000, 1186, 1379, 4927 + 4500 + 500]
    assert (tasks["STSB"].name, tasks["SICKR"].name) == ("STSBenchmark", "SICK-R")
    assert all(len(task.revision) == 40 for task in tasks.values())


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ("many", r"tasks\.tsv:7: .*'many'.*STSBenchmark"),
        ("1379\t9", r"tasks\.tsv:7: too many values"),
    ],
)
def test_a_wrong_row_of_the_tasks_is_named(tmp_path, new, told):
    text = TASKS.read_text()
    assert "\t1379\t" in text
    (tmp_path / "tasks.tsv").write_text(text.replace("\t1379\t", f"\t{new}\t"))
    with pytest.raises(ValueError, match=told):
        read_mteb_tasks(tmp_path / "tasks.tsv")


@pytest.fixture
def exported(tmp_path):
    """Folder that the command writes for two tasks with made-up vectors of one angle each."""
    # Each subset is ranked perfectly; together: predicted ranks 3 4 1 2 against 1 2 3 4.
    cosines, gold, subset = [0.7, 0.9, 0.1, 0.2], [1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"]
    pairs = [Pair(f"{subset[n]}:{n}", subset[n], "here", f"there {n}", gold[n]) for n in range(4)]
    for name, rows in (("STS12", pairs), ("SICKR", pairs[:3])):
        write_table(tmp_path / f"{name}.tsv", rows)
    write_text(tmp_path / "sentences.txt", "here\n" + "".join(f"there {n}\n" for n in range(4)))
    vectors = [[1.0, 0.0], *[[one, math.sqrt(1 - one**2)] for one in cosines]]
    write_array(tmp_path / "v.npy", np.array(vectors, dtype=np.float32))
    write_json(tmp_path / "manifest.json", {"source": HUB, "files": {}})
    write_json(tmp_path / "prompt.json", vars(EOL) | {"demonstration": None})
    about = {
        "precision": "fp32",
        "representation": vars(EOL),
        "protocol": 2,
        "inputs": {
            "manifest": sha256_of(tmp_path / "manifest.json"),
            "sentences": sha256_of(tmp_path / "sentences.txt"),
        },
        "width": 2,
        "sha256": sha256_of(tmp_path / "v.npy"),
    }
    write_json(tmp_path / "v.json", about)
    main(
        [
            *("--pairs", str(tmp_path / "STS12.tsv"), str(tmp_path / "SICKR.tsv")),
            *("--sentences", str(tmp_path / "sentences.txt"), "--vectors", str(tmp_path / "v.npy")),
            *("--about", str(tmp_path / "v.json"), "--made-from", str(tmp_path / "manifest.json")),
            *(str(tmp_path / "prompt.json"), "--tasks", str(TASKS), "--encoder", *NAMES),
            *("--facts", json.dumps({"parameters": 10_000, "licence": "mit"})),
            *("--out", str(tmp_path / "out")),
        ]
    )
    return tmp_path / "out"


def test_files_are_where_mteb_looks_for_them(exported):
    (folder,) = exported.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == [
        "SICK-R.json",
        "STS12.json",
        "model_meta.json",
    ]
    meta = read_json(folder / "model_meta.json")
    jsonschema.validate(meta, MODEL_META)
    assert (meta["name"], meta["revision"]) == ("sentscale/tiny_none_fp32_eol_stored", folder.name)
    assert (meta["n_parameters"], meta["embed_dim"], meta["license"]) == (10_000, 2, "mit")


def test_all_pairs_of_a_year_are_ranked_together(exported):
    (path,) = exported.glob("*/STS12.json")
    result = read_json(path)
    jsonschema.validate(result, TASK_RESULT)
    (entry,) = result["scores"]["test"]
    # rho = 1 - 6 * 16 / (4 * 15), times 1 and not times 100; the mean of the subsets is 1.
    assert entry["main_score"] == entry["cosine_spearman"] == pytest.approx(-0.6)


def test_a_result_says_that_mteb_did_not_make_it(exported):
    (path,) = exported.glob("*/SICK-R.json")
    result = read_json(path)
    jsonschema.validate(result, TASK_RESULT)
    assert result["mteb_version"] == "2.26.24+sentscale"
    # No commit of mteb's data, of which these three pairs are not the 9,927.
    digest = sha256_of(exported.parent / "SICKR.tsv")
    assert result["dataset_revision"] == f"sentscale table, sha256 {digest}"
    (entry,) = result["scores"]["test"]
    assert "3 pairs; mteb/sickr-sts at 20a6d6f3" in entry["sentscale"]["differences"][0]
    assert entry["sentscale"]["encoder"]["representation"] == "eol"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_mteb_itself_reads_our_results(exported, tmp_path):
    mteb = pytest.importorskip("mteb", reason="mteb is not installed, and no dependency")
    from mteb.models.model_meta import ModelMeta
    from mteb.results import TaskResult

    (folder,) = exported.iterdir()
    meta = ModelMeta.model_validate_json_resolved((folder / "model_meta.json").read_text())
    place = tmp_path / "cache/results" / meta.model_name_as_path() / meta.revision
    place.parent.mkdir(parents=True)
    folder.rename(place)
    cache = mteb.ResultCache(tmp_path / "cache")
    found = cache.load_results(include_remote=False, validate_and_filter=True)
    table = found.to_dataframe().set_index("task_name")
    assert table.loc["STS12", meta.name] == pytest.approx(-0.6)
    # Nothing is lost or changed when mteb writes the result again.
    result = TaskResult.from_disk(place / "STS12.json", load_historic_data=False)
    result.to_disk(tmp_path / "again.json")
    again, ours = read_json(tmp_path / "again.json"), read_json(place / "STS12.json")
    assert {key: again[key] for key in ours} == ours


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_mteb_itself_has_these_licences():
    pytest.importorskip("mteb", reason="mteb is not installed, and no dependency")
    from mteb.types import Licenses

    assert set(get_args(Licenses)) == MTEB_LICENCES


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_mteb_itself_gives_the_same_scores_for_the_same_vectors():
    mteb = pytest.importorskip("mteb", reason="mteb is not installed, and no dependency")
    from datasets import Dataset

    rng = np.random.default_rng(1)
    left = rng.normal(size=(300, 16)).astype(np.float32)
    right = (left + rng.normal(size=(300, 16))).astype(np.float32)
    gold = np.round(rng.uniform(0, 5, 300), 1)
    vectors = {f"left {n}": row for n, row in enumerate(left)}
    vectors |= {f"right {n}": row for n, row in enumerate(right)}

    class Stored(MtebEncoder):
        def encode(self, inputs, **kwargs):
            return np.stack([vectors[text] for batch in inputs for text in batch["text"]])

    task = mteb.get_task("STS16")
    columns = {"sentence1": list(vectors)[:300], "sentence2": list(vectors)[300:], "score": gold}
    task.dataset, task.data_loaded = {"test": Dataset.from_dict(columns)}, True
    meta = model_meta("stored", "1", made_of(NAMES, WORDS, HUB), width=16)
    run = mteb.evaluate(Stored(None, WORDS, meta), task, cache=None, show_progress_bar=False)
    theirs = run.task_results[0].scores["test"][0]
    for name, score in mteb_scores(left, right, gold).items():
        assert theirs[name] == pytest.approx(score, abs=1e-5)
