"""The result in use: an encoder as a folder for other programs. Not part of the rule all."""


rule export_encoder:
    """Write an encoder as a folder that sentence-transformers loads, with a model card."""
    input:
        weights=weights_of_export,
        adapter=adapter_of,
        representation="results/representations/{model}/{representation}.json",
        scores=scores_of_encoder,
    output:
        folder=directory("results/exports/{model}/{adapter}/{representation}/{weights}"),
    log:
        "results/logs/export_encoder/{model}/{adapter}/{representation}/{weights}.log",
    benchmark:
        "results/benchmarks/export_encoder/{model}/{adapter}/{representation}/{weights}.tsv"
    wildcard_constraints:
        # Any name: one that is not known is then named.
        model="[^/]+",
        adapter="[^/]+",
        representation="[^/]+",
        weights="merged|adapter",
    conda:
        "../../envs/gpu.yaml"
    threads: config["embedding"]["threads"]
    resources:
        **requests(need_of_merging, own),
    params:
        names=names_of_encoder,
    shell:
        "HF_HUB_OFFLINE=1 python workflow/scripts/export_encoder.py --weights {input.weights}"
        " --adapter {input.adapter} --representation {input.representation}"
        " --scores {input.scores} --names {params.names:q} --out {output.folder}"
        " 2>&1 | tee {log}"
