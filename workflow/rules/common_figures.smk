"""Input functions of figures, and what each shows."""

# Figures of a suite, by their list of suites in config.yaml.
FIGURES_OF = {
    "scaling": ["scaling"],
    "representations": ["representations"],
    "cost": ["cost"],
    "geometry": ["geometry", "spectra"],
}


def figures_of_run(wildcards):
    """Figures of the suites that the run embeds, its searches and trainings, in two formats."""
    names = [
        f"{figure}/{suite}"
        for key, figures in FIGURES_OF.items()
        for figure in figures
        for suite in config["figures"][key]
        if suite in suites_of_run()
    ]
    names += [f"demonstrations/{search}" for search in searches_of_run()]
    names += [f"training/{adapter}" for adapter in trainings_of_run()]
    names += [f"heat_map/{config['figures']['heat_map']['suite']}"] if heat_map_encoders() else []
    return expand("results/figures/{name}.{kind}", name=names, kind=["svg", "pdf"])


def plot_settings(wildcards):
    """What a figure of a suite shows, as JSON."""
    known = {cell[0] for cell in ENCODERS}
    fields = ("parameters", "family", "size")
    models = {
        name: {key: model[key] for key in fields if key in model}
        for name, model in config["models"].items()
        if name in known
    }
    return json.dumps(
        {
            "suite": wildcards.suite,
            "tasks": config["suites"][wildcards.suite],
            "metric": metric_of(wildcards.suite),
            "models": models,
            "representations": list(config["representations"]),
            "published": config["figures"]["published"],
            "style": config["figures"]["style"],
        },
        sort_keys=True,
    )


def encoders_of_suite(suite):
    """(model, adapter, precision, representation) of the run's encoders of a suite."""
    return [cell[:4] for cell in ENCODERS if cell[4] == suite]


def folders_of_suite(suite):
    """The same as folders, for example under results/embeddings."""
    return [
        f"{model}/{adapter}/{precision}/{representation}"
        for model, adapter, precision, representation in encoders_of_suite(suite)
    ]


def geometry_of_suite(wildcards):
    """What is measured of the vectors of each encoder of a suite."""
    folders = folders_of_suite(wildcards.suite)
    return [f"results/geometry/{folder}/{wildcards.suite}.json" for folder in folders]


def heat_map_encoders(wildcards=None):
    """Encoders of the heat map that the run has, as folders."""
    chosen = config["figures"]["heat_map"]
    known = folders_of_suite(chosen["suite"])
    return [folder for folder in chosen["encoders"] if folder in known]


def heat_map_files(suffix):
    """Input function: vectors (npy) of the heat map's encoders, or what is known of them (json)."""

    def paths(wildcards):
        folders = heat_map_encoders()
        return [f"results/embeddings/{folder}/{wildcards.suite}.{suffix}" for folder in folders]

    return paths
