"""In-context demonstrations: candidates, and the search that chooses one per model."""


rule collect_demonstrations:
    """Obtain a list of candidate demonstrations and check it."""
    localrule: True
    input:
        file=lambda wildcards: config["demonstrations"][wildcards.candidates].get("file", []),
    output:
        table="results/demonstrations/{candidates}.tsv",
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
        " --mirror {resources.mirror:q} --out {output.table} 2>&1 | tee {log}"


rule search_demonstrations:
    """Score every candidate on a development suite and choose the best for a model."""
    input:
        weights="results/models/{model}/manifest.json",
        candidates=lambda wildcards: "results/demonstrations/{}.tsv".format(
            config["searches"][wildcards.search]["candidates"]
        ),
        tasks=tasks_of_search,
    output:
        scores="results/demonstrations/{search}/{model}/scores.tsv",
        choice="results/demonstrations/{search}/{model}/choice.json",
    log:
        "results/logs/search_demonstrations/{search}/{model}.log",
    benchmark:
        "results/benchmarks/search_demonstrations/{search}/{model}.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: config["embedding"]["threads"]
    resources:
        gpu=of_model("gpus"),
        mem_mb=of_model("mem_mb"),
        runtime=of_model("runtime_min"),
        engine=config["embedding"]["engine"],
        placement=placement_of,
        max_tokens=config["embedding"]["max_tokens"],
        shard_sentences=config["embedding"]["shard_sentences"],
    params:
        precision=lambda wildcards: config["searches"][wildcards.search]["precision"],
        entry=lambda wildcards: json.dumps(PROMPT_OF_SEARCH[wildcards.search]),
        protocol=PROTOCOL["search_demonstrations"],
    shell:
        "python workflow/scripts/search_demonstrations.py --weights {input.weights}"
        " --precision {params.precision} --candidates {input.candidates} --tasks {input.tasks}"
        " --entry {params.entry:q} --compute engine={resources.engine}"
        " placement={resources.placement} threads={threads} gpus={resources.gpu}"
        " max_tokens={resources.max_tokens} shard_sentences={resources.shard_sentences}"
        " --scores {output.scores} --choice {output.choice} 2>&1 | tee {log}"
