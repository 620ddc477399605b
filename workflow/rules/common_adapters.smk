"""Input functions of adapters: what fine-tuning adds to a model."""


def adapters_from(kind):
    """Regular expression of the adapters of a kind, recipe or published."""
    names = [name for name, source in config["adapters"].items() if kind in source]
    return "|".join(map(re.escape, names)) or "(?!)"


def adapter_of(wildcards):
    """Manifest of an encoder's adapter; nothing for the model as it comes."""
    if wildcards.adapter == "none":
        return []
    return f"results/adapters/{wildcards.model}/{wildcards.adapter}/manifest.json"


def of_recipe(key):
    """Input function: a field of the recipe of the wildcard's adapter."""
    return lambda wildcards: config["adapters"][wildcards.adapter]["recipe"][key]


def recipe_of(wildcards):
    """What decides an adapter's numbers beside its files, as JSON: see recipe.py."""
    recipe = recipe_for(wildcards.model, wildcards.adapter)
    recipe = {key: recipe[key] for key in recipe if key not in ELSEWHERE_IN_RECIPE}
    decoded = config["models"][wildcards.model].get("clean_up_decoded", False)
    return json.dumps(recipe | {"clean_up_decoded": decoded}, sort_keys=True)


def tables_of_recipe(key):
    """Input function: tables of the tasks that a recipe names."""

    def tables(wildcards):
        named = of_recipe(key)(wildcards)
        names = [named] if isinstance(named, str) else named
        return expand("results/datasets/{task}.tsv", task=names)

    return tables


def representation_of_recipe(wildcards):
    """The prompt that an adapter is trained with."""
    name = of_recipe("representation")(wildcards)
    return f"results/representations/{wildcards.model}/{name}.json"


def tasks_of_selection(wildcards):
    """Tables of the suite that an adapter's checkpoint is chosen on."""
    suite = of_recipe("selection")(wildcards)["suite"]
    return expand("results/datasets/{task}.tsv", task=config["suites"][suite])


def source_of_adapter(wildcards):
    """Where a published adapter is, as JSON."""
    published = config["adapters"][wildcards.adapter]["published"]
    check_known([wildcards.model], published, f"adapters.{wildcards.adapter}.published")
    return json.dumps({"hub": published[wildcards.model]})


def of_training(key):
    """Input function: speed and place of training, the model's own if it has some."""

    def value(wildcards):
        own = config["models"][wildcards.model].get("training", {})
        return own.get(key, config["training"][key])

    return value


def threads_of_training(wildcards):
    """CPU threads of all processes of a training."""
    return config["training"]["threads"] * max(1, gpus_of_training(wildcards.model))


def launcher_of(wildcards):
    """How several processes are started, one for each GPU; nothing for one."""
    gpus = gpus_of_training(wildcards.model)
    if gpus < 2:
        return ""
    signals = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"
    return (
        f"-m torch.distributed.run --standalone --nproc-per-node {gpus}"
        f" --signals-to-handle {signals} --shutdown-timeout 300"
    )


# Keys of a recipe that are files or belong to the selection.
ELSEWHERE_IN_RECIPE = ("triplets", "left_out", "representation", "selection", "by_model")
