"""Checks of representations, searches and lists of demonstrations."""

from sentscale.prompts import ANY_SLOT, fault_of


def search_of(representation):
    """The search that a representation takes its demonstrations from, or None."""
    demonstration = config["representations"][representation]["demonstration"]
    if isinstance(demonstration, dict):
        return demonstration.get("search")
    return demonstration


def list_of(representation):
    """The list that a representation takes its demonstrations from, or None."""
    demonstration = config["representations"][representation]["demonstration"]
    return demonstration.get("list") if isinstance(demonstration, dict) else None


def lines_of(representation, model):
    """Rows of the list that a representation takes for a model, from 1; None if it has none."""
    lines = config["representations"][representation]["demonstration"]["lines"]
    return lines.get(model) if isinstance(lines, dict) else lines


def prompt_of(representation):
    """What a representation is without its demonstrations."""
    entry = config["representations"][representation]
    return {key: value for key, value in entry.items() if key != "demonstration"}


def parts_of(name):
    """Lists that a list of demonstrations is combined from."""
    return config["demonstrations"][name].get("combined", {"lists": []})["lists"]


def check_representations():
    """Slots and shots fit the demonstration; a search has one prompt to try candidates in."""
    prompts = {}
    for name, entry in config["representations"].items():
        check_templates(name)
        if (entry["demonstration"] is None) != ("shot" not in entry):
            raise WorkflowError(
                f"representations.{name}: a shot needs a demonstration, and a demonstration a"
                f" shot; demonstration is {entry['demonstration']!r}"
            )
        if "shot" in entry:
            check_slots(f"representations.{name}.shot", entry["shot"], ["demo", "word"])
        key = f"representations.{name}.demonstration"
        search, listed = search_of(name), list_of(name)
        if listed:
            check_known([listed], config["demonstrations"], key)
            lines = entry["demonstration"]["lines"]
            check_known(lines if isinstance(lines, dict) else [], config["models"], f"{key}.lines")
        if search:
            check_known([search], config["searches"], key)
            if prompts.setdefault(search, prompt_of(name)) != prompt_of(name):
                raise WorkflowError(
                    f"representations.{name}: search {search!r} serves another prompt"
                )
    for where, grid in grids():
        for name, model in product(grid["representations"], grid["models"]):
            if list_of(name) and lines_of(name, model) is None:
                raise WorkflowError(
                    f"{where}: representations.{name}.demonstration.lines has none for"
                    f" model {model}"
                )
    return prompts


def check_reference():
    """What other representations are compared with has no demonstrations."""
    name = config["comparisons"]["reference"]
    if "shot" in config["representations"][name]:
        raise WorkflowError(f"comparisons.reference is {name!r}, which has demonstrations")


def templates_of(representation):
    """The templates of a representation, one or several."""
    template = config["representations"][representation]["template"]
    return [template] if isinstance(template, str) else template


def check_templates(representation):
    """Each template has the slot of the text as its pooling needs it, and no other."""
    pooling = config["representations"][representation]["pooling"]
    for template in templates_of(representation):
        if fault := fault_of(template, pooling, ANY_SLOT):
            raise WorkflowError(
                f"representations.{representation}.template needs {fault}: {template!r}"
            )


def check_slots(key, text, expected):
    """Stop if a text has other slots than these, each once."""
    slots = sorted(ANY_SLOT.findall(text))
    if slots != expected:
        raise WorkflowError(
            f"{key} needs the slots {expected}, each once; it has {slots}: {text!r}"
        )


def check_searches():
    """A search has a list that exists, a suite of STS tasks and a representation it serves."""
    for name, search in config["searches"].items():
        check_known([search["candidates"]], config["demonstrations"], f"searches.{name}.candidates")
        check_known([search["suite"]], config["suites"], f"searches.{name}.suite")
        if name not in PROMPT_OF_SEARCH:
            raise WorkflowError(f"searches.{name} serves no representation, so it has no prompt")
        if any(
            row["suite"] == search["suite"] and row["design"] != "similarity" for row in SOURCES
        ):
            raise WorkflowError(
                f"searches.{name}.suite is {search['suite']!r}, not one of STS tasks"
            )


def check_demonstrations():
    """Lists name tasks, models and lists that exist, and no list is made of itself."""
    pairs = {row["task"] for row in SOURCES if row["design"] == "similarity"}
    samples = {row["task"] for row in SOURCES if row["design"] in ("nested", "folds", "dev")}
    for name, source in config["demonstrations"].items():
        kind, entry = next(iter(source.items()))
        key = f"demonstrations.{name}.{kind}"
        if kind in ("local", "llm"):
            check_known([entry["task"]], pairs, f"{key}.task")
            check_slots(f"{key}.prompt", entry["prompt"], ["text"])
        if kind == "local":
            check_known([entry["model"]], config["models"], f"{key}.model")
        if kind == "examples":
            check_known([entry["task"]], samples, f"{key}.task")
        if kind == "combined":
            check_known(entry["lists"], config["demonstrations"], f"{key}.lists")
    for name in config["demonstrations"]:
        check_not_within_itself(name)


def check_not_within_itself(name, above=()):
    """Stop if a combined list is a part of itself."""
    if name in above:
        raise WorkflowError(f"demonstrations.{name}.combined.lists: {name} is a part of itself")
    for one in parts_of(name):
        check_not_within_itself(one, (*above, name))


PROMPT_OF_SEARCH = check_representations()
check_reference()
check_searches()
check_demonstrations()
