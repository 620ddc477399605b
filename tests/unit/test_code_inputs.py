"""Steps after the vectors have all their code as inputs, or an edit would rerun too little."""

import re
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from sentscale.imports import imported
from sentscale.protocol import PROTOCOL

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
RULES = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
LISTED = re.findall(r'code=code\("(\w+)"\)', RULES)


def test_a_step_has_its_code_as_input_or_a_number_in_protocol_py():
    called = set(re.findall(r"workflow/scripts/(\w+)\.py", RULES))
    assert sorted(LISTED) == sorted(called - set(PROTOCOL))


@pytest.mark.parametrize("script", LISTED)
def test_the_code_of_a_script_is_what_python_would_load(script):
    finder = ModuleFinder(path=[str(SCRIPTS)])
    finder.run_script(str(SCRIPTS / f"{script}.py"))
    loaded = {name.partition(".")[2] for name in finder.modules if name.startswith("sentscale.")}
    assert imported(SCRIPTS / f"{script}.py") == loaded
