"""What jobs need: functions from wildcards to a Need of sizing.py."""


def sentences_of(tasks):
    """Distinct sentences of some tasks, about: 0.7 of the STS tasks', 0.9 of the others'."""
    count = 0
    for row in SOURCES:
        if row["task"] in tasks:
            sides = 2 if row["design"] == "similarity" or row["layout"] == "mrpc" else 1
            count += int(row["rows"]) * sides
    return max(1, count * 8 // 10)


def triplets_of(recipe):
    """How many triplets a recipe trains on, before any is left out."""
    return recipe["rows"] or sum(int(row["rows"]) for row in sources_of(recipe["triplets"]))


def candidates_in(name):
    """Rows of a list of demonstrations, about: 300 are published, 201 of them definitions."""
    kind, entry = next(iter(config["demonstrations"][name].items()))
    if kind == "combined":
        return -(-sum(map(candidates_in, entry["lists"])) // entry["every"])
    if kind == "file":
        return len(Path(entry).read_bytes().splitlines()) if Path(entry).is_file() else 300
    return entry.get("rows", 300)


def size_of(model):
    """Size of a model of the catalogue."""
    entry = config["models"][model]
    return sizing.size_of(entry["parameters"], entry.get("layers"), entry.get("width"))


def placed(model, precision):
    """Placement, number of GPUs and memory on each, in GB, of a model that embeds."""
    entry = config["models"][model]
    wish = entry.get("placement", config["embedding"]["placement"])
    gpus = entry.get("gpus")
    return sizing.place(MACHINE, size_of(model), precision, wish, max_tokens_on(1), gpus)


def gpus_of_training(model):
    """Processes that train a model, one for each GPU; 0 trains on the CPU."""
    entry = config["models"][model]
    wish = entry.get("training", {}).get("gpus", entry.get("gpus"))
    return wish if wish is not None else int(MACHINE["gpu"] is not None)


def need_to_embed(model, precision, prompts, kept=0, passes=1):
    """Need of a job that embeds so many prompts with a model."""
    return sizing.embedding(
        MACHINE,
        size_of(model),
        precision,
        placed(model, precision),
        config["embedding"]["threads"],
        prompts,
        kept,
        passes,
    )


def copies_of(representation):
    """How often a representation has a model read a sentence."""
    return sum(template.count("{text}") for template in templates_of(representation))


def need_of_embedding(wildcards):
    """Need of embed_sentences."""
    sentences = sentences_of(config["suites"][wildcards.suite])
    prompts = sentences * copies_of(wildcards.representation)
    return need_to_embed(wildcards.model, wildcards.precision, prompts, sentences)


def need_of_layers(wildcards):
    """Need of score_layers; the vectors of all layers are in memory together, three times."""
    need = need_of_embedding(wildcards)
    copies = size_of(wildcards.model).layers * len(templates_of(wildcards.representation))
    vectors = need.stored_gb * copies
    return replace(need, memory_gb=need.memory_gb + 3 * vectors, stored_gb=0.0)


def need_of_search(wildcards):
    """Need of a shard of search_demonstrations."""
    search = config["searches"][wildcards.search]
    passes = -(-(candidates_in(search["candidates"]) + 1) // int(wildcards.shards))
    prompts = passes * sentences_of(config["suites"][search["suite"]])
    return need_to_embed(wildcards.model, search["precision"], prompts, passes=passes)


def need_of_choice(wildcards):
    """Need of choose_checkpoint."""
    recipe = recipe_for(wildcards.model, wildcards.adapter)
    passes = 1 + sizing.candidates(recipe, triplets_of(recipe))
    prompts = passes * sentences_of(config["suites"][recipe["selection"]["suite"]])
    precision = recipe["selection"]["precision"]
    return need_to_embed(wildcards.model, precision, prompts, passes=passes)


def need_of_training(wildcards):
    """Need of train_adapter."""
    recipe = recipe_for(wildcards.model, wildcards.adapter)
    return sizing.training(
        MACHINE,
        size_of(wildcards.model),
        recipe,
        triplets_of(recipe),
        gpus_of_training(wildcards.model),
        config["training"]["threads"],
        of_training("kept_rows")(wildcards),
        of_training("activations")(wildcards),
    )


def need_of_labels(wildcards):
    """Need of label_sentences; the whole model is on one device, with its head."""
    entry = config["demonstrations"][wildcards.candidates]["local"]
    size, most = size_of(entry["model"]), max_tokens_on(1)
    gpus = min(1, placed(entry["model"], entry["precision"])[1])
    where = sizing.place(MACHINE, size, entry["precision"], "resident", most, gpus)
    threads = config["embedding"]["threads"]
    return sizing.embedding(MACHINE, size, entry["precision"], where, threads, entry["rows"], 0)


def need_of_transfer(wildcards):
    """Need of score_transfer."""
    rows = sum(int(row["rows"]) for row in sources_of(wildcards.task))
    gpus, threads = config["transfer"]["gpus"], config["transfer"]["threads"]
    return sizing.classifying(size_of(wildcards.model), rows, gpus, threads)


def need_of_merging(wildcards):
    """Need of dequantise_model and export_encoder: all weights in float32 and once more."""
    return sizing.merging(MACHINE, config["models"][wildcards.model]["parameters"])
