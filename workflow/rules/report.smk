"""Tables and figures, all from the one tidy table of scores.

Each result of the report has one label: from two, Snakemake's page builds switches and
breaks where a combination does not exist.
"""


rule tabulate_suite:
    """Lay the scores of one suite out as the paper does."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        published="workflow/resources/paper_tables.tsv",
        code=code("tabulate_suite", "files", "pages", "tables"),
    output:
        csv="results/tables/{suite}.csv",
        markdown="results/tables/{suite}.md",
        latex="results/tables/{suite}.tex",
        page=report(
            "results/tables/{suite}.html",
            caption="../report/suite.rst",
            category="Tables",
            labels={"table": "{suite}"},
        ),
    log:
        "results/logs/tabulate_suite/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_suite/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        tasks=lambda wildcards: config["suites"][wildcards.suite],
        metric=lambda wildcards: metric_of(wildcards.suite),
    shell:
        "python workflow/scripts/tabulate_suite.py --scores {input.scores} --tasks {params.tasks}"
        " --published {input.published} --suite {wildcards.suite} --metric {params.metric} --csv {output.csv} --markdown {output.markdown}"
        " --latex {output.latex} --page {output.page} 2>&1 | tee {log}"


rule plot_scaling:
    """Draw the score of a suite against the size of the models."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        code=code("plot_scaling", "figures", "files", "tables"),
    output:
        svg=report(
            "results/figures/scaling/{suite}.svg",
            caption="../report/scaling.rst",
            category="Figures",
            labels={"figure": "{suite} against parameters"},
        ),
        pdf="results/figures/scaling/{suite}.pdf",
    log:
        "results/logs/plot_scaling/{suite}.log",
    benchmark:
        "results/benchmarks/plot_scaling/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        settings=plot_settings,
    shell:
        "python workflow/scripts/plot_scaling.py --scores {input.scores}"
        " --settings {params.settings:q} --out {output.svg} {output.pdf} 2>&1 | tee {log}"


rule plot_representations:
    """Draw the score of a suite for each representation."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        code=code("plot_representations", "figures", "files", "tables"),
    output:
        svg=report(
            "results/figures/representations/{suite}.svg",
            caption="../report/representations.rst",
            category="Figures",
            labels={"figure": "{suite} by representation"},
        ),
        pdf="results/figures/representations/{suite}.pdf",
    log:
        "results/logs/plot_representations/{suite}.log",
    benchmark:
        "results/benchmarks/plot_representations/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        settings=plot_settings,
    shell:
        "python workflow/scripts/plot_representations.py --scores {input.scores}"
        " --settings {params.settings:q} --out {output.svg} {output.pdf} 2>&1 | tee {log}"
