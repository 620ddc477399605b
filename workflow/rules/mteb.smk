"""Scores by the conventions of the mteb library. Not part of the rule all."""


rule export_mteb:
    """Score an encoder's stored vectors as mteb does, in the files of its results."""
    localrule: True
    input:
        pairs=tables_for_mteb,
        sentences="results/sentences/{suite}.txt",
        vectors="results/embeddings/{model}/{adapter}/{precision}/{representation}/{suite}.npy",
        about="results/embeddings/{model}/{adapter}/{precision}/{representation}/{suite}.json",
        weights="results/models/{model}/manifest.json",
        adapter=adapter_of,
        representation="results/representations/{model}/{representation}.json",
        tasks=MTEB_TASKS,
        code=code("export_mteb"),
    output:
        # As mteb names a model, and wants its results in a folder of that name.
        folder=directory(
            "results/mteb/{suite}/results/"
            "sentscale__{model}_{adapter}_{precision}_{representation}_stored"
        ),
    log:
        "results/logs/export_mteb/{model}/{adapter}/{precision}/{representation}/{suite}.log",
    benchmark:
        "results/benchmarks/export_mteb/{model}/{adapter}/{precision}/{representation}/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        facts=facts_for_mteb,
    shell:
        "python workflow/scripts/export_mteb.py --pairs {input.pairs}"
        " --sentences {input.sentences} --vectors {input.vectors} --about {input.about}"
        " --made-from {input.weights} {input.representation} {input.adapter}"
        " --tasks {input.tasks} --encoder {wildcards.model} {wildcards.adapter}"
        " {wildcards.precision} {wildcards.representation} --facts {params.facts:q}"
        " --out {output.folder} 2>&1 | tee {log}"


rule mteb:
    """Results in the form of mteb for every encoder of the run."""
    localrule: True
    input:
        mteb_of_run,
