"""Trends with size, and ranks: what tasks and models have in common."""


rule fit_trends:
    """Fit the score of a suite against the size of the models, line by line."""
    localrule: True
    input:
        draws="results/resamples/{suite}.npy",
        about="results/resamples/{suite}.json",
        code=code("fit_trends"),
    output:
        csv="results/tables/trends/{suite}.csv",
        markdown="results/tables/trends/{suite}.md",
        latex="results/tables/trends/{suite}.tex",
        page=report(
            "results/tables/trends/{suite}.html",
            caption="../report/trends.rst",
            category="Tables",
            labels={"table": "trends with size, {suite}"},
        ),
        curves="results/tables/scaling/{suite}.csv",
    log:
        "results/logs/fit_trends/{suite}.log",
    benchmark:
        "results/benchmarks/fit_trends/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        families=of_models("family"),
        parameters=of_models("parameters"),
    shell:
        "python workflow/scripts/fit_trends.py --draws {input.draws} --about {input.about}"
        " --suite {wildcards.suite} --families {params.families:q}"
        " --parameters {params.parameters:q} --curves {output.curves}"
        " --out {output.csv} {output.markdown} {output.latex} {output.page} 2>&1 | tee {log}"


rule tabulate_ranks:
    """Rank the encoders of a suite on each task."""
    localrule: True
    input:
        draws="results/resamples/{suite}.npy",
        about="results/resamples/{suite}.json",
        code=code("tabulate_ranks"),
    output:
        csv="results/tables/ranks/{suite}.csv",
        markdown="results/tables/ranks/{suite}.md",
        latex="results/tables/ranks/{suite}.tex",
        page=report(
            "results/tables/ranks/{suite}.html",
            caption="../report/ranks.rst",
            category="Tables",
            labels={"table": "ranks, {suite}"},
        ),
    log:
        "results/logs/tabulate_ranks/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_ranks/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    shell:
        "python workflow/scripts/tabulate_ranks.py --draws {input.draws} --about {input.about}"
        " --suite {wildcards.suite} --out {output} 2>&1 | tee {log}"


rule tabulate_stability:
    """Tell how far the tasks of a suite agree on which encoder is better."""
    localrule: True
    input:
        draws="results/resamples/{suite}.npy",
        about="results/resamples/{suite}.json",
        code=code("tabulate_stability"),
    output:
        csv="results/tables/stability/{suite}.csv",
        markdown="results/tables/stability/{suite}.md",
        latex="results/tables/stability/{suite}.tex",
        page=report(
            "results/tables/stability/{suite}.html",
            caption="../report/stability.rst",
            category="Tables",
            labels={"table": "stability of ranks, {suite}"},
        ),
    log:
        "results/logs/tabulate_stability/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_stability/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        parameters=of_models("parameters"),
    shell:
        "python workflow/scripts/tabulate_stability.py --draws {input.draws} --about {input.about}"
        " --suite {wildcards.suite} --parameters {params.parameters:q} --out {output}"
        " 2>&1 | tee {log}"
