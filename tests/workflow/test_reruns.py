"""What a change reruns: what may change its numbers, and nothing else."""

import json
import re

import pytest
import yaml

pytestmark = pytest.mark.slow

TABLES = {
    "tabulate_suite": 3,
    "tabulate_gain": 2,
    "tabulate_published": 3,
    "tabulate_representations": 2,
    "plot_scaling": 2,
    "plot_representations": 1,
    "plot_cost": 2,
    "write_index": 1,
}
NEW_SUITE = {
    "tabulate_suite": 4,
    "tabulate_gain": 3,
    "tabulate_published": 4,
    "tabulate_representations": 3,
}
# Of the two suites with two encoders: what follows from other scores.
STATISTICS = {
    "resample_scores": 2,
    "tabulate_differences": 2,
    "tabulate_comparisons": 2,
    "plot_differences": 2,
}
RANKS = {"tabulate_ranks": 1, "tabulate_stability": 1}  # of two tasks, with three encoders
GEOMETRY = {"measure_geometry": 4, "tabulate_geometry": 2, "plot_geometry": 2, "plot_spectra": 2}
SEARCH = {"search_demonstrations": 1, "choose_demonstration": 1, "score_demonstrations": 1}
SEARCHED = {"tabulate_demonstrations": 1, "tabulate_chosen": 1, "plot_demonstrations": 1}
BEFORE_SCORES = {"fill_representation", "search_demonstrations", "embed_sentences"}
FIGURES = {"plot_scaling": 2, "plot_representations": 1, "plot_demonstrations": 1}
FIGURES |= {"plot_differences": 2, "plot_cost": 2, "plot_heat_map": 1}
FIGURES |= {"plot_geometry": 2, "plot_spectra": 2}
FIGURES |= {"write_index": 1}  # it shows them
# What a new representation plans, and other STS scores of the same vectors.
NEW_REPRESENTATION = {"fill_representation": 1, "embed_sentences": 2, "score_sts": 3}
NEW_REPRESENTATION |= {"collect_scores": 1, **TABLES, **STATISTICS}
NEW_REPRESENTATION |= {**GEOMETRY, "measure_geometry": 2}
NEW_REPRESENTATION |= RANKS
OTHER_SCORES = {
    "score_sts": 6,
    "score_demonstrations": 1,
    "collect_scores": 1,
    **SEARCHED,
    **TABLES,
    **STATISTICS,
}


@pytest.fixture
def made(finished, tmp_path):
    """A copy of the finished run, to be changed."""
    return finished.copy(tmp_path / "workflow")


def add(flow, section, name, entry, **grid):
    """Add a catalogue entry to the preset and to the grid that it runs."""
    path = flow.folder / "tiny.yaml"
    preset = yaml.safe_load(path.read_text())
    preset.setdefault(section, {})[name] = entry
    preset["run"][0] |= grid
    path.write_text(yaml.safe_dump(preset))


def test_nothing_is_left_to_do(finished):
    assert finished.planned() == {}


def test_plain_snakemake_agrees_with_the_profile(finished):
    # Without the profile all triggers are on, those on code and software too.
    assert finished.planned("--workflow-profile", "none") == {}


def test_a_colour_reruns_only_the_figures(made):
    made.edit("config.yaml", "#E69F00", "#123456")
    assert made.planned() == FIGURES


def test_a_line_of_the_plotting_code_reruns_only_the_figures(made):
    made.edit("workflow/scripts/sentscale/figures.py", "MARKER_PT = 5.0", "MARKER_PT = 5.5")
    assert made.planned() == FIGURES


def test_a_line_of_one_figure_reruns_only_that_figure(made):
    made.edit("workflow/scripts/sentscale/sizes.py", "capsize=2", "capsize=3")
    assert made.planned() == {"plot_scaling": 2, "write_index": 1}


def test_another_measurement_redraws_what_it_cost(made):
    path = made.folder / "results/benchmarks/embed_sentences/tiny/none/fp32/eol/sample.tsv"
    head, row = path.read_text().splitlines()
    path.write_text("\n".join([head, row.replace(row.split("\t")[0], "1234.5", 1), ""]))
    assert made.planned() == {"plot_cost": 1, "write_index": 1}


def test_nothing_is_embedded_again_for_a_lost_measurement(made):
    (made.folder / "results/benchmarks/embed_sentences/tiny/none/fp32/eol/sample.tsv").unlink()
    assert made.planned() == {"plot_cost": 1, "write_index": 1}


def test_another_value_in_a_score_file_reruns_what_shows_it_and_nothing_before(made):
    path = made.folder / "results/scores/sts/tiny/none/fp32/eol/sample-text.json"
    about = json.loads(path.read_text())
    about["scores"]["spearman_all"]["value"] = 12.34
    figure = made.folder / "results/figures/scaling/sample.svg"
    drawn = figure.read_bytes()
    path.write_text(json.dumps(about))
    assert made.planned() == {"collect_scores": 1, **TABLES, **dict.fromkeys(STATISTICS, 1)}
    made.run()
    for name in ("tables/scores.csv", "tables/sample.md", "index.html"):
        assert "12.34" in (made.folder / "results" / name).read_text(), name
    assert figure.read_bytes() != drawn


def test_another_template_reruns_its_representation_only(made):
    preset = yaml.safe_load((made.folder / "tiny.yaml").read_text())
    preset["representations"] = {"eol": {"template": 'In one word, "{text}" is "'}}
    (made.folder / "tiny.yaml").write_text(yaml.safe_dump(preset))
    output = made.run("--dry-run")
    named = re.findall(
        r"^(?:local)?rule (\w+):\n(?: .*\n)*?    wildcards: (.*)", output, re.MULTILINE
    )
    made_anew = [words for rule, words in named if rule in BEFORE_SCORES]
    assert len(made_anew) == 1 + 3  # its prompts, and the vectors of three suites
    assert all("representation=eol" in words for words in made_anew)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("workflow/report/index.yaml", "against size", "against the size"),
        ("workflow/templates/index.css", "max-width: 80rem", "max-width: 70rem"),
        ("workflow/scripts/sentscale/wording.py", "minutes // 60", "minutes//60"),
    ],
)
def test_the_looks_of_the_page_rerun_only_the_page(made, name, old, new):
    made.edit(name, old, new)
    assert made.planned() == {"write_index": 1}


def test_a_line_of_the_scoring_code_reruns_scores_and_what_follows(made):
    made.edit(
        "workflow/scripts/sentscale/sts.py", "RESAMPLES_AT_ONCE = 250", "RESAMPLES_AT_ONCE = 25"
    )
    assert made.planned() == OTHER_SCORES | GEOMETRY


def test_a_comment_in_the_encoder_reruns_nothing(made):
    made.edit("workflow/scripts/sentscale/encoder.py", '"""', '# reworded\n"""')
    assert made.planned() == {}


def test_a_line_of_the_statistics_leaves_scores_alone(made):
    made.edit("workflow/scripts/sentscale/differences.py", "_NOTHING = 1e-9", "_NOTHING = 1e-8")
    differences = {"tabulate_differences": 2, "tabulate_comparisons": 2, "plot_differences": 2}
    assert made.planned() == differences | {"write_index": 1}


def test_another_sample_of_sentences_reruns_only_the_geometry(made):
    made.edit("config.yaml", "sentences: 4096", "sentences: 50")
    assert made.planned() == GEOMETRY | {"write_index": 1}


def test_a_raised_protocol_reruns_its_step_and_what_follows(made):
    made.edit(
        "workflow/scripts/sentscale/protocol.py", '"embed_sentences": 2', '"embed_sentences": 3'
    )
    scores = {"score_sts": 6, "score_transfer": 2, "collect_scores": 1}
    follows = {**TABLES, **STATISTICS, **GEOMETRY, "plot_heat_map": 1}
    assert made.planned() == {"embed_sentences": 5, **scores, **follows}


def test_a_raised_protocol_of_transfer_leaves_the_vectors_alone(made):
    made.edit(
        "workflow/scripts/sentscale/protocol.py", '"score_transfer": 1', '"score_transfer": 2'
    )
    assert made.planned() == {"score_transfer": 2, "collect_scores": 1, **TABLES}


def test_another_classifier_is_a_metric_of_its_own(made):
    made.edit("config.yaml", "classifiers: [senteval]", "classifiers: [senteval, logreg]")
    assert made.planned() == {"score_transfer": 2, "collect_scores": 1, **TABLES}
    made.run("--", "results/tables/scores.csv")
    scores = (made.folder / "results/tables/scores.csv").read_text()
    assert "sample-question,accuracy," in scores
    assert "sample-question,accuracy_logreg," in scores


def test_speed_and_place_rerun_nothing(made):
    made.edit("config.yaml", "max_tokens: 1024", "max_tokens: 333")
    made.edit("tiny.yaml", "threads: 1", "threads: 2")
    made.edit("config.yaml", "placement: auto", "placement: stream")
    made.edit("config.yaml", "bf16, shards: 1}          # the demo", "bf16, shards: 4}  # the demo")
    made.edit("tiny.yaml", "mem_mb: 1000", "mem_mb: 2000")
    made.edit("config.yaml", "gpus: 0                       # 1 trains", "gpus: 1  # trains")
    (made.folder / "elsewhere/senteval").mkdir(parents=True)
    made.edit("config.yaml", "mirror: null", "mirror: elsewhere")
    assert made.planned() == {}
    cluster = "machine=workflow/profiles/slurm/machine.yaml"
    assert made.planned("--default-resources", cluster) == {}


def test_a_new_model_runs_only_itself(made, tiny_model):
    entry = {"family": "OPT", "parameters": 9_000, "source": {"path": str(tiny_model("opt"))}}
    entry |= {"licence": {"id": "mit", "name": "MIT"}}
    add(made, "models", "tiny-opt", entry, models=["tiny", "tiny-opt"])
    assert made.planned() == {
        "register_local_model": 1,
        **SEARCH,
        **SEARCHED,
        "fill_representation": 2,
        "embed_sentences": 4,
        "score_sts": 6,
        "collect_scores": 1,
        **TABLES,
        **STATISTICS,
        **RANKS,
        **GEOMETRY,
    }


def test_a_new_representation_runs_only_itself(made):
    entry = {"template": 'In short, "{text}" is about', "clean_up": "sentence"}
    entry |= {"pooling": "last", "demonstration": None}
    names = ["eol", "icl-sample", "summary"]
    add(made, "representations", "summary", entry, representations=names)
    assert made.planned() == NEW_REPRESENTATION


def test_a_new_suite_with_a_new_task_runs_only_itself(made):
    pairs = "subset\tleft\tright\tgold\nmine\tA dog.\tA cat.\t1\nmine\tOne.\tTwo.\t3\n"
    (made.folder / "mine.tsv").write_text(pairs)
    register = made.folder / "workflow/resources/datasets.tsv"
    row = "mine\tmy-task\tmine\tsimilarity\tbundled\tpairs\tmine.tsv\t\t\t2\tutf-8\town\t\t\n"
    register.write_text(register.read_text() + row)
    add(made, "suites", "mine", ["my-task"], suites=["sample-dev", "sample", "mine"])
    assert made.planned() == {
        "normalise_task": 1,
        "list_sentences": 1,
        "embed_sentences": 2,
        "score_sts": 2,
        "collect_scores": 1,
        **(TABLES | NEW_SUITE),
        **dict.fromkeys(STATISTICS, 1),
        "measure_geometry": 2,
        "tabulate_geometry": 1,
        "plot_geometry": 1,
        "plot_spectra": 1,
    }


def test_other_resamples_leave_the_vectors_alone(made):
    made.edit("tiny.yaml", "resamples: 100", "resamples: 101")
    assert made.planned() == OTHER_SCORES


def test_a_longer_list_scores_only_what_is_new(made):
    kept = made.folder / "results/demonstrations/sample/tiny/.candidates"
    before = set(kept.rglob("*.npy"))
    assert len(before) == 1 + 12  # one without a demonstration
    glosses = made.folder / "workflow/resources/sample/glosses.tsv"
    glosses.write_text(glosses.read_text() + "A place where books are lent.\tLibrary\n")
    assert made.planned()["collect_demonstrations"] == 2
    choice = "results/demonstrations/sample/tiny/choice.json"
    made.run("--", choice)
    assert json.loads((made.folder / choice).read_text())["candidates"] == 13
    assert before < set(kept.rglob("*.npy"))
    assert len(list(kept.rglob("*.npy"))) == 1 + 13


def test_a_published_choice_needs_no_search(made):
    entry = {
        "shot": 'This sentence : "{demo}" means in one word:"{word}".',
        "template": 'This sentence : "{text}" means in one word:"',
        "clean_up": "sentence",
        "pooling": "last",
    }
    shots = {"list": "sample-glosses", "lines": {"tiny": [2, 1]}}
    add(
        made,
        "representations",
        "icl-given",
        entry | {"demonstration": shots},
        representations=["eol", "icl-sample", "icl-given"],
    )
    assert made.planned() == NEW_REPRESENTATION


def test_the_best_of_a_search_are_taken_from_its_choice(made):
    entry = yaml.safe_load((made.folder / "config.yaml").read_text())["representations"]["icl"]
    entry |= {"demonstration": {"search": "sample", "best": 2}}
    names = ["eol", "icl-sample", "icl-two"]
    add(made, "representations", "icl-two", entry, representations=names)
    assert made.planned() == NEW_REPRESENTATION
