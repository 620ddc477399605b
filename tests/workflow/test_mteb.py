"""Results in the form of the mteb library: what is asked for, and what is made."""

import pytest

from sentscale.files import read_json

STS = ["--configfile", "workflow/presets/sts.yaml", "--", "mteb"]


@pytest.mark.slow
def test_only_a_suite_that_mteb_shares_is_exported(workflow):
    planned = workflow.planned(*STS)
    assert (planned["export_mteb"], planned["embed_sentences"]) == (1, 1)
    assert not {"score_sts", "collect_scores"} & planned.keys()
    told = workflow.snakemake("--dry-run", "--", "mteb").stdout
    assert "none has a task of workflow/resources/mteb_tasks.tsv" in told


@pytest.mark.slow
def test_an_encoder_of_a_run_is_exported(finished, tmp_path):
    flow = finished.copy(tmp_path / "workflow")
    row = "sample-talk\tMadeUpSTS\tnowhere/made-up\t0000\t100\t1\t2.5\n"
    table = flow.folder / "workflow/resources/mteb_tasks.tsv"
    table.write_text(table.read_text() + row)
    assert flow.planned("--", "mteb") == {"export_mteb": 2, "mteb": 1}
    flow.run("--", "mteb")
    for name in ("eol", "icl-sample"):
        folder = (
            flow.folder / f"results/mteb/sample/results/sentscale__tiny_none_fp32_{name}_stored"
        )
        (path,) = folder.glob("*/MadeUpSTS.json")
        (entry,) = read_json(path)["scores"]["test"]
        score = flow.folder / f"results/scores/sts/tiny/none/fp32/{name}/sample-talk.json"
        expected = read_json(score)["scores"]["spearman_all"]["value"]
        assert 100 * entry["main_score"] == pytest.approx(expected, abs=1e-4)
    assert flow.planned("--", "mteb") == {}
