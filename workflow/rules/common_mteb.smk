"""Input functions of results in the form of the mteb library."""

MTEB_TASKS = "workflow/resources/mteb_tasks.tsv"
with Path(workflow.basedir, MTEB_TASKS).open(encoding="utf-8", newline="") as file:
    KNOWN_TO_MTEB = {row["task"] for row in csv.DictReader(file, delimiter="\t")}


def shared_with_mteb(suite):
    """Tasks of a suite that mteb has too."""
    return [task for task in config["suites"][suite] if task in KNOWN_TO_MTEB]


def tables_for_mteb(wildcards):
    """Tables of the tasks of a suite that mteb has too."""
    return expand("results/datasets/{task}.tsv", task=shared_with_mteb(wildcards.suite))


def facts_for_mteb(wildcards):
    """What config.yaml knows of a model, as JSON."""
    model = config["models"][wildcards.model]
    facts = {"parameters": model["parameters"], "licence": model["licence"]["id"]}
    return json.dumps(facts, sort_keys=True)


def mteb_of_run(wildcards):
    """Folder of each encoder of the run whose suite has tasks that mteb has too."""
    found = [
        f"results/mteb/{suite}/results/sentscale__{'_'.join(encoder)}_stored"
        for *encoder, suite in ENCODERS
        if shared_with_mteb(suite)
    ]
    if not found:
        raise WorkflowError(
            f"run has the suites {', '.join(suites_of_run())}: none has a task of {MTEB_TASKS};"
            " workflow/presets/sts.yaml has"
        )
    return found
