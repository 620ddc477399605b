"""A wrong adapter stops before any job and says what is wrong."""

import pytest
import yaml
from harness import copy_workflow

pytestmark = pytest.mark.slow

CSE = {
    "models": ["smollm2-135m"],
    "adapters": ["cse-sample"],
    "precisions": ["fp32"],
    "representations": ["eol"],
    "suites": ["sample"],
}
PUBLISHED = CSE | {"adapters": ["none", "cse-published"]}


def recipe(run=CSE, **changes):
    return {"run": [run], "adapters": {"cse-sample": {"recipe": changes}}}


WRONG = {
    "a recipe's values for an unknown model": (
        {"adapters": {"cse-sample": {"recipe": {"by_model": {"opt-67b": {"batch": 8}}}}}},
        ["adapters.cse-sample.recipe.by_model names 'opt-67b'; known: bert-base"],
    ),
    "an adapter that is published for an unknown model": (
        {
            "adapters": {
                "cse-published": {
                    "published": {"gpt-5": {"repository": "a/b", "revision": 40 * "0"}}
                }
            }
        },
        ["adapters.cse-published.published names 'gpt-5'; known: bert-base"],
    ),
    "unknown adapter": (
        {"run": [CSE | {"adapters": ["cse-9"]}]},
        ["run[0].adapters names 'cse-9'; known: cse, cse-laptop, cse-published", "none"],
    ),
    "an adapter called none": (
        {"adapters": {"none": {"published": {}}}},
        ["adapters: 'none' should not be valid"],
    ),
    "not published for a model": (
        {"run": [PUBLISHED]},
        ["run[0] has smollm2-135m with adapters.cse-published, which is published for opt-1.3b"],
    ),
    "both kinds": (
        {"adapters": {"cse-sample": {"published": {"a": {"repository": "a/b", "revision": "0"}}}}},
        ["adapters.cse-sample", "too many properties", "Of one kind, recipe or published"],
    ),
    "a branch of a published adapter": (
        {"adapters": {"mine": {"published": {"a": {"repository": "a/b", "revision": "main"}}}}},
        ["adapters.mine.published.a.revision: 'main'", "full commit id"],
    ),
    "unknown triplets": (
        recipe(triplets="snli"),
        ["adapters.cse-sample.recipe.triplets names 'snli'; known: nli, nli-substitute"],
    ),
    "triplets that are none": (
        recipe(triplets="STSB-train"),
        ["adapters.cse-sample.recipe.triplets names 'STSB-train'; known: nli"],
    ),
    "triplets that only a mirror has": (
        recipe(triplets="nli-substitute"),
        ["task nli-substitute cannot be downloaded, and data.mirror is null"],
    ),
    "triplets left out": (
        recipe(left_out=["STSB", "nli"]),
        ["adapters.cse-sample.recipe.left_out names 'nli'; known: CR"],
    ),
    "unknown representation": (
        recipe(representation="eos"),
        ["adapters.cse-sample.recipe.representation names 'eos'; known: avg"],
    ),
    "a demonstration": (
        recipe(representation="icl-sample"),
        ["recipe.representation is 'icl-sample', which has demonstrations; training has none"],
    ),
    "a pooling of other models": (
        recipe(representation="eol") | {"representations": {"eol": {"pooling": "first"}}},
        ["recipe.representation is 'eol' with pooling first", "last or mean"],
    ),
    "unknown suite": (
        recipe(selection={"suite": "devs"}),
        ["adapters.cse-sample.recipe.selection.suite names 'devs'"],
    ),
    "a choice on transfer tasks": (
        recipe(selection={"suite": "sample-transfer"}),
        ["recipe.selection.suite is 'sample-transfer', not one of STS tasks"],
    ),
    "products in fp16 on a CPU": (
        recipe(compute="fp16"),
        ["recipe.compute has smollm2-135m in fp16, but gpus is 0", "use bf16"],
    ),
    "products in fp16 on a CPU, for a model": (
        recipe(by_model={"smollm2-135m": {"compute": "fp16"}}),
        ["recipe.compute has smollm2-135m in fp16", "use bf16"],
    ),
    "a choice in fp16 on a CPU": (
        recipe(selection={"precision": "fp16"}),
        ["recipe.selection.precision has smollm2-135m in fp16", "use bf16 or fp32"],
    ),
    "a base in fp16": (
        recipe(base="fp16"),
        ["adapters.cse-sample.recipe.base is 'fp16'; allowed: nf4, bf16, fp32"],
    ),
    "local negatives": (
        recipe(negatives="local"),
        ["recipe.negatives is 'local'; allowed: gathered", "would be another objective"],
    ),
    "accumulated gradients": (
        recipe(gradient_accumulation=4),
        [
            "unknown key gradient_accumulation in adapters.cse-sample.recipe; allowed: alpha",
            "would shrink the set of negatives: for less memory lower chunk",
        ],
    ),
    "a batch of one": (
        recipe(batch=1),
        ["adapters.cse-sample.recipe.batch: 1 is less than the minimum of 2"],
    ),
}
RIGHT = {
    "fp16 for a model that is not run": recipe(by_model={"opt-125m": {"compute": "fp16"}}),
    "a mean": recipe(representation="avg"),
    "tasks of both kinds left out": recipe(left_out=["STSB", "MR", "sample-train"]),
    "a recipe that is not run may need a mirror": {"run": [CSE | {"adapters": ["none"]}]},
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What a dry run says to each configuration."""
    flow = copy_workflow(tmp_path_factory.mktemp("adapters") / "workflow")
    return flow.answers({name: preset for name, (preset, _) in WRONG.items()} | RIGHT)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_adapter_is_refused_with_its_reason(answers, name):
    done = answers[name]
    assert done.returncode != 0
    for words in WRONG[name][1]:
        assert words in done.stdout, done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_one_is_not(answers, name):
    assert answers[name].returncode == 0, answers[name].stdout


def test_a_published_adapter_is_fetched_and_not_trained(workflow):
    run = PUBLISHED | {"models": ["opt-1.3b"], "precisions": ["bf16"], "suites": ["sts"]}
    (workflow.folder / "published.yaml").write_text(yaml.safe_dump({"run": [run]}))
    jobs = workflow.planned("--configfile", "published.yaml")
    assert jobs["fetch_adapter"] == 1
    assert jobs["embed_sentences"] == 2
    assert not {"train_adapter", "choose_checkpoint"} & jobs.keys()
    command = workflow.run(
        "--dry-run", "--printshellcmds", "results/adapters/opt-1.3b/cse-published/manifest.json"
    )
    assert '"repository": "royokong/prompteol-opt-1.3b"' in command


def test_a_published_adapter_of_another_model_is_not_made(workflow):
    done = workflow.snakemake("--dry-run", "results/adapters/opt-125m/cse-published/manifest.json")
    assert done.returncode != 0
    assert "adapters.cse-published.published names 'opt-125m'; known: opt-1.3b" in done.stdout
