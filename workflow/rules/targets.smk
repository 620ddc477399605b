"""What a run asks for: files between sources and tables, tables, figures."""

# The training set of the paper, a task of the register.
PAPER_TRIPLETS = "nli"


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
    for cell in [*ENCODERS, *LAYERED]:
        steps |= dict.fromkeys(steps_before_vectors(*cell))
    for cell in ENCODERS:
        vectors = f"results/embeddings/{'/'.join(cell)}.npy"
        steps |= dict.fromkeys([f"results/sentences/{cell[-1]}.txt", vectors])
    layers = map(scored_layers, LAYERED)
    return [*steps, *layers, *scores_of_run(wildcards), *statistics_of_run()]


def steps_before_vectors(model, adapter, precision, representation, suite):
    """Files that an encoder and the sentences that it embeds come from."""
    search, listed = search_of(representation), list_of(representation)
    lists = [config["searches"][search]["candidates"]] if search else [listed] if listed else []
    return [
        *expand("results/datasets/{task}.tsv", task=config["suites"][suite]),
        f"results/models/{model}/manifest.json",
        *[f"results/demonstrations/{name}.tsv" for name in with_parts(lists)],
        *([f"results/demonstrations/{search}/{model}/choice.json"] if search else []),
        f"results/representations/{model}/{representation}.json",
        *steps_of_adapter(model, adapter),
    ]


def steps_of_adapter(model, adapter):
    """Files that an adapter comes from, in the order in which they are made."""
    if adapter == "none":
        return []
    recipe = config["adapters"][adapter].get("recipe")
    folder = f"results/adapters/{model}/{adapter}"
    if recipe is None:
        return [f"{folder}/manifest.json"]
    tasks = [recipe["triplets"], *recipe["left_out"]]
    tasks += config["suites"][recipe["selection"]["suite"]]
    return [
        *[f"results/datasets/{task}.tsv" for task in dict.fromkeys(tasks)],
        f"results/representations/{model}/{recipe['representation']}.json",
        f"{folder}/training.json",
        f"{folder}/manifest.json",
    ]


def with_parts(lists):
    """Lists of demonstrations with all that they are combined from, parts first."""
    return [one for name in lists for one in [*with_parts(parts_of(name)), name]]


def searches_of_run():
    """Models of the run by the search that chooses their demonstrations."""
    models = {}
    for model, adapter, precision, representation, suite in [*ENCODERS, *LAYERED]:
        if search := search_of(representation):
            models.setdefault(search, {})[model] = None
    return {search: list(names) for search, names in models.items()}


def trainings_of_run():
    """Models of the run by the adapter that is trained for them."""
    models = {}
    for model, adapter, *_ in [*ENCODERS, *LAYERED]:
        if adapter != "none" and "recipe" in config["adapters"][adapter]:
            models.setdefault(adapter, {})[model] = None
    return {adapter: list(names) for adapter, names in models.items()}


def files_of_training(name):
    """Input function: a file of an adapter for each model of the run."""

    def paths(wildcards):
        models = trainings_of_run().get(wildcards.adapter, [])
        return [f"results/adapters/{model}/{wildcards.adapter}/{name}" for model in models]

    return paths


def files_of_search(name):
    """Input function: a file of a search for each model of the run."""

    def paths(wildcards):
        models = searches_of_run().get(wildcards.search, [])
        return [f"results/demonstrations/{wildcards.search}/{model}/{name}" for model in models]

    return paths


def zero_shot_of():
    """For each representation with demonstrations the one that is the same without."""
    bare = {
        json.dumps(prompt_of(name), sort_keys=True): name
        for name in reversed(config["representations"])
        if "shot" not in config["representations"][name]
    }
    found = {}
    for name, entry in config["representations"].items():
        prompt = {key: value for key, value in prompt_of(name).items() if key != "shot"}
        if "shot" in entry and json.dumps(prompt, sort_keys=True) in bare:
            found[name] = bare[json.dumps(prompt, sort_keys=True)]
    return found


def gains_of_run():
    """Suites in which the run has a representation with and without demonstrations."""
    zero_shot = zero_shot_of()
    return [
        suite
        for suite in suites_of_run()
        if any(
            cell[-1] == suite and (*cell[:3], zero_shot.get(cell[3]), suite) in ENCODERS
            for cell in ENCODERS
        )
    ]


def suites_of_run():
    """Suites that the run embeds, each once."""
    return list(dict.fromkeys(cell[-1] for cell in ENCODERS))


def training_sets_of_run():
    """What each adapter of the run was trained on, in words for the tables."""
    told = {}
    adapters = dict.fromkeys(cell[1] for cell in [*ENCODERS, *LAYERED])
    for adapter in filter(lambda name: name != "none", adapters):
        recipe = config["adapters"][adapter].get("recipe")
        if recipe is None:
            told[adapter] = "the authors'"
            continue
        rows = triplets_of(recipe)
        whole = recipe["rows"] is None and not recipe["left_out"]
        papers = recipe["triplets"] == PAPER_TRIPLETS and whole
        mark = "" if papers else " (not the paper's)"
        fewer = "" if recipe["rows"] or not recipe["left_out"] else "less than "
        told[adapter] = f"{recipe['triplets']}, {fewer}{rows:,} triplets{mark}"
    return told


def tables_of_run(wildcards):
    """The tidy table, and the others in four formats."""
    names = [
        *suites_of_run(),
        *[f"gain/{suite}" for suite in gains_of_run()],
        *[f"demonstrations/{search}" for search in searches_of_run()],
        *paper_tables_of_run(),
        *tables_of_statistics(),
        *[f"layers/{suite}" for suite in layered_suites()],
    ]
    tables = expand("results/tables/{name}.{kind}", name=names, kind=["csv", "md", "tex", "html"])
    return ["results/tables/scores.csv", "results/tables/scores.html", *tables]


def figures_of_run(wildcards):
    """Figures of the suites that the run embeds, its searches and trainings, in two formats."""
    names = [
        f"{figure}/{suite}"
        for figure in ("scaling", "representations")
        for suite in config["figures"][figure]
        if suite in suites_of_run()
    ]
    names += [f"demonstrations/{search}" for search in searches_of_run()]
    names += [f"training/{adapter}" for adapter in trainings_of_run()]
    names += figures_of_statistics()
    names += [f"layers/{suite}" for suite in layered_suites()]
    return expand("results/figures/{name}.{kind}", name=names, kind=["svg", "pdf"])


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
