"""Input functions of demonstrations, and of the representations that hold them."""


def choice_for(wildcards):
    """Choice of the search that a representation names; nothing without one."""
    search = search_of(wildcards.representation)
    return f"results/demonstrations/{search}/{wildcards.model}/choice.json" if search else []


def list_for(wildcards):
    """List of demonstrations that a representation names; nothing without one."""
    name = list_of(wildcards.representation)
    return f"results/demonstrations/{name}.tsv" if name else []


def lines_for(wildcards):
    """Rows that a representation takes of its list."""
    listed = list_of(wildcards.representation)
    return lines_of(wildcards.representation, wildcards.model) if listed else []


def best_for(wildcards):
    """How many of a search's best a representation takes; nothing without one."""
    demonstration = config["representations"][wildcards.representation]["demonstration"]
    if isinstance(demonstration, str):
        return 1
    return demonstration.get("best", []) if demonstration else []


def files_of_list(wildcards):
    """Tables that a list of demonstrations is made from."""
    kind, entry = next(iter(config["demonstrations"][wildcards.candidates].items()))
    if kind == "file":
        return entry
    if kind == "examples":
        return f"results/datasets/{entry['task']}.tsv"
    return [f"results/demonstrations/{name}.tsv" for name in parts_of(wildcards.candidates)]


def of_list(key):
    """Input function: a field of the wildcard's list of demonstrations."""

    def field(wildcards):
        return next(iter(config["demonstrations"][wildcards.candidates].values()))[key]

    return field


def candidates_of(wildcards):
    """Table of a search's candidates."""
    return f"results/demonstrations/{config['searches'][wildcards.search]['candidates']}.tsv"


def shards_of(wildcards):
    """Similarities of the parts of a search, first to last.

    A search that is done keeps its number of parts: another number reruns nothing.
    """
    folder = f"results/demonstrations/{wildcards.search}/{wildcards.model}"
    choice = Path(folder, "choice.json")
    shards = config["searches"][wildcards.search]["shards"]
    if choice.exists():
        shards = json.loads(choice.read_text(encoding="utf-8")).get("shards", shards)
    return [f"{folder}/shards/{shard}-of-{shards}.npy" for shard in range(1, shards + 1)]


def settings_of_choice(wildcards):
    """Everything but files that a choice depends on, as JSON."""
    return json.dumps(
        {
            "prompt": PROMPT_OF_SEARCH[wildcards.search],
            "precision": config["searches"][wildcards.search]["precision"],
            "protocol": PROTOCOL["choose_demonstration"],
        },
        sort_keys=True,
    )


def tasks_of_search(wildcards):
    """Tables of a search's development suite."""
    suite = config["searches"][wildcards.search]["suite"]
    return expand("results/datasets/{task}.tsv", task=config["suites"][suite])
