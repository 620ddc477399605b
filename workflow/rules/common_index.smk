"""Input functions of the page about a run: what it shows, in which order, with which words."""

# Speed and place, on which no number depends: sections of config.yaml, and keys of other sections.
SPEED = ("embedding", "training", "chat")
NOT_IN_NUMBERS = ("gpus", "mem_mb", "runtime_min", "placement", "shards", "threads", "training")


def shown_in_index():
    """Files of the run that the page shows: tables as pages or else as CSV, figures as SVG."""
    tables, figures = tables_of_run(None), figures_of_run(None)
    pages = [path for path in tables if path.endswith(".html")]
    bare = [path for path in tables if path.endswith(".csv") and f"{path[:-4]}.html" not in pages]
    drawn = [path for path in figures if path.endswith(".svg")]
    # The page has every score, with where it is from.
    return [
        path for path in [*pages, *bare, *drawn] if not path.startswith("results/tables/scores.")
    ]


def exhibits_of_index(wildcards):
    """[section, title, caption, path] of all that the page shows in the order of report/index.yaml."""
    text = Path(workflow.basedir, "workflow/report/index.yaml").read_text(encoding="utf-8")
    sections = yaml.safe_load(text)
    homes = {kind: section for section, kinds in sections.items() for kind in kinds}
    exhibits = {kind: [] for kind in homes}
    for path in shown_in_index():
        kind, name = Path(path).relative_to("results").parent.as_posix(), Path(path).stem
        section = homes.get(kind, list(sections)[-1])
        words = sections[section].get(kind, {"title": f"{kind}, {name}", "caption": ""})
        told = [words[key].format(name=name) for key in ("title", "caption")]
        exhibits.setdefault(kind, []).append([section, *told, path])
    return json.dumps([one for group in exhibits.values() for one in group])


def paired_of(suite):
    """Table of differences on shared resamples, of a suite with two encoders; else None."""
    return f"results/tables/differences/{suite}.csv" if is_compared(suite) else None


def published_of(suite):
    """Table of scores beside published ones, where the run has it; else None."""
    path = f"results/tables/published/{suite}.csv"
    return path if path in tables_of_run(None) else None


def layers_of_index():
    """Table of the best layers of each suite that layers are scored on."""
    return {suite: f"results/tables/layers/{suite}.csv" for suite in layered_suites()}


def read_by_index(wildcards):
    """Files that the page is made from beside scores.csv."""
    files = {path: None for path in shown_in_index()}
    files |= dict.fromkeys(layers_of_index().values())
    for suite in suites_of_run():
        files |= dict.fromkeys(filter(None, [paired_of(suite), published_of(suite)]))
        files |= dict.fromkeys(expand("results/datasets/{task}.json", task=config["suites"][suite]))
    for model, adapter, precision, representation, suite in ENCODERS:
        encoder = f"{model}/{adapter}/{precision}/{representation}"
        files[f"results/models/{model}/manifest.json"] = None
        if adapter != "none":
            files[f"results/adapters/{model}/{adapter}/manifest.json"] = None
        files[f"results/representations/{model}/{representation}.json"] = None
        files[f"results/embeddings/{encoder}/{suite}.json"] = None
    return [*files, *scores_of_run(wildcards)]


def used(section, names, without=()):
    """Entries of a catalogue, without some of their keys."""
    entries = {name: config[section][name] for name in dict.fromkeys(names)}
    return {
        name: {key: entry[key] for key in entry if key not in without}
        for name, entry in entries.items()
    }


def config_of_run():
    """What config.yaml says of this run and may change its numbers."""
    chosen = {key: value for key, value in config.items() if key not in SPEED}
    grids = [*config["run"], *config.get("layers", [])]
    names = {key: [name for grid in grids for name in grid[key]] for key in grids[0]}
    trained = [config["adapters"][name]["recipe"] for name in trainings_of_run()]
    searches = searches_of_run()
    names["representations"] += [recipe["representation"] for recipe in trained]
    names["suites"] += [config["searches"][name]["suite"] for name in searches]
    names["suites"] += [recipe["selection"]["suite"] for recipe in trained]
    lists = [config["searches"][name]["candidates"] for name in searches]
    lists += filter(None, map(list_of, names["representations"]))
    return chosen | {
        "data": {key: value for key, value in config["data"].items() if key != "mirror"},
        "suites": {name: config["suites"][name] for name in dict.fromkeys(names["suites"])},
        "models": used("models", names["models"], NOT_IN_NUMBERS),
        "representations": used("representations", names["representations"]),
        "adapters": used("adapters", [name for name in names["adapters"] if name != "none"]),
        "searches": used("searches", searches, NOT_IN_NUMBERS),
        "demonstrations": used("demonstrations", with_parts(lists)),
        "transfer": {
            key: value for key, value in config["transfer"].items() if key not in NOT_IN_NUMBERS
        },
    }


def chosen_on():
    """Suite that demonstrations of a representation, or a trained adapter, are chosen on."""
    searches = {name: search_of(name) for name in config["representations"]}
    chosen = {name: config["searches"][one]["suite"] for name, one in searches.items() if one}
    trained = trainings_of_run()
    return chosen | {
        name: config["adapters"][name]["recipe"]["selection"]["suite"] for name in trained
    }


def run_of_index(wildcards):
    """What the run is, as JSON: see story.py."""
    models = dict.fromkeys(cell[0] for cell in ENCODERS)
    suites = [
        {
            "name": suite,
            "tasks": config["suites"][suite],
            "metric": metric_of(suite),
            "scorers": scorers_of(suite),
            "paired": paired_of(suite),
            "published": published_of(suite),
        }
        for suite in suites_of_run()
    ]
    run = {
        "encoders": ["/".join(cell) for cell in ENCODERS],
        "suites": suites,
        "families": {name: config["models"][name]["family"] for name in models},
        "parameters": {name: config["models"][name]["parameters"] for name in models},
        "zero_shot": zero_shot_of(),
        "reference": config["comparisons"]["reference"],
        "layers": layers_of_index(),
        "training_sets": training_sets_of_run(),
        "development": config["figures"]["representations"],
        "chosen_on": chosen_on(),
        "known": {
            **{
                key: list(config[key])
                for key in ("models", "adapters", "representations", "suites")
            },
            "tasks": [task for tasks in config["suites"].values() for task in tasks],
            "figures": [
                f"{figure}/{suite}"
                for figure, suites in config["figures"].items()
                if isinstance(suites, list)
                for suite in suites
            ],
        },
        "config": config_of_run(),
    }
    return json.dumps(run, sort_keys=True)
