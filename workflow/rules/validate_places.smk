"""Checks of places: every model that computes fits its placement, its engine and its precision."""


def embeddings_asked_for():
    """(model, precision, key of config.yaml) of all that the run embeds."""
    found = {}
    for name, grid in grids():
        searches = list(filter(None, map(search_of, grid["representations"])))
        for model, adapter in product(grid["models"], grid["adapters"]):
            found |= {(model, precision, name): None for precision in grid["precisions"]}
            for search in searches:
                key = f"searches.{search}"
                found[model, config["searches"][search]["precision"], key] = None
            if recipe := config["adapters"].get(adapter, {}).get("recipe"):
                key = f"adapters.{adapter}.recipe.selection.precision"
                found[model, recipe["selection"]["precision"], key] = None
    for name, source in config["demonstrations"].items():
        if entry := source.get("local"):
            found[entry["model"], entry["precision"], f"demonstrations.{name}.local"] = None
    return list(found)


def check_gpus():
    """No model asks for GPUs that the machine does not have."""
    for name, model in config["models"].items():
        for key, entry in (("gpus", model), ("training.gpus", model.get("training", {}))):
            if entry.get("gpus") and MACHINE["gpu"] is None:
                raise WorkflowError(
                    f"models.{name}.{key} is {entry['gpus']}, but {PATH_OF_MACHINE} has no gpu"
                )


def check_device(model, precision, gpus, key):
    """Stop if a model would compute in float16 on a CPU."""
    if precision == "fp16" and not gpus:
        raise WorkflowError(
            f"{key} has {model} in fp16, but gpus is 0 for it: a CPU has no float16 products;"
            " use bf16 or fp32, or say in machine.yaml which GPUs there are"
        )


def check_places():
    """Each model of the run fits its placement, its engine and the precisions it runs in."""
    for model, precision, key in embeddings_asked_for():
        placement, gpus, _ = placed(model, precision)
        check_device(model, precision, gpus, key)
        if placement == "resident" and gpus > 1:
            raise WorkflowError(
                f"models.{model}: placement resident uses one GPU, gpus is {gpus}; use split or auto"
            )
        if placement != "resident" and config["embedding"]["engine"] == "plain":
            raise WorkflowError(
                f"models.{model}: placement {placement} needs embedding.engine fast, not plain"
            )
    for model, adapter, recipe in trainings_asked_for():
        key = f"adapters.{adapter}.recipe.compute"
        check_device(model, recipe["compute"], gpus_of_training(model), key)


check_gpus()
check_places()
