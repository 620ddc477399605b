import dataclasses

import numpy as np
import pytest
from scipy import stats

from sentscale import pairs, samples, transfer
from sentscale.draws import read_draws, write_draws
from sentscale.files import read_json, write_array, write_json
from sentscale.suite_draws import Settings, suite_draws

BOOTSTRAP = {"resamples": 30, "confidence": 0.9, "seed": 5}
STS = Settings("spearman_all", {"one": "similarity", "two": "similarity"}, {}, BOOTSTRAP)
NAMES = ["a/none/fp32/eol", "b/cse/nf4/icl"]


def stored(folder, name, task, values, metric, score):
    write_array(folder / name / f"{task}.npy", np.array(values))
    scores = {metric: {"value": score, "low": score, "high": score}}
    about = {"encoder": {}, "task": task, "pairs": len(values), "scores": scores}
    write_json(folder / name / f"{task}.json", about)


def sts_suite(folder):
    """Two tasks of two encoders; the first has a tie, the second two subsets."""
    rng = np.random.default_rng(2)
    tables = {}
    for task, subsets in {"one": "x" * 12, "two": "y" * 8 + "z" * 9}.items():
        gold = rng.integers(0, 6, len(subsets)).astype(float)
        tables[task] = folder / f"{task}.tsv"
        rows = enumerate(zip(subsets, gold.tolist(), strict=True))
        pairs.write_table(
            tables[task], [pairs.Pair(str(i), subset, "a", "b", g) for i, (subset, g) in rows]
        )
        for name in NAMES:
            values = np.round(gold / 5 + rng.normal(size=len(gold)), 1)
            rho = 100 * stats.spearmanr(values, gold).statistic
            stored(folder, name, task, values, "spearman_all", rho)
    return list(tables.values())


def test_encoders_share_resamples_and_tasks_do_not(tmp_path):
    tables = sts_suite(tmp_path)
    found = suite_draws(tmp_path, NAMES, tables, STS)
    assert found["resampled"].shape == (2, 2, 30)
    alone = suite_draws(tmp_path, NAMES[1:], tables[1:], STS)
    # Neither who else is there nor the place in the suite changes what is drawn.
    np.testing.assert_array_equal(alone["resampled"][0, 0], found["resampled"][1, 1])


def test_resamples_are_scipys_of_rows_drawn_within_subsets(tmp_path):
    tables = sts_suite(tmp_path)
    found = suite_draws(tmp_path, NAMES, tables, STS)["resampled"][1]
    gold = np.array([pair.gold for pair in pairs.read_pairs(tables[1])])
    values = [np.load(tmp_path / name / "two.npy") for name in NAMES]
    rng = np.random.default_rng([5, *b"two"])
    counts = np.hstack([rng.multinomial(n, [1 / n] * n, 30) for n in (8, 9)])
    for resample, times in enumerate(counts):
        rows = np.repeat(np.arange(17), times)
        expected = [100 * stats.spearmanr(one[rows], gold[rows]).statistic for one in values]
        assert found[:, resample] == pytest.approx(expected)


def test_what_is_written_is_read_with_the_average(tmp_path):
    found = suite_draws(tmp_path, NAMES, sts_suite(tmp_path), STS)
    paths = tmp_path / "s.npy", tmp_path / "s.json"
    write_draws(*paths, found)
    draws = read_draws(*paths)
    assert [tuple(one) for one in draws.encoders] == [
        ("a", "fp32", "eol", ""),
        ("b", "nf4", "icl", "cse"),
    ]
    assert draws.columns == ["one", "two", "Avg."]
    assert draws.tails == pytest.approx([5, 95])
    one, two = found["points"].round(2)
    np.testing.assert_array_equal(draws.points, np.array([one, two, (one + two) / 2]).round(2))
    first, second, mean = draws.resampled
    np.testing.assert_allclose(mean, (first + second) / 2)
    assert read_json(paths[1])["kept"] == 30


def test_one_task_has_no_average(tmp_path):
    found = suite_draws(tmp_path, NAMES, sts_suite(tmp_path)[:1], STS)
    paths = tmp_path / "s.npy", tmp_path / "s.json"
    write_draws(*paths, found)
    assert read_draws(*paths).columns == ["one"]


def test_another_runs_file_is_refused(tmp_path):
    paths = tmp_path / "s.npy", tmp_path / "s.json"
    write_draws(*paths, suite_draws(tmp_path, NAMES, sts_suite(tmp_path), STS))
    write_array(paths[0], np.zeros((2, 2, 30)))
    with pytest.raises(ValueError, match=r"s\.npy: sha256 is"):
        read_draws(*paths)


def test_a_score_that_is_not_of_its_similarities_is_told(tmp_path, caplog):
    tables = sts_suite(tmp_path)
    suite_draws(tmp_path, NAMES, tables, STS)
    assert not caplog.records
    write_array(tmp_path / NAMES[1] / "two.npy", np.arange(17.0))
    suite_draws(tmp_path, NAMES, tables, STS)
    assert "b/cse/nf4/icl/two.npy gives spearman_all" in caplog.text


def test_similarities_of_another_length_are_refused(tmp_path):
    tables = sts_suite(tmp_path)
    write_array(tmp_path / NAMES[1] / "two.npy", np.arange(16.0))
    with pytest.raises(ValueError, match=r"two\.npy: shape \(16,\), but the task has 17 rows"):
        suite_draws(tmp_path, NAMES, tables, STS)


def test_a_resample_in_which_one_has_no_score_is_left_out_for_all(tmp_path):
    # Resamples without the last pair leave the second encoder nothing to rank: 8 of 27.
    table = tmp_path / "one.tsv"
    pairs.write_table(table, [pairs.Pair(str(i), "x", "a", "b", float(i)) for i in range(3)])
    stored(tmp_path, NAMES[0], "one", [0.1, 0.2, 0.3], "spearman_all", 100.0)
    # Ranks 1.5 1.5 3 against 1 2 3: rho = sqrt(3) / 2.
    stored(tmp_path, NAMES[1], "one", [0.1, 0.1, 0.3], "spearman_all", 50 * np.sqrt(3))
    many = dataclasses.replace(STS, bootstrap=BOOTSTRAP | {"resamples": 2000})
    found = suite_draws(tmp_path, NAMES, [table], many)
    assert np.isfinite(found["resampled"]).all()
    # All of the last pair, one time in 27, have nothing to rank either.
    assert found["kept"] == found["resampled"].shape[-1] == pytest.approx(2000 * 18 / 27, rel=0.05)
    none = dataclasses.replace(STS, bootstrap=BOOTSTRAP | {"resamples": 0})
    with pytest.raises(ValueError, match="no resample in which every encoder has a score"):
        suite_draws(tmp_path, NAMES, [table], none)


SPLITS = {"folds": 3, "inner_folds": 2, "seed": 1111}
NESTED = Settings("accuracy", {"task": "nested"}, SPLITS, BOOTSTRAP)


def nested_task(folder):
    """Three test sets; what was predicted stands in their order, as score_transfer writes it."""
    rows = [samples.Sample(str(i), "s", (f"word {i}",), i % 2) for i in range(20)]
    samples.write_table(folder / "task.tsv", rows)
    problems = transfer.split(rows, "nested", "task", transfer.Splits(**SPLITS))
    tests = [problem.test for problem in problems]
    right = np.random.default_rng(4).random(20) < 0.7  # sample by sample
    predicted = np.concatenate([np.where(right[rows], rows % 2, 1 - rows % 2) for rows in tests])
    value = np.mean([round(100 * right[rows].mean(), 2) for rows in tests])
    stored(folder, "m/none/fp32/eol", "task", predicted, "accuracy", round(value, 2))
    return tests, right


def test_transfer_samples_are_drawn_within_their_test_set(tmp_path):
    tests, right = nested_task(tmp_path)
    found = suite_draws(tmp_path, ["m/none/fp32/eol"], [tmp_path / "task.tsv"], NESTED)
    rng = np.random.default_rng([5, *b"task"])
    drawn = [rng.multinomial(len(rows), [1 / len(rows)] * len(rows), 30) for rows in tests]
    parts = [
        [100 * right[np.repeat(rows, times)].mean() for times in counts]
        for rows, counts in zip(tests, drawn, strict=True)
    ]
    expected = np.mean(parts, axis=0)
    assert found["resampled"][0, 0] == pytest.approx(expected)


def test_predictions_under_other_splits_are_told(tmp_path, caplog):
    nested_task(tmp_path)
    other = dataclasses.replace(NESTED, splits=SPLITS | {"seed": 1})
    suite_draws(tmp_path, ["m/none/fp32/eol"], [tmp_path / "task.tsv"], other)
    assert "task.npy gives accuracy" in caplog.text
