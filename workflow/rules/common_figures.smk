"""Input functions of figures, and what each shows."""


def figures_of_run(wildcards):
    """Figures of what the run has, in two formats."""
    names = [
        *[
            f"{figure}/{suite}"
            for figure in ("scaling", "representations", "cost")
            for suite in config["figures"][figure]
            if suite in suites_of_run()
        ],
        *expand(
            "{figure}/{suite}", figure=["geometry", "spectra"], suite=suites_with(is_similarity)
        ),
        *[f"demonstrations/{search}" for search in searches_of_run()],
        *[f"training/{adapter}" for adapter in trainings_of_run()],
        *figures_of_statistics(),
        *[f"layers/{suite}" for suite in layered_suites()],
        *([f"heat_map/{config['figures']['heat_map']['suite']}"] if heat_map_encoders() else []),
    ]
    return expand("results/figures/{name}.{kind}", name=names, kind=["svg", "pdf"])


def plot_settings(wildcards):
    """What a figure of a suite shows, as JSON."""
    families = {config["models"][cell[0]]["family"] for cell in ENCODERS}
    fields = ("parameters", "family", "size")
    models = {
        name: {key: model[key] for key in fields if key in model}
        for name, model in config["models"].items()
        if model["family"] in families
    }
    return json.dumps(
        {
            "suite": wildcards.suite,
            "tasks": config["suites"][wildcards.suite],
            "metric": metric_of(wildcards.suite),
            "models": models,
            "representations": list(config["representations"]),
            "style": config["figures"]["style"],
        },
        sort_keys=True,
    )


def benchmarks_of_suite(wildcards):
    """Time and memory of a suite's embedding jobs.

    A job that is done is not done again for its benchmark: where that is lost it is no input.
    """
    found = []
    for encoder in encoders_of(wildcards.suite):
        job = f"{encoder}/{wildcards.suite}"
        measured = f"results/benchmarks/embed_sentences/{job}.tsv"
        if Path(measured).is_file() or not Path(f"results/embeddings/{job}.npy").is_file():
            found.append(measured)
    return found


def heat_map_encoders(wildcards=None):
    """Encoders of the heat map that the run has, as folders."""
    chosen = config["figures"]["heat_map"]
    known = encoders_of(chosen["suite"])
    return [folder for folder in chosen["encoders"] if folder in known]


def heat_map_files(suffix):
    """Input function: vectors (npy) of the heat map's encoders, or what is known of them (json)."""

    def paths(wildcards):
        folders = heat_map_encoders()
        return [f"results/embeddings/{folder}/{wildcards.suite}.{suffix}" for folder in folders]

    return paths


def heat_map_sources():
    """What the vectors of each of the heat map's encoders are made from."""
    return [
        [
            f"results/models/{model}/manifest.json",
            f"results/representations/{model}/{representation}.json",
            *([] if adapter == "none" else [f"results/adapters/{model}/{adapter}/manifest.json"]),
        ]
        for model, adapter, _, representation in (name.split("/") for name in heat_map_encoders())
    ]
