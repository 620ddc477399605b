"""Sentence embeddings: one job for each model, adapter, precision, representation and suite."""


rule fill_representation:
    """Write a representation with its demonstrations filled in."""
    localrule: True
    input:
        choice=choice_for,
        table=list_for,
    output:
        representation="results/representations/{model}/{representation}.json",
    log:
        "results/logs/fill_representation/{model}/{representation}.log",
    benchmark:
        "results/benchmarks/fill_representation/{model}/{representation}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        prompt=lambda wildcards: json.dumps(prompt_of(wildcards.representation), sort_keys=True),
        lines=lines_for,
        best=best_for,
        protocol=PROTOCOL["fill_representation"],
    shell:
        "python workflow/scripts/fill_representation.py --prompt {params.prompt:q}"
        " --choice {input.choice} --best {params.best} --list {input.table}"
        " --lines {params.lines} --out {output.representation} 2>&1 | tee {log}"


rule embed_sentences:
    """Embed each distinct sentence of a suite of tasks with one frozen model."""
    input:
        sentences="results/sentences/{suite}.txt",
        representation="results/representations/{model}/{representation}.json",
        weights="results/models/{model}/manifest.json",
        adapter=adapter_of,
    output:
        vectors="results/embeddings/{model}/{adapter}/{precision}/{representation}/{suite}.npy",
        about="results/embeddings/{model}/{adapter}/{precision}/{representation}/{suite}.json",
    log:
        "results/logs/embed_sentences/{model}/{adapter}/{precision}/{representation}/{suite}.log",
    benchmark:
        "results/benchmarks/embed_sentences/{model}/{adapter}/{precision}/{representation}/{suite}.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: config["embedding"]["threads"]
    resources:
        **requests_of_embedding(need_of_embedding),
    params:
        protocol=PROTOCOL["embed_sentences"],
    shell:
        "HF_HUB_OFFLINE=1 python workflow/scripts/embed_sentences.py"
        " --weights {input.weights} --adapter {input.adapter} --precision {wildcards.precision}"
        " --sentences {input.sentences} --representation {input.representation}"
        " --protocol {params.protocol} --compute engine={resources.engine}"
        " placement={resources.placement} threads={threads} gpus={resources.devices}"
        " max_tokens={resources.max_tokens} shard_sentences={resources.shard_sentences}"
        " --out {output.vectors} --about {output.about} 2>&1 | tee {log}"
