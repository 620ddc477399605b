"""How vectors lie: anisotropy, spectrum, alignment and uniformity of each encoder."""


rule measure_geometry:
    """Measure how the vectors of one encoder lie."""
    localrule: True
    input:
        pairs=tasks_of,
        sentences="results/sentences/{suite}.txt",
        vectors="results/embeddings/{model}/{adapter}/{precision}/{representation}/{suite}.npy",
        about="results/embeddings/{model}/{adapter}/{precision}/{representation}/{suite}.json",
        weights="results/models/{model}/manifest.json",
        adapter=adapter_of,
        representation="results/representations/{model}/{representation}.json",
        code=code("measure_geometry"),
    output:
        measures="results/geometry/{model}/{adapter}/{precision}/{representation}/{suite}.json",
    log:
        "results/logs/measure_geometry/{model}/{adapter}/{precision}/{representation}/{suite}.log",
    benchmark:
        "results/benchmarks/measure_geometry/{model}/{adapter}/{precision}/{representation}/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        sample=json.dumps(config["geometry"], sort_keys=True),
    shell:
        "python workflow/scripts/measure_geometry.py --pairs {input.pairs}"
        " --sentences {input.sentences} --vectors {input.vectors} --about {input.about}"
        " --made-from {input.weights} {input.representation} {input.adapter}"
        " --encoder {wildcards.model} {wildcards.adapter} {wildcards.precision}"
        " {wildcards.representation} --sample {params.sample:q} --out {output.measures}"
        " 2>&1 | tee {log}"


rule tabulate_geometry:
    """Lay out how the vectors of each encoder of a suite lie."""
    localrule: True
    input:
        measures=geometry_of,
        code=code("tabulate_geometry"),
    output:
        csv="results/tables/geometry/{suite}.csv",
        markdown="results/tables/geometry/{suite}.md",
        latex="results/tables/geometry/{suite}.tex",
        page=report(
            "results/tables/geometry/{suite}.html",
            caption="../report/geometry.rst",
            category="Tables",
            labels={"table": "geometry of vectors, {suite}"},
        ),
    log:
        "results/logs/tabulate_geometry/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_geometry/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        # Not the paths of the inputs: for the paper's grid they outgrow a command line.
        encoders=lambda wildcards: encoders_of(wildcards.suite),
    shell:
        "python workflow/scripts/tabulate_geometry.py --measures results/geometry"
        " --encoders {params.encoders} --suite {wildcards.suite} --out {output} 2>&1 | tee {log}"
