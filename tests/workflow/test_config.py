"""A wrong configuration stops before any job and says what is wrong."""

import pytest
import yaml
from harness import configuration, copy_workflow

RUN = {
    "models": ["smollm2-135m"],
    "adapters": ["none"],
    "precisions": ["fp32"],
    "representations": ["eol"],
    "suites": ["sample"],
}
ENTRY = {
    "family": "Tiny",
    "parameters": 10_000,
    "source": {"path": "here"},
    "licence": {"id": "mit", "name": "MIT"},
}
EOL = {"template": '"{text}"', "clean_up": "sentence", "pooling": "last", "demonstration": None}

WRONG = {
    "a printed classifier that is not run": (
        {"transfer": {"headline": "logreg"}},
        ["transfer.headline names 'logreg'", "known: senteval"],
    ),
    "one fold": (
        {"transfer": {"senteval": {"folds": 1}}},
        ["transfer.senteval.folds: 1 is less than the minimum of 2"],
    ),
    "a search on transfer tasks": (
        {"searches": {"sample": {"suite": "sample-transfer"}}},
        ["searches.sample.suite is 'sample-transfer', not one of STS tasks"],
    ),
    "misspelt key": (
        {"embeding": {"threads": 1}},
        ["unknown key embeding", "allowed:", "embedding"],
    ),
    "misspelt key inside": (
        {"embedding": {"max_token": 1}},
        ["unknown key max_token in embedding", "max_tokens"],
    ),
    "several at once": (
        {"embedding": {"threads": 0}, "sts": {"headline": "median"}},
        ["embedding.threads: 0 is less than the minimum of 1", "sts.headline is 'median'", "wmean"],
    ),
    "negative batch size": (
        {"embedding": {"max_tokens": -5}},
        ["embedding.max_tokens: -5 is less than the minimum of 1"],
    ),
    "unknown model": (
        {"run": [RUN | {"models": ["gpt-5"]}]},
        ["run[0].models names 'gpt-5'", "smollm2-135m"],
    ),
    "unknown representation": (
        {"run": [RUN | {"representations": ["eos"]}]},
        ["run[0].representations names 'eos'", "eol"],
    ),
    "unknown reference": (
        {"comparisons": {"reference": "eos"}},
        ["comparisons.reference names 'eos'", "eol"],
    ),
    "reference with demonstrations": (
        {"comparisons": {"reference": "icl"}},
        ["comparisons.reference is 'icl', which has demonstrations"],
    ),
    "unknown precision": (
        {"run": [RUN | {"precisions": ["int8"]}]},
        ["run[0].precisions[0] is 'int8'", "allowed: fp32, bf16, fp16, nf4"],
    ),
    "unknown task": (
        {"suites": {"mine": ["STS17"]}},
        ["suites.mine names 'STS17'", "STS16"],
    ),
    "unknown suite of a figure": (
        {"figures": {"cost": ["all"]}},
        ["figures.cost names 'all'", "sample-dev"],
    ),
    "unknown model of the heat map": (
        {"figures": {"heat_map": {"encoders": ["gpt-5/none/fp32/eol"]}}},
        ["figures.heat_map.encoders[gpt-5/none/fp32/eol] names 'gpt-5'", "smollm2-135m"],
    ),
    "a heat map of sentences that are not free": (
        {"figures": {"heat_map": {"suite": "dev"}}},
        ["figures.heat_map.suite is 'dev'", "STSB-dev", "sentences are printed"],
    ),
    "an encoder of the heat map without its adapter": (
        {"figures": {"heat_map": {"encoders": ["smollm2-135m/fp32/eol"]}}},
        ["figures.heat_map.encoders[0]", "does not match"],
    ),
    "triplets in a suite": (
        {"suites": {"mine": ["nli-substitute"]}},
        ["suites.mine names 'nli-substitute'", "fine-tuned on", "STS tasks or transfer tasks"],
    ),
    "words for sentences of triplets": (
        {"demonstrations": {"sample-words": {"local": {"task": "sample-triplets"}}}},
        ["demonstrations.sample-words.local.task names 'sample-triplets'", "known: SICKR"],
    ),
    "examples of triplets": (
        {"demonstrations": {"mr": {"examples": {"task": "nli"}}}},
        ["demonstrations.mr.examples.task names 'nli'", "known: CR"],
    ),
    "branch for a revision of the triplets": (
        {"data": {"training": {"revision": "main"}}},
        ["data.training.revision"],
    ),
    "task in two suites": (
        {"suites": {"again": ["STS12"]}},
        ["task STS12", "again", "one suite"],
    ),
    "template without a slot": (
        {"representations": {"eol": EOL | {"template": "in one word"}}},
        ["representations.eol.template needs the slot {text} once and no other", "in one word"],
    ),
    "template with a demonstration slot": (
        {"representations": {"eol": EOL | {"template": "{demo} {text}"}}},
        ["representations.eol.template needs the slot {text} once and no other: '{demo} {text}'"],
    ),
    "template with a misspelt slot": (
        {"representations": {"eol": EOL | {"template": "{text} {txt}"}}},
        ["representations.eol.template needs the slot {text} once and no other: '{text} {txt}'"],
    ),
    "a template of several without a slot": (
        {"representations": {"ck": {"template": ["{text} is", "in one word"]}}},
        ["representations.ck.template needs the slot {text} once", "in one word"],
    ),
    "a list of one template": (
        {"representations": {"ck": {"template": ["{text} is"]}}},
        ["representations.ck.template", "or several"],
    ),
    "pooling of a text that does not end the template": (
        {"representations": {"echo": {"template": "{text}, again {text}."}}},
        ["representations.echo.template needs the slot {text} at its end", "again {text}."],
    ),
    "pooling of a text that is there three times": (
        {"representations": {"echo": {"template": "{text} {text} {text}"}}},
        ["representations.echo.template needs the slot {text} at its end, once more at most"],
    ),
    "a text twice, but not for pooling text": (
        {"representations": {"echo": {"pooling": "mean"}}},
        ["representations.echo.template needs the slot {text} once and no other"],
    ),
    "training with several templates": (
        {"adapters": {"cse-sample": {"recipe": {"representation": "meta"}}}},
        ["adapters.cse-sample.recipe.representation is 'meta', the mean of 8 templates"],
    ),
    "layers on transfer tasks": (
        {"layers": [RUN | {"suites": ["sample-transfer"]}]},
        ["layers[0].suites has 'sample-transfer', not one of STS tasks"],
    ),
    "layers of an unknown model": (
        {"layers": [RUN, RUN | {"models": ["gpt-5"]}]},
        ["layers[1].models names 'gpt-5'", "smollm2-135m"],
    ),
    "layers in fp16 on a CPU": (
        {"layers": [RUN | {"precisions": ["fp16"]}]},
        ["layers[0] has smollm2-135m in fp16", "gpus is 0"],
    ),
    "shot without a slot": (
        {"representations": {"icl": {"shot": "{demo}."}}},
        ["representations.icl.shot", "needs the slots ['demo', 'word']", "{demo}."],
    ),
    "shot without a demonstration": (
        {"representations": {"eol": {"shot": "{demo} {word}"}}},
        ["representations.eol", "a shot needs a demonstration", "None"],
    ),
    "demonstration without a shot": (
        {"representations": {"eol": {"demonstration": "paper"}}},
        ["representations.eol", "a demonstration a shot", "'paper'"],
    ),
    "one best, said twice": (
        {"representations": {"icl": {"demonstration": {"search": "paper", "best": 1}}}},
        ["representations.icl.demonstration"],
    ),
    "unknown list": (
        {"representations": {"icl-mr": {"demonstration": {"list": "mrs"}}}},
        ["representations.icl-mr.demonstration names 'mrs'", "published"],
    ),
    "no lines for a model": (
        {"run": [RUN | {"representations": ["icl-published"]}]},
        ["run[0]", "representations.icl-published.demonstration.lines", "model smollm2-135m"],
    ),
    "a list of two kinds": (
        {"demonstrations": {"sample": {"file": "mine.tsv"}}},
        ["demonstrations.sample", "too many properties"],
    ),
    "a list of itself": (
        {
            "demonstrations": {
                "one": {"combined": {"lists": ["two"], "every": 1}},
                "two": {"combined": {"lists": ["sample", "one"], "every": 1}},
            }
        },
        ["demonstrations.one.combined.lists: one is a part of itself"],
    ),
    "words for sentences of no task": (
        {"demonstrations": {"sample-words": {"local": {"task": "MR"}}}},
        ["demonstrations.sample-words.local.task names 'MR'", "STSB-train"],
    ),
    "examples of a task without labels": (
        {"demonstrations": {"mr": {"examples": {"task": "STSB"}}}},
        ["demonstrations.mr.examples.task names 'STSB'", "known:", "MRPC"],
    ),
    "a question without a slot": (
        {"demonstrations": {"chat-words": {"llm": {"prompt": "One word, please."}}}},
        ["demonstrations.chat-words.llm.prompt", "One word, please.", "slot {text}"],
    ),
    "a search in fp16 on a CPU": (
        {"searches": {"sample": {"precision": "fp16"}}},
        ["searches.sample has smollm2-135m in fp16", "gpus is 0"],
    ),
    "words in fp16 on a CPU": (
        {"demonstrations": {"sample-words": {"local": {"precision": "fp16"}}}},
        ["demonstrations.sample-words.local has smollm2-135m in fp16"],
    ),
    "a search for nothing": (
        {
            "searches": {
                "more": {"candidates": "sample", "suite": "dev", "precision": "bf16", "shards": 1}
            }
        },
        ["searches.more serves no representation"],
    ),
    "no shard": (
        {"searches": {"paper": {"shards": 0}}},
        ["searches.paper.shards: 0 is less than the minimum of 1"],
    ),
    "fp16 on a CPU": (
        {"run": [RUN | {"precisions": ["fp16"]}]},
        ["smollm2-135m in fp16", "gpus is 0", "use bf16"],
    ),
    "plain layer by layer": (
        {"embedding": {"engine": "plain", "placement": "stream"}},
        ["placement stream needs embedding.engine fast"],
    ),
    "unknown search": (
        {"representations": {"icl": {"demonstration": "papers"}}},
        ["representations.icl.demonstration names 'papers'", "open, paper, paper-tenth, sample"],
    ),
    "branch for a revision": (
        {"models": {"opt-125m": {"source": {"hub": {"repository": "a/b", "revision": "main"}}}}},
        ["models.opt-125m.source.hub.revision", "'main'", "full commit id"],
    ),
    "width without layers": (
        {"models": {"tiny": ENTRY | {"width": 64}}},
        ["models.tiny", "'layers' is a dependency of 'width'"],
    ),
    "unsafe name": (
        {"models": {"../evil": {}}},
        ["../evil", "safe in a path"],
    ),
    "two sources": (
        {"models": {"opt-125m": {"source": {"path": "here"}}}},
        ["models.opt-125m.source", "one of wheel, hub, path"],
    ),
    "task listed twice": (
        {"suites": {"dev": ["STSB-dev", "STSB-dev"]}},
        ["suites.dev", "non-unique"],
    ),
    "a marker twice": (
        {"figures": {"style": {"markers": ["o", "s", "o"]}}},
        ["figures.style.markers", "non-unique"],
    ),
    "suite called scores": (
        {"suites": {"scores": ["STSB-dev"]}},
        ["suites.scores", "the table of all scores"],
    ),
    "mirror that is not there": (
        {"data": {"mirror": "no/such/folder"}},
        ["data.mirror is 'no/such/folder'"],
    ),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What a dry run says to each wrong configuration; as many at once as there are cores."""
    flow = copy_workflow(tmp_path_factory.mktemp("wrong") / "workflow")
    return flow.answers({name: preset for name, (preset, _) in WRONG.items()})


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_wrong_configuration_is_refused_with_its_reason(answers, name):
    done = answers[name]
    assert done.returncode != 0
    for words in WRONG[name][1]:
        assert words in done.stdout, done.stdout
    assert "Traceback" not in done.stdout


def test_a_wrong_row_of_the_register_is_named(workflow):
    workflow.edit("workflow/resources/datasets.tsv", "\tutf-8\t", "\tutf-16\t")
    done = workflow.snakemake("--dry-run")
    assert done.returncode != 0
    assert "datasets.tsv:2 is wrong" in done.stdout
    assert "encoding is 'utf-16'; allowed: utf-8, latin-1" in done.stdout


def test_a_part_of_a_task_that_is_listed_twice_is_named(workflow):
    register = workflow.folder / "workflow/resources/datasets.tsv"
    lines = register.read_text().splitlines(keepends=True)
    register.write_text("".join([*lines, lines[1]]))
    done = workflow.snakemake("--dry-run")
    assert done.returncode != 0
    assert "lists task sample-dev, subset everyday more than once" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("\tlines\tMR/rt-polarity.pos\t\t1\t", "\tlines\tMR/rt-polarity.pos\t\t\t", "has a label"),
        ("\tsimilarity\tbundled", "\tnested\tbundled", "does not fit layout pairs"),
        ("TREC\ttrain\tfolds", "TREC\ttrain\tnested", "differ in their design"),
        ("\tsimilarity\tsenteval\tsick", "\tdev\tsenteval\tsick", "does not fit layout sick"),
        (
            "\ttriplets\tbundled\ttriplets",
            "\ttriplets\tbundled\tsamples",
            "does not fit layout sam",
        ),
        ("\ttriplets\tsimcse", "\tnested\tsimcse", "does not fit layout nli-csv"),
    ],
)
def test_a_design_that_does_not_fit_is_named(workflow, old, new, told):
    workflow.edit("workflow/resources/datasets.tsv", old, new)
    done = workflow.snakemake("--dry-run")
    assert done.returncode != 0
    assert told in done.stdout, done.stdout


def test_a_row_of_the_register_with_too_many_fields_is_named(workflow):
    workflow.edit("workflow/resources/datasets.tsv", "\tutf-8\t", "\tutf-8\tutf-8\t")
    done = workflow.snakemake("--dry-run")
    assert done.returncode != 0
    assert "datasets.tsv:2 is wrong" in done.stdout


def test_mirror_of_a_preset_reaches_the_jobs(workflow):
    (workflow.folder / "my data/senteval").mkdir(parents=True)
    output = workflow.run(
        "--dry-run",
        "--printshellcmds",
        "--configfile",
        "workflow/presets/sts.yaml",
        "--config",
        'data={mirror: "my data"}',
    )
    assert "--root 'my data/senteval'" in output


@pytest.mark.slow
def test_triplets_are_downloaded_or_in_the_mirror(workflow):
    (workflow.folder / "my data/senteval").mkdir(parents=True)
    table, mirror = "results/datasets/nli.tsv", ["--config", 'data={mirror: "my data"}']
    assert workflow.planned(table) == {"download_triplets": 1, "normalise_task": 1}
    assert workflow.planned(*mirror, "--", table) == {"normalise_task": 1}
    assert "--root 'my data' " in workflow.run(
        "--dry-run", "--printshellcmds", *mirror, "--", table
    )


def test_a_task_that_only_a_mirror_has_is_not_downloaded(workflow):
    done = workflow.snakemake("--dry-run", "results/datasets/nli-substitute.tsv")
    assert done.returncode != 0
    told = "nli-substitute cannot be downloaded, and data.mirror is null: set it to a folder"
    assert told in done.stdout, done.stdout
    assert "nli/nli_for_simcse.csv" in done.stdout


@pytest.mark.slow
def test_the_papers_grid_is_planned_offline(workflow):
    # 12 models, 5 representations and 14 tasks: 7 real ones and 7 that are made up.
    register = workflow.folder / "workflow/resources/datasets.tsv"
    row = "more\ttask-{0}\tall\tsimilarity\tsenteval\tstsb\t{0}.csv\t\t\t9\tutf-8\town\t\t\n"
    register.write_text(register.read_text() + "".join(row.format(i) for i in range(7)))
    model = configuration(workflow.folder)["models"]["opt-125m"]
    names = [f"model-{i}" for i in range(12)]
    representations = ["avg", "last", "prompt", "eol", "icl"]
    preset = {
        "suites": {"more": [f"task-{i}" for i in range(7)]},
        "models": dict.fromkeys(names, model),
        "run": [
            RUN | {"models": names, "representations": representations, "suites": ["sts", "more"]},
        ],
    }
    (workflow.folder / "grid.yaml").write_text(yaml.safe_dump(preset))
    jobs = workflow.planned("--configfile", "grid.yaml")
    assert jobs["score_sts"] == 12 * 5 * 14
    assert jobs["embed_sentences"] == 12 * 5 * 2
    assert jobs["search_demonstrations"] == 12
    assert jobs["download_archive"] == 1
