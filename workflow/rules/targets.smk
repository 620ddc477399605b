"""What a run asks for: files between sources and tables, tables, figures."""


def scores_of_run(wildcards):
    """Score files of the run, in its order."""
    return [
        f"results/scores/{scorer}/{model}/{adapter}/{precision}/{representation}/{task}.json"
        for model, adapter, precision, representation, suite in ENCODERS
        for scorer in scorers_of(suite)
        for task in config["suites"][suite]
    ]


def steps_of_run(wildcards):
    """Every file between the sources and the tables."""
    steps = {}
    for model, adapter, precision, representation, suite in ENCODERS:
        search = config["representations"][representation]["demonstration"]
        steps |= dict.fromkeys(
            [
                *expand("results/datasets/{task}.tsv", task=config["suites"][suite]),
                f"results/sentences/{suite}.txt",
                f"results/models/{model}/manifest.json",
                *([f"results/demonstrations/{search}/{model}/choice.json"] if search else []),
                f"results/representations/{model}/{representation}.json",
                f"results/embeddings/{model}/{adapter}/{precision}/{representation}/{suite}.npy",
            ]
        )
    return [*steps, *scores_of_run(wildcards)]


def suites_of_run():
    """Suites that the run embeds, each once."""
    return list(dict.fromkeys(cell[-1] for cell in ENCODERS))


def tables_of_run(wildcards):
    """The tidy table, and one table for each suite in four formats."""
    tables = expand(
        "results/tables/{suite}.{kind}", suite=suites_of_run(), kind=["csv", "md", "tex", "html"]
    )
    return ["results/tables/scores.csv", "results/tables/scores.html", *tables]


def figures_of_run(wildcards):
    """Figures of the suites that the run embeds, in two formats."""
    return [
        f"results/figures/{figure}/{suite}.{kind}"
        for figure in ("scaling", "representations")
        for suite in config["figures"][figure]
        if suite in suites_of_run()
        for kind in ("svg", "pdf")
    ]


def plot_settings(wildcards):
    """What a figure of a suite shows, as JSON."""
    known = {cell[0] for cell in ENCODERS}
    models = {name: model for name, model in config["models"].items() if name in known}
    fields = ("parameters", "family")
    return json.dumps(
        {
            "suite": wildcards.suite,
            "tasks": config["suites"][wildcards.suite],
            "metric": metric_of(wildcards.suite),
            "models": {name: {key: model[key] for key in fields} for name, model in models.items()},
            "representations": list(config["representations"]),
            "style": config["figures"]["style"],
        }
    )
