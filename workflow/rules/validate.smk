"""Checks before any job: the schema, and what a schema cannot say."""

import jsonschema
import yaml
from snakemake.exceptions import WorkflowError


def explain(error):
    """One schema error as a line that names key, value and what is allowed."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    key = "".join(steps).removeprefix(".")
    about = f" ({error.schema['description']})" if "description" in error.schema else ""
    if error.validator == "additionalProperties":
        allowed = sorted(error.schema["properties"])
        unknown = sorted(map(str, set(error.instance) - set(allowed)))
        where = f" in {key}" if key else ""
        return f"unknown key {', '.join(unknown)}{where}; allowed: {', '.join(allowed)}{about}"
    if error.validator == "enum":
        allowed = ", ".join(map(str, error.validator_value))
        return f"{key} is {error.instance!r}; allowed: {allowed}{about}"
    return f"{key or 'top level'}: {error.message}{about}"


def check_schema(data, schema, what):
    """Stop before any job if `data` does not fit a schema, naming all that is wrong."""
    text = Path(workflow.basedir, "workflow/schemas", schema).read_text(encoding="utf-8")
    validator = jsonschema.Draft202012Validator(yaml.safe_load(text))
    errors = sorted(validator.iter_errors(data), key=lambda error: error.json_path)
    if errors:
        raise WorkflowError(f"{what} is wrong:\n" + "\n".join(map(explain, errors)))


def read_register():
    """Rows of the register of data sets, checked."""
    with Path(workflow.basedir, REGISTER).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for number, row in enumerate(rows, start=2):
        check_schema(row, "datasets.schema.yaml", f"{REGISTER}:{number}")
    return rows


def check_known(names, catalogue, key):
    """Stop if `key` of config.yaml lists a name that its catalogue does not have."""
    for name in names:
        if name not in catalogue:
            raise WorkflowError(f"{key} names {name!r}; known: {', '.join(sorted(catalogue))}")


def grids():
    """Each grid of `run` and of `layers`, with its name."""
    return [
        (f"{key}[{number}]", grid)
        for key in ("run", "layers")
        for number, grid in enumerate(config[key])
    ]


def check_run():
    """Every name in `run`, `layers` and `comparisons` is in its catalogue."""
    for name, grid in grids():
        for key in ("models", "representations", "suites"):
            check_known(grid[key], config[key], f"{name}.{key}")
    reference = config["comparisons"]["reference"]
    check_known([reference], config["representations"], "comparisons.reference")


def check_register():
    """Rows of a task differ in their subset, not in their source."""
    parts, sources = set(), {}
    layouts = {  # all others are of the designs of classifiers
        "similarity": ("semeval", "stsb", "stsb-genres", "sick", "pairs"),
        "triplets": ("triplets", "nli-csv"),
    }
    for row in SOURCES:
        task, subset = part = row["task"], row["subset"]
        if part in parts:
            raise WorkflowError(f"{REGISTER} lists task {task}, subset {subset} more than once")
        parts.add(part)
        for key in ("source", "design", "layout"):
            if sources.setdefault((task, key), row[key]) != row[key]:
                raise WorkflowError(f"{REGISTER}: the rows of task {task} differ in their {key}")
        if (row["layout"] == "semeval") != bool(row["gold_file"]):
            raise WorkflowError(
                f"{REGISTER}: task {task}, subset {subset}: layout semeval has a gold_file,"
                f" others have none; layout is {row['layout']}, gold_file {row['gold_file']!r}"
            )
        if (row["layout"] == "lines") != bool(row["label"]):
            raise WorkflowError(
                f"{REGISTER}: task {task}, subset {subset}: layout lines has a label,"
                f" others have none; layout is {row['layout']}, label {row['label']!r}"
            )
        if any((row["design"] == one) != (row["layout"] in layouts[one]) for one in layouts):
            raise WorkflowError(
                f"{REGISTER}: task {task}: design {row['design']} does not fit layout"
                f" {row['layout']}"
            )


def check_suites():
    """A task is in the register and in one suite, the same there and in config.yaml."""
    for suite, tasks in config["suites"].items():
        check_known(tasks, {row["task"] for row in SOURCES}, f"suites.{suite}")
        for row in SOURCES:
            if row["task"] in tasks and row["design"] == "triplets":
                raise WorkflowError(
                    f"suites.{suite} names {row['task']!r}, triplets that models are fine-tuned"
                    " on; a suite holds STS tasks or transfer tasks"
                )
        designs = {row["design"] == "similarity" for row in SOURCES if row["task"] in tasks}
        if len(designs) > 1:
            raise WorkflowError(f"suites.{suite} mixes STS tasks and transfer tasks: {tasks}")
    if "scores" in config["suites"]:
        raise WorkflowError("suites.scores: results/tables/scores.csv is the table of all scores")
    for row in SOURCES:
        homes = [suite for suite, tasks in config["suites"].items() if row["task"] in tasks]
        if homes not in ([], [row["suite"]]):
            raise WorkflowError(
                f"task {row['task']} is in {homes} of suites, in {row['suite']} of {REGISTER};"
                " a task belongs to one suite"
            )


def check_layers():
    """Layers are compared on STS tasks: a classifier for each would be another study."""
    for number, grid in enumerate(config["layers"]):
        for suite in grid["suites"]:
            if any(row["suite"] == suite and row["design"] != "similarity" for row in SOURCES):
                raise WorkflowError(f"layers[{number}].suites has {suite!r}, not one of STS tasks")


def check_transfer():
    """The printed classifier is one that runs."""
    section = config["transfer"]
    check_known([section["headline"]], section["classifiers"], "transfer.headline")


def check_mirror():
    """A mirror that is set is a folder."""
    mirror = config["data"]["mirror"]
    if mirror is not None and not Path(mirror, "senteval").is_dir():
        raise WorkflowError(f"data.mirror is {mirror!r}, which has no folder senteval")


def check_mirrored(task):
    """Stop if a task is nowhere but in a mirror, and none is set."""
    if config["data"]["mirror"] is None:
        for row in SOURCES:
            if (row["task"], row["source"]) == (task, "mirror"):
                raise WorkflowError(
                    f"task {task} cannot be downloaded, and data.mirror is null: set it to a"
                    f" folder that has {row['file']}"
                )


check_schema(config, "config.schema.yaml", "The configuration (config.yaml and presets)")
SOURCES = read_register()
check_register()
check_run()
check_suites()
check_layers()
check_transfer()
check_mirror()


include: "validate_figures.smk"
include: "validate_prompts.smk"
include: "validate_adapters.smk"
