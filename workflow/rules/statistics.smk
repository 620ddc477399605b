"""What is said of several encoders of a suite at once, from scores on shared resamples."""


rule resample_scores:
    """Score all encoders of a suite on the same bootstrap resamples of its tasks."""
    localrule: True
    input:
        tables=tasks_of,
        scores=stored_scores_of,
        code=code("resample_scores"),
    output:
        draws="results/resamples/{suite}.npy",
        about="results/resamples/{suite}.json",
    log:
        "results/logs/resample_scores/{suite}.log",
    benchmark:
        "results/benchmarks/resample_scores/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        # Not the paths of the inputs: for the paper's grid they outgrow a command line.
        scores=lambda wildcards: f"results/scores/{scorer_of(wildcards.suite)}",
        encoders=lambda wildcards: encoders_of(wildcards.suite),
        settings=settings_of_resampling,
    shell:
        "python workflow/scripts/resample_scores.py --scores {params.scores}"
        " --encoders {params.encoders} --tables {input.tables} --settings {params.settings:q}"
        " --out {output.draws} --about {output.about} 2>&1 | tee {log}"


rule tabulate_differences:
    """Tell how far apart any two encoders of a suite are, task by task."""
    localrule: True
    input:
        draws="results/resamples/{suite}.npy",
        about="results/resamples/{suite}.json",
        code=code("tabulate_differences"),
    output:
        csv="results/tables/differences/{suite}.csv",
    log:
        "results/logs/tabulate_differences/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_differences/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    shell:
        "python workflow/scripts/tabulate_differences.py --draws {input.draws}"
        " --about {input.about} --out {output.csv} 2>&1 | tee {log}"


rule tabulate_comparisons:
    """Compare encoders of a suite that differ in one thing."""
    localrule: True
    input:
        draws="results/resamples/{suite}.npy",
        about="results/resamples/{suite}.json",
        code=code("tabulate_comparisons"),
    output:
        csv="results/tables/comparisons/{suite}.csv",
        markdown="results/tables/comparisons/{suite}.md",
        latex="results/tables/comparisons/{suite}.tex",
        page=report(
            "results/tables/comparisons/{suite}.html",
            caption="../report/comparisons.rst",
            category="Tables",
            labels={"table": "comparisons, {suite}"},
        ),
    log:
        "results/logs/tabulate_comparisons/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_comparisons/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        catalogue=lambda wildcards: json.dumps(catalogue_of(wildcards.suite), sort_keys=True),
    shell:
        "python workflow/scripts/tabulate_comparisons.py --draws {input.draws}"
        " --about {input.about} --suite {wildcards.suite} --catalogue {params.catalogue:q}"
        " --out {output} 2>&1 | tee {log}"


rule plot_differences:
    """Draw how far apart any two encoders of a suite are."""
    localrule: True
    input:
        differences="results/tables/differences/{suite}.csv",
        code=code("plot_differences"),
    output:
        svg=report(
            "results/figures/differences/{suite}.svg",
            caption="../report/differences.rst",
            category="Figures",
            labels={"figure": "differences, {suite}"},
        ),
        pdf="results/figures/differences/{suite}.pdf",
    log:
        "results/logs/plot_differences/{suite}.log",
    benchmark:
        "results/benchmarks/plot_differences/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        style=json.dumps(config["figures"]["style"], sort_keys=True),
    shell:
        "python workflow/scripts/plot_differences.py --differences {input.differences}"
        " --suite {wildcards.suite} --style {params.style:q} --out {output} 2>&1 | tee {log}"


include: "trends.smk"
include: "geometry.smk"
