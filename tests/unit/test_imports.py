"""What takes seconds must start in seconds: no torch where there is no model."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"


def loaded_by(name):
    """Packages in memory after one module of the library is imported."""
    code = f"import sys, sentscale.{name}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "sentscale" in loaded
    return loaded


LIGHT = [
    "sts",
    "prompts",
    "tables",
    "layer_tables",
    "tasks",
    "pairs",
    "samples",
    "triplets",
    "store",
    "files",
    "transfer",
]


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_import_neither_torch_nor_transformers(name):
    assert not {"torch", "transformers", "huggingface_hub"} & loaded_by(name)


def test_classifiers_need_no_transformers():
    assert not {"transformers", "huggingface_hub"} & loaded_by("senteval")
