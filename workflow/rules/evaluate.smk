"""Scores: from vectors to one JSON file for each encoder and task."""


rule score_sts:
    """Score one encoder's embeddings on one STS task, with bootstrap intervals."""
    localrule: True
    input:
        pairs="results/datasets/{task}.tsv",
        sentences=lambda wildcards: f"results/sentences/{suite_of(wildcards.task)}.txt",
        vectors=vectors_of_task("npy"),
        about=vectors_of_task("json"),
        weights="results/models/{model}/manifest.json",
        adapter=adapter_of,
        representation="results/representations/{model}/{representation}.json",
        code=code("score_sts"),
    output:
        score="results/scores/sts/{model}/{adapter}/{precision}/{representation}/{task}.json",
        similarities="results/scores/sts/{model}/{adapter}/{precision}/{representation}/{task}.npy",
    log:
        "results/logs/score_sts/{model}/{adapter}/{precision}/{representation}/{task}.log",
    benchmark:
        "results/benchmarks/score_sts/{model}/{adapter}/{precision}/{representation}/{task}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        bootstrap=json.dumps(config["sts"]["bootstrap"]),
    shell:
        "python workflow/scripts/score_sts.py --pairs {input.pairs} --sentences {input.sentences}"
        " --vectors {input.vectors} --about {input.about}"
        " --made-from {input.weights} {input.representation} {input.adapter} --bootstrap {params.bootstrap:q}"
        " --encoder {wildcards.model} {wildcards.adapter} {wildcards.precision}"
        " {wildcards.representation} --task {wildcards.task}"
        " --out {output.score} --similarities {output.similarities} 2>&1 | tee {log}"


rule score_transfer:
    """Score one encoder's embeddings on one transfer task with a linear classifier."""
    input:
        samples="results/datasets/{task}.tsv",
        sentences=lambda wildcards: f"results/sentences/{suite_of(wildcards.task)}.txt",
        vectors=vectors_of_task("npy"),
        about=vectors_of_task("json"),
        weights="results/models/{model}/manifest.json",
        adapter=adapter_of,
        representation="results/representations/{model}/{representation}.json",
    output:
        score="results/scores/{scorer}/{model}/{adapter}/{precision}/{representation}/{task}.json",
        predictions="results/scores/{scorer}/{model}/{adapter}/{precision}/{representation}/{task}.npy",
    log:
        "results/logs/score_transfer/{scorer}/{model}/{adapter}/{precision}/{representation}/{task}.log",
    benchmark:
        "results/benchmarks/score_transfer/{scorer}/{model}/{adapter}/{precision}/{representation}/{task}.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: config["transfer"]["threads"]
    resources:
        **requests(need_of_transfer, nothing),
    params:
        design=lambda wildcards: design_of(wildcards.task),
        settings=settings_of_classifier,
    shell:
        "HF_HUB_OFFLINE=1 python workflow/scripts/score_transfer.py --samples {input.samples}"
        " --sentences {input.sentences} --vectors {input.vectors} --about {input.about}"
        " --made-from {input.weights} {input.representation} {input.adapter}"
        " --encoder {wildcards.model} {wildcards.adapter} {wildcards.precision}"
        " {wildcards.representation} --task {wildcards.task} --design {params.design}"
        " --settings {params.settings:q} --threads {threads} --gpus {resources.devices}"
        " --out {output.score} --predictions {output.predictions} 2>&1 | tee {log}"


rule collect_scores:
    """Gather every score of the run in one tidy table."""
    localrule: True
    input:
        scores=scores_of_run,
        code=code("collect_scores"),
    output:
        table="results/tables/scores.csv",
        page=report(
            "results/tables/scores.html",
            caption="../report/scores.rst",
            category="Tables",
            labels={"table": "every score, tidy"},
        ),
    log:
        "results/logs/collect_scores/scores.log",
    benchmark:
        "results/benchmarks/collect_scores/scores.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        # Not the paths of the inputs: for the paper's grid they outgrow a command line.
        encoders=["/".join(cell) for cell in ENCODERS],
        suites=json.dumps(config["suites"], sort_keys=True),
        scorers=json.dumps({suite: scorers_of(suite) for suite in suites_of_run()}, sort_keys=True),
    shell:
        "python workflow/scripts/collect_scores.py --scores results/scores"
        " --encoders {params.encoders} --suites {params.suites:q} --scorers {params.scorers:q}"
        " --out {output.table} --page {output.page} 2>&1 | tee {log}"
