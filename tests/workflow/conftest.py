"""The workflow as it stands, and with a tiny random model: not run, and run."""

import pytest
import yaml
from harness import copy_workflow


@pytest.fixture
def workflow(tmp_path):
    """The workflow as it stands, nothing made yet."""
    return copy_workflow(tmp_path / "workflow")


@pytest.fixture(scope="session")
def tiny_workflow(tmp_path_factory, tiny_model):
    """The workflow with a tiny random model, nothing made yet."""
    flow = copy_workflow(tmp_path_factory.mktemp("tiny") / "workflow")
    grid = {
        "models": ["tiny"],
        "adapters": ["none"],
        "precisions": ["fp32"],
        "representations": ["eol", "icl-sample"],
        "suites": ["sample-dev", "sample"],
    }
    tiny = {
        "family": "Tiny",
        "parameters": 10_000,
        "source": {"path": str(tiny_model("llama"))},
        "licence": {"id": "mit", "name": "MIT"},
        "mem_mb": 1000,
        "runtime_min": 5,
    }
    preset = {
        "run": [grid, grid | {"representations": ["eol"], "suites": ["sample-transfer"]}],
        "models": {"tiny": tiny},
        "sts": {"bootstrap": {"resamples": 100}},
        "transfer": {"senteval": {"folds": 3, "inner_folds": 3}, "threads": 1},
        "embedding": {"threads": 1},  # two jobs at once: most of their time goes into imports
        # In bf16 the choice might differ from one kind of processor to the next.
        "searches": {"sample": {"precision": "fp32"}},
        "demonstrations": {"sample-words": {"local": {"model": "tiny"}}},
    }
    (flow.folder / "tiny.yaml").write_text(yaml.safe_dump(preset))
    flow.flags = [*flow.flags, "--configfile", "tiny.yaml"]
    return flow


@pytest.fixture(scope="session")
def finished(tiny_workflow):
    """The tiny workflow after its run. Copy it before changing anything."""
    tiny_workflow.run()
    return tiny_workflow
