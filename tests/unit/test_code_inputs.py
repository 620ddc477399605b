"""Steps that list their code as inputs list all of it, or an edit would rerun too little."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
RULES = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
LISTED = {
    script: set(re.findall(r'"(\w+)"', modules))
    for script, modules in re.findall(r'code=code\(\s*"(\w+)",([^)]*)\)', RULES)
}


def imported(path):
    """Modules of the library that a file imports, and those that they import."""
    names = {
        node.module.split(".")[1]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sentscale.")
    }
    inner = (imported(SCRIPTS / f"sentscale/{name}.py") for name in names)
    return names.union(*inner)


def test_steps_after_the_vectors_list_their_code():
    tables = {"tabulate_suite", "tabulate_gain", "tabulate_demonstrations", "tabulate_published"}
    tables |= {"tabulate_quantisation", "tabulate_representations", "tabulate_chosen"}
    figures = {"plot_scaling", "plot_representations", "plot_demonstrations", "plot_training"}
    figures |= {"plot_cost", "plot_geometry", "plot_spectra", "plot_heat_map"}
    statistics = {"resample_scores", "tabulate_differences", "tabulate_comparisons"}
    statistics |= {"plot_differences", "fit_trends", "tabulate_ranks", "tabulate_stability"}
    geometry = {"measure_geometry", "tabulate_geometry"}
    layers = {"tabulate_layers", "plot_layers"}
    scores = {"score_sts", "score_demonstrations", "collect_scores", "export_mteb", "write_index"}
    assert set(LISTED) == scores | tables | figures | statistics | geometry | layers


@pytest.mark.parametrize("script", LISTED)
def test_listed_code_is_what_the_script_imports(script):
    assert LISTED[script] == imported(SCRIPTS / f"{script}.py")
