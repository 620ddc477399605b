"""Data sets: obtain, check, and turn each task into one tidy table."""


rule download_archive:
    """Fetch SentEval's data from the hub, where no mirror is set."""
    localrule: True
    output:
        folder=directory("results/datasets/senteval"),
    log:
        "results/logs/download_archive/senteval.log",
    benchmark:
        "results/benchmarks/download_archive/senteval.tsv"
    conda:
        "../../envs/cpu.yaml"
    resources:
        lock=config["data"]["lock"],
        download_mb=40,
    params:
        source=json.dumps(config["data"]["archive"]),
        protocol=PROTOCOL["download_archive"],
    shell:
        "python workflow/scripts/download_archive.py --source {params.source:q}"
        " --lock {resources.lock:q} --out {output.folder} 2>&1 | tee {log}"


rule download_triplets:
    """Fetch SimCSE's triplets from the hub, where no mirror is set."""
    localrule: True
    output:
        csv="results/datasets/nli/nli_for_simcse.csv",
    log:
        "results/logs/download_triplets/nli.log",
    benchmark:
        "results/benchmarks/download_triplets/nli.tsv"
    conda:
        "../../envs/cpu.yaml"
    resources:
        lock=config["data"]["training_lock"],
        download_mb=55,
    params:
        source=json.dumps(config["data"]["training"]),
        protocol=PROTOCOL["download_triplets"],
    shell:
        "python workflow/scripts/download_triplets.py --source {params.source:q}"
        " --lock {resources.lock:q} --out {output.csv} 2>&1 | tee {log}"


rule normalise_task:
    """Turn the files of one task into one tidy table, checked row by row."""
    localrule: True
    input:
        files=files_of_task,
    output:
        table="results/datasets/{task}.tsv",
        about="results/datasets/{task}.json",
    log:
        "results/logs/normalise_task/{task}.log",
    benchmark:
        "results/benchmarks/normalise_task/{task}.tsv"
    conda:
        "../../envs/cpu.yaml"
    resources:
        root=root_of_task,
    params:
        # The task's own rows, not the register: a new task there reruns no other.
        sources=lambda wildcards: json.dumps(sources_of(wildcards.task)),
        protocol=PROTOCOL["normalise_task"],
    shell:
        "python workflow/scripts/normalise_task.py --sources {params.sources:q}"
        " --root {resources.root:q} --out {output.table} --about {output.about} 2>&1 | tee {log}"


rule list_sentences:
    """List the distinct sentences of a suite of tasks, one a line."""
    localrule: True
    input:
        tasks=tasks_of,
    output:
        sentences="results/sentences/{suite}.txt",
    log:
        "results/logs/list_sentences/{suite}.log",
    benchmark:
        "results/benchmarks/list_sentences/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        protocol=PROTOCOL["list_sentences"],
    shell:
        "python workflow/scripts/list_sentences.py --tasks {input.tasks} --out {output.sentences} 2>&1 | tee {log}"
