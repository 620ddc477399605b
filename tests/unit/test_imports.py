"""What takes seconds must start in seconds: no torch where there is no model."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"


@pytest.mark.parametrize("name", ["sts", "prompts", "tables", "tasks", "files"])
def test_light_modules_import_neither_torch_nor_transformers(name):
    code = f"import sys, sentscale.{name}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "sentscale" in loaded
    assert not {"torch", "transformers", "huggingface_hub"} & set(loaded)
