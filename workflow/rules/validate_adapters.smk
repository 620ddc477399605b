"""Checks of adapters: what is trained, what is published, and what a run asks of them."""


def recipe_for(model, adapter):
    """The recipe of an adapter with what is different for a model in it."""
    recipe = config["adapters"][adapter]["recipe"]
    return recipe | recipe["by_model"].get(model, {})


def trainings_asked_for():
    """(model, adapter, recipe) of each adapter that the run trains; the model's own values in it."""
    found = []
    for _, grid in grids():
        for model, adapter in product(grid["models"], grid["adapters"]):
            if "recipe" in config["adapters"].get(adapter, {}):
                found.append((model, adapter, recipe_for(model, adapter)))
    return found


def check_adapters_of_run():
    """Each adapter is `none` or in the catalogue; a published one is there for each model."""
    for name, grid in grids():
        check_known(grid["adapters"], ["none", *config["adapters"]], f"{name}.adapters")
        for model, adapter in product(grid["models"], grid["adapters"]):
            published = config["adapters"].get(adapter, {}).get("published", {model: None})
            if model not in published:
                raise WorkflowError(
                    f"{name} has {model} with adapters.{adapter}, which is published for"
                    f" {', '.join(published)} only"
                )


def check_recipes():
    """A recipe names triplets, tasks to leave out, a bare prompt and a suite of STS tasks."""
    designs = {row["task"]: row["design"] for row in SOURCES}
    trained = {task for task in designs if designs[task] == "triplets"}
    for name, source in config["adapters"].items():
        check_known(source.get("published", []), config["models"], f"adapters.{name}.published")
        if "recipe" in source:
            recipe, key = source["recipe"], f"adapters.{name}.recipe"
            check_known([recipe["triplets"]], trained, f"{key}.triplets")
            check_known(recipe["left_out"], designs.keys() - trained, f"{key}.left_out")
            check_known(recipe["by_model"], config["models"], f"{key}.by_model")
            check_representation_of(recipe, key)
            suite = recipe["selection"]["suite"]
            check_known([suite], config["suites"], f"{key}.selection.suite")
            if any(designs[task] != "similarity" for task in config["suites"][suite]):
                raise WorkflowError(f"{key}.selection.suite is {suite!r}, not one of STS tasks")


def check_representation_of(recipe, key):
    """A recipe's representation exists, has no demonstration, and takes states of the text."""
    name = recipe["representation"]
    check_known([name], config["representations"], f"{key}.representation")
    entry = config["representations"][name]
    if "shot" in entry:
        raise WorkflowError(
            f"{key}.representation is {name!r}, which has demonstrations; training has none"
        )
    if len(templates_of(name)) > 1:
        raise WorkflowError(
            f"{key}.representation is {name!r}, the mean of {len(templates_of(name))} templates;"
            " training has one"
        )
    if entry["pooling"] not in ("last", "mean"):
        raise WorkflowError(
            f"{key}.representation is {name!r} with pooling {entry['pooling']}; training is for"
            " models that attend to one side: last or mean"
        )


def check_trainings():
    """The data of what the run trains are somewhere."""
    for _, _, recipe in trainings_asked_for():
        suite = config["suites"][recipe["selection"]["suite"]]
        for task in [recipe["triplets"], *recipe["left_out"], *suite]:
            check_mirrored(task)


check_adapters_of_run()
check_recipes()
check_trainings()
