"""The search for a demonstration: every candidate on a development suite, then the choice."""


rule search_demonstrations:
    """Embed a development suite with each candidate of a shard, candidate by candidate."""
    input:
        weights="results/models/{model}/manifest.json",
        candidates=candidates_of,
        tasks=tasks_of_search,
    output:
        similarities=temp("results/demonstrations/{search}/{model}/shards/{shard}-of-{shards}.npy"),
    log:
        "results/logs/search_demonstrations/{search}/{model}/{shard}-of-{shards}.log",
    benchmark:
        "results/benchmarks/search_demonstrations/{search}/{model}/{shard}-of-{shards}.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: config["embedding"]["threads"]
    resources:
        **requests_of_embedding(need_of_search),
    params:
        precision=lambda wildcards: config["searches"][wildcards.search]["precision"],
        prompt=lambda wildcards: json.dumps(PROMPT_OF_SEARCH[wildcards.search], sort_keys=True),
        protocol=PROTOCOL["search_demonstrations"],
    shell:
        "HF_HUB_OFFLINE=1 python workflow/scripts/search_demonstrations.py --weights {input.weights}"
        " --precision {params.precision} --candidates {input.candidates} --tasks {input.tasks}"
        " --prompt {params.prompt:q} --protocol {params.protocol}"
        " --compute engine={resources.engine} placement={resources.placement} threads={threads}"
        " gpus={resources.devices} max_tokens={resources.max_tokens}"
        " shard_sentences={resources.shard_sentences}"
        " --shard {wildcards.shard} {wildcards.shards}"
        " --kept results/demonstrations/{wildcards.search}/{wildcards.model}/.candidates"
        " --out {output.similarities} 2>&1 | tee {log}"


rule choose_demonstration:
    """Choose the best candidate for a model."""
    localrule: True
    input:
        shards=shards_of,
        candidates=candidates_of,
        tasks=tasks_of_search,
    output:
        similarities="results/demonstrations/{search}/{model}/similarities.npy",
        zero_shot="results/demonstrations/{search}/{model}/zero_shot.npy",
        choice="results/demonstrations/{search}/{model}/choice.json",
    log:
        "results/logs/choose_demonstration/{search}/{model}.log",
    benchmark:
        "results/benchmarks/choose_demonstration/{search}/{model}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        settings=settings_of_choice,
    shell:
        "python workflow/scripts/choose_demonstration.py --shards {input.shards}"
        " --candidates {input.candidates} --tasks {input.tasks} --settings {params.settings:q}"
        " --similarities {output.similarities} --zero-shot {output.zero_shot}"
        " --choice {output.choice} 2>&1 | tee {log}"


rule score_demonstrations:
    """Score every candidate with its interval, and tell how sure the choice is."""
    localrule: True
    input:
        similarities="results/demonstrations/{search}/{model}/similarities.npy",
        candidates=candidates_of,
        tasks=tasks_of_search,
        code=code("score_demonstrations"),
    output:
        scores="results/demonstrations/{search}/{model}/scores.tsv",
    log:
        "results/logs/score_demonstrations/{search}/{model}.log",
    benchmark:
        "results/benchmarks/score_demonstrations/{search}/{model}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        bootstrap=json.dumps(config["sts"]["bootstrap"], sort_keys=True),
    shell:
        "python workflow/scripts/score_demonstrations.py --similarities {input.similarities}"
        " --candidates {input.candidates} --tasks {input.tasks}"
        " --bootstrap {params.bootstrap:q} --out {output.scores} 2>&1 | tee {log}"
