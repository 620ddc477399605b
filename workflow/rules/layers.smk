"""Layer choice: every layer's vectors on a development suite, a table and a figure of them."""


rule score_layers:
    """Score the states of every layer on a suite of STS tasks, from one pass of the model."""
    input:
        weights="results/models/{model}/manifest.json",
        adapter=adapter_of,
        representation="results/representations/{model}/{representation}.json",
        tasks=tasks_of,
    output:
        scores="results/layers/{model}/{adapter}/{precision}/{representation}/{suite}.tsv",
        about="results/layers/{model}/{adapter}/{precision}/{representation}/{suite}.json",
    log:
        "results/logs/score_layers/{model}/{adapter}/{precision}/{representation}/{suite}.log",
    benchmark:
        "results/benchmarks/score_layers/{model}/{adapter}/{precision}/{representation}/{suite}.tsv"
    conda:
        "../../envs/gpu.yaml"
    threads: config["embedding"]["threads"]
    resources:
        **requests_of_embedding(need_of_layers),
    params:
        bootstrap=json.dumps(config["sts"]["bootstrap"], sort_keys=True),
        protocol=PROTOCOL["score_layers"],
    shell:
        "HF_HUB_OFFLINE=1 python workflow/scripts/score_layers.py"
        " --weights {input.weights} --adapter {input.adapter} --precision {wildcards.precision}"
        " --representation {input.representation} --tasks {input.tasks}"
        " --bootstrap {params.bootstrap:q} --protocol {params.protocol}"
        " --compute engine={resources.engine} placement={resources.placement} threads={threads}"
        " gpus={resources.devices} max_tokens={resources.max_tokens}"
        " shard_sentences={resources.shard_sentences}"
        " --kept results/layers/{wildcards.model}/{wildcards.adapter}/{wildcards.precision}/"
        "{wildcards.representation}/.{wildcards.suite}"
        " --out {output.scores} --about {output.about} 2>&1 | tee {log}"


rule tabulate_layers:
    """The best layer of each encoder beside its last one."""
    localrule: True
    input:
        scores=scores_of_layers,
        code=code("tabulate_layers"),
    output:
        csv="results/tables/layers/{suite}.csv",
        markdown="results/tables/layers/{suite}.md",
        latex="results/tables/layers/{suite}.tex",
        page=report(
            "results/tables/layers/{suite}.html",
            caption="../report/layer_table.rst",
            category="Tables",
            labels={"table": "layers, {suite}"},
        ),
    log:
        "results/logs/tabulate_layers/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_layers/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        encoders=layered_on,
        training_sets=json.dumps(training_sets_of_run(), sort_keys=True),
    shell:
        "python workflow/scripts/tabulate_layers.py --scores {input.scores}"
        " --encoders {params.encoders} --suite {wildcards.suite}"
        " --training-sets {params.training_sets:q} --out {output} 2>&1 | tee {log}"


rule plot_layers:
    """Draw score against layer, a line for each encoder."""
    localrule: True
    input:
        scores=scores_of_layers,
        code=code("plot_layers"),
    output:
        svg=report(
            "results/figures/layers/{suite}.svg",
            caption="../report/layers.rst",
            category="Figures",
            labels={"figure": "{suite} by layer"},
        ),
        pdf="results/figures/layers/{suite}.pdf",
    log:
        "results/logs/plot_layers/{suite}.log",
    benchmark:
        "results/benchmarks/plot_layers/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        encoders=layered_on,
        style=json.dumps(config["figures"]["style"], sort_keys=True),
    shell:
        "python workflow/scripts/plot_layers.py --scores {input.scores}"
        " --encoders {params.encoders} --suite {wildcards.suite} --style {params.style:q}"
        " --out {output} 2>&1 | tee {log}"
