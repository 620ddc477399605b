"""Lists of candidate demonstrations, made or obtained; each of one kind of config.yaml."""


rule collect_demonstrations:
    """Obtain a list that no language model is needed for; sort out what cannot be one."""
    localrule: True
    input:
        files=files_of_list,
        stop_words="workflow/resources/stop_words.txt",
    output:
        table="results/demonstrations/{candidates}.tsv",
        rejected="results/demonstrations/rejected/{candidates}.tsv",
    wildcard_constraints:
        candidates=lists_of("file", "published", "dictionary", "examples", "combined"),
    log:
        "results/logs/collect_demonstrations/{candidates}.log",
    benchmark:
        "results/benchmarks/collect_demonstrations/{candidates}.tsv"
    conda:
        "../../envs/cpu.yaml"
    resources:
        mirror=config["data"]["mirror"] or "",
    params:
        source=lambda wildcards: json.dumps(config["demonstrations"][wildcards.candidates]),
        protocol=PROTOCOL["collect_demonstrations"],
    shell:
        "python workflow/scripts/collect_demonstrations.py --source {params.source:q}"
        " --files {input.files:q} --mirror {resources.mirror:q} --stop-words {input.stop_words}"
        " --out {output.table} --rejected {output.rejected} 2>&1 | tee {log}"


rule label_sentences:
    """Sample sentences of a task, and take a word for each from a local language model."""
    input:
        weights=lambda wildcards: f"results/models/{of_list('model')(wildcards)}/manifest.json",
        task=lambda wildcards: f"results/datasets/{of_list('task')(wildcards)}.tsv",
        stop_words="workflow/resources/stop_words.txt",
    output:
        table="results/demonstrations/{candidates}.tsv",
        rejected="results/demonstrations/rejected/{candidates}.tsv",
    wildcard_constraints:
        candidates=lists_of("local"),
    log:
        "results/logs/label_sentences/{candidates}.log",
    benchmark:
        "results/benchmarks/label_sentences/{candidates}.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: config["embedding"]["threads"]
    resources:
        **requests_of_model(need_of_labels, own_of_label),
    params:
        settings=lambda wildcards: json.dumps(
            config["demonstrations"][wildcards.candidates]["local"]
        ),
        protocol=PROTOCOL["label_sentences"],
    shell:
        "HF_HUB_OFFLINE=1 python workflow/scripts/label_sentences.py --weights {input.weights}"
        " --task {input.task} --settings {params.settings:q} --stop-words {input.stop_words}"
        " --threads {threads} --gpus {resources.devices}"
        " --out {output.table} --rejected {output.rejected} 2>&1 | tee {log}"


rule ask_labels:
    """Sample sentences of a task, and ask a chat model's endpoint for a word for each."""
    input:
        task=lambda wildcards: f"results/datasets/{of_list('task')(wildcards)}.tsv",
        stop_words="workflow/resources/stop_words.txt",
    output:
        table="results/demonstrations/{candidates}.tsv",
        rejected="results/demonstrations/rejected/{candidates}.tsv",
    wildcard_constraints:
        candidates=lists_of("llm"),
    log:
        "results/logs/ask_labels/{candidates}.log",
    benchmark:
        "results/benchmarks/ask_labels/{candidates}.tsv"
    conda:
        "../../envs/cpu.yaml"
    localrule: True  # compute nodes of many clusters reach no endpoint
    resources:
        patience=json.dumps(config["chat"]),
    params:
        settings=lambda wildcards: json.dumps(config["demonstrations"][wildcards.candidates]["llm"]),
        protocol=PROTOCOL["ask_labels"],
    shell:
        "python workflow/scripts/ask_labels.py --task {input.task}"
        " --settings {params.settings:q} --stop-words {input.stop_words}"
        " --responses results/demonstrations/.responses --patience {resources.patience:q}"
        " --out {output.table} --rejected {output.rejected} 2>&1 | tee {log}"
