"""The machine of a profile: what jobs ask for, and how they ask."""

import re
from types import SimpleNamespace

import pytest
import yaml
from snakemake_executor_plugin_slurm.utils import set_gres_string
from snakemake_executor_plugin_slurm.validation import validate_slurm_extra

SLURM = "workflow/profiles/slurm/machine.yaml"
GRID = {"models": ["opt-66b"], "adapters": ["none"], "suites": ["sts"], "representations": ["eol"]}


def dry_run(flow, machine, *arguments):
    (flow.folder / "machine.yaml").write_text(yaml.safe_dump(machine))
    return flow.snakemake(
        "--dry-run", "--default-resources", "machine=machine.yaml", *arguments
    ).stdout


class Resources(dict):
    """What the plugin sees of a job's resources."""

    __getattr__ = dict.get


@pytest.fixture
def machine(root):
    return yaml.safe_load((root / SLURM).read_text())


@pytest.fixture
def large(workflow):
    """A run of OPT-66B in float16."""
    run = [GRID | {"precisions": ["fp16"]}]
    (workflow.folder / "large.yaml").write_text(yaml.safe_dump({"run": run}))
    workflow.flags = [*workflow.flags, "--configfile", "large.yaml"]
    return workflow


def resources(output, rule="embed_sentences"):
    """Resources that a dry run prints for a rule."""
    return re.search(rf"rule {rule}:\n(?: .*\n)*?    resources: (.*)\n", output)[1].split(", ")


@pytest.mark.slow
def test_gpus_are_asked_for_as_the_cluster_wants_it(large, machine):
    asked = {
        ("gpus", None, None): ["gpu=2"],
        ("gpus", "a100", None): ["gpu=2", "gpu_model=a100"],
        ("gres", None, None): ["gres=gpu:2"],
        ("gres", "a100", None): ["gres=gpu:a100:2"],
        ("extra", None, "--gpus-per-node=a100-sxm4:{gpus}"): [
            "slurm_extra=--gpus-per-node=a100-sxm4:2"
        ],
    }
    for (request, model, extra), wanted in asked.items():
        gpu = machine["gpu"] | {"request": request, "model": model, "extra": extra}
        found = resources(dry_run(large, machine | {"gpu": gpu}))
        ways = [
            one for one in found if one.startswith(("gpu=", "gpu_model=", "gres=", "slurm_extra="))
        ]
        assert ways == wanted
        assert {"devices=2", "placement=split", "slurm_partition=gpu", "nodes=1"} <= set(found)
        # The plugin itself takes them.
        named = dict(one.split("=", 1) for one in found)
        words = {key: named[key] for key in ("gres", "gpu_model", "slurm_extra") if key in named}
        number = {"gpu": int(named["gpu"])} if "gpu" in named else {}
        job = SimpleNamespace(name="embed", resources=Resources(words | number))
        validate_slurm_extra(job)
        set_gres_string(job)


def test_large_jobs_go_to_their_own_partition(large, machine):
    big = {"from_gpus": 2, "partition": "big", "account": "a1", "limit_min": 100}
    found = resources(dry_run(large, machine | {"big_gpu": big}))
    assert {"slurm_partition=big", "slurm_account=a1"} <= set(found)


def test_a_smaller_gpu_reads_the_model_from_disk(large, machine):
    gpu = machine["gpu"] | {"memory_gb": 24}
    assert "placement=stream" in resources(dry_run(large, machine | {"gpu": gpu}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gpus": 4}, "unknown key gpus; allowed: big_gpu, cpu, gpu"),
        ({"read_gb_s": "fast"}, "read_gb_s: 'fast' is not of type 'number'"),
        ({"cpu": {"partition": "a; rm"}}, "cpu"),
    ],
)
def test_a_wrong_machine_is_refused(workflow, machine, change, told):
    output = dry_run(workflow, machine | change)
    assert "The machine (" in output
    assert told in output


def test_a_request_without_its_words_is_refused(workflow, machine):
    output = dry_run(workflow, machine | {"gpu": machine["gpu"] | {"request": "extra"}})
    assert "gpu.request is 'extra', gpu.extra is None" in output


def test_default_resources_without_a_machine_are_refused(workflow):
    # On the command line they replace the profile's, partitions and GPUs with them.
    done = workflow.snakemake("--dry-run", "--default-resources", "slurm_account=mine")
    assert "slurm_account, without machine" in done.stdout
    assert "Add machine=workflow/profiles/slurm/machine.yaml" in done.stdout


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"gpus": 2}, "models.smollm2-135m.gpus is 2, but .*machine.yaml has no gpu"),
        ({"training": {"gpus": 1}}, "models.smollm2-135m.training.gpus is 1, but .* has no gpu"),
    ],
)
def test_gpus_on_a_machine_without_any_are_refused(workflow, model, told):
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump({"models": {"smollm2-135m": model}}))
    output = workflow.snakemake("--dry-run", "--configfile", "mine.yaml").stdout
    assert re.search(told, output), output


def test_resident_is_one_gpu(workflow, machine):
    model = {"models": {"smollm2-135m": {"gpus": 2, "placement": "resident"}}}
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(model))
    output = dry_run(workflow, machine, "--configfile", "mine.yaml")
    assert "placement resident uses one GPU, gpus is 2; use split or auto" in output


def test_fp16_is_for_gpus(workflow, machine):
    recipe = {"compute": "fp16", "selection": {"precision": "fp16"}}
    grid = {"models": ["smollm2-135m"], "suites": ["sample"], "representations": ["eol"]}
    run = [grid | {"adapters": ["none", "cse-sample"], "precisions": ["fp16"]}]
    preset = {"run": run, "adapters": {"cse-sample": {"recipe": recipe}}}
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(preset))
    output = dry_run(workflow, machine, "--configfile", "mine.yaml")
    assert "train_adapter" in output
    assert "Error" not in output


def test_a_machine_that_is_not_there_is_named(workflow):
    done = workflow.snakemake("--dry-run", "--default-resources", "machine=nowhere.yaml")
    assert re.search("default resource machine is .*nowhere.yaml: no such file", done.stdout)


@pytest.mark.slow
def test_the_papers_grid_stays_below_250_submissions(workflow):
    # The profile, but for its executor: the dry run groups the jobs as it would.
    workflow.flags = ["--workflow-profile", "workflow/profiles/slurm"]
    output = workflow.run("--dry-run", "--configfile", "workflow/presets/paper.yaml")
    jobs = re.findall(r"^( *)rule (\w+):\n(?:\1 .*\n)*?\1    resources: (.*)", output, re.MULTILINE)
    alone = [rule for indent, rule, asked in jobs if "expected_s" in asked and not indent]
    groups = output.count("Group job ")
    assert {"embed_sentences", "search_demonstrations", "train_adapter"} <= set(alone)
    assert "score_transfer" not in alone
    assert 100 < len(alone) + groups < 250


def test_only_jobs_of_a_login_node_reach_a_hub(workflow):
    rules = {
        match[1]: match[2]
        for path in sorted((workflow.folder / "workflow/rules").glob("*.smk"))
        for match in re.finditer(r"^rule (\w+):\n((?:(?! *rule ).*\n?)*)", path.read_text(), re.M)
    }
    for name, text in rules.items():
        downloads = name.startswith(("download_", "fetch_")) or name == "ask_labels"
        if downloads:
            assert "localrule: True" in text, name
        if "**requests" in text:
            assert "HF_HUB_OFFLINE=1" in text, name
    assert len(rules) > 20
