"""Input functions of statistics: what is said of several encoders of a suite at once."""

from sentscale.lines import EncoderName, size_lines
from sentscale.questions import Catalogue, questions


def encoders_of(suite):
    """Folders of the run's encoders that a suite is embedded with."""
    return ["/".join(cell) for cell in encoders_of_suite(suite)]


def names_of(suite):
    """The same as tables name them: adapter empty for a model as it comes."""
    return [EncoderName.of(*cell) for cell in encoders_of_suite(suite)]


def scorer_of(suite):
    """Folder of the scores that a suite's tables print."""
    if scorers_of(suite) == ["sts"]:
        return "sts"
    return SCORERS[config["transfer"]["headline"]]


def stored_scores_of(wildcards):
    """Scores of all encoders of a suite, and the similarities or predictions that gave them."""
    return expand(
        "results/scores/{scorer}/{encoder}/{task}.{kind}",
        scorer=scorer_of(wildcards.suite),
        encoder=encoders_of(wildcards.suite),
        task=config["suites"][wildcards.suite],
        kind=["json", "npy"],
    )


def settings_of_resampling(wildcards):
    """Everything but files that resampled scores depend on, as JSON."""
    suite = wildcards.suite
    section = config["sts" if is_similarity(suite) else "transfer"]
    splits = {}
    if not is_similarity(suite):
        options = section[section["headline"]]
        splits = {key: options[key] for key in ("folds", "inner_folds", "seed")}
    return json.dumps(
        {
            "metric": metric_of(suite),
            "designs": {task: design_of(task) for task in config["suites"][suite]},
            "splits": splits,
            "bootstrap": section["bootstrap"],
        },
        sort_keys=True,
    )


def of_models(key):
    """Input function: a field of each model of a suite, as JSON."""

    def fields(wildcards):
        known = {one.model for one in names_of(wildcards.suite)}
        found = {name: config["models"][name][key] for name in sorted(known)}
        return json.dumps(found, sort_keys=True)

    return fields


def catalogue_of(suite):
    """What tells which encoders of a suite to compare."""
    models = {one.model for one in names_of(suite)}
    known = {one.representation for one in names_of(suite)}
    return {
        "families": {name: config["models"][name]["family"] for name in models},
        "parameters": {name: config["models"][name]["parameters"] for name in models},
        "zero_shot": {name: bare for name, bare in zero_shot_of().items() if name in known},
        "reference": config["comparisons"]["reference"],
    }


def has_questions(suite):
    """Whether two encoders of a suite differ in one thing."""
    scores = dict.fromkeys(names_of(suite), 0)
    return any(questions(scores, Catalogue(**catalogue_of(suite))))


def has_sizes(suite):
    """Whether a line of encoders of a suite has two sizes: with three it has a trend."""
    catalogue = catalogue_of(suite)
    parameters = catalogue["parameters"]
    lines = size_lines(names_of(suite), catalogue["families"], parameters)
    return any(len({parameters[one.model] for one in line.encoders}) > 1 for line in lines)


def has_ranks(suite):
    """Whether a suite has tasks to agree, and encoders to agree on."""
    return len(config["suites"][suite]) > 1 and len(encoders_of(suite)) > 2


def suites_with(*conditions):
    """Suites of the run of which all conditions hold."""
    return [suite for suite in suites_of_run() if all(holds(suite) for holds in conditions)]


def is_compared(suite):
    """Whether a suite has two encoders."""
    return len(encoders_of(suite)) > 1


def is_similarity(suite):
    """Whether a suite has STS tasks."""
    return scorer_of(suite) == "sts"


def geometry_of(wildcards):
    """Geometry of all encoders of a suite."""
    return [
        f"results/geometry/{encoder}/{wildcards.suite}.json"
        for encoder in encoders_of(wildcards.suite)
    ]


def statistics_of_run():
    """Steps between scores or vectors and the tables of statistics."""
    return [
        *expand("results/resamples/{suite}.npy", suite=suites_with(is_compared)),
        *[
            f"results/geometry/{encoder}/{suite}.json"
            for suite in suites_with(is_similarity)
            for encoder in encoders_of(suite)
        ],
    ]


def tables_of_statistics():
    """Names of tables in four formats."""
    conditions = {
        "comparisons": [has_questions],
        "trends": [has_sizes],
        "ranks": [has_ranks],
        "stability": [has_ranks],
        "geometry": [is_similarity],
    }
    return [
        f"{name}/{suite}" for name, needed in conditions.items() for suite in suites_with(*needed)
    ]


def figures_of_statistics():
    """Names of figures in two formats."""
    return [f"differences/{suite}" for suite in suites_with(is_compared)]
