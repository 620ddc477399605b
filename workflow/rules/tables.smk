"""Tables of the paper beside the published scores, all from the one tidy table of scores."""


rule tabulate_published:
    """Put the scores of one suite beside the published ones, cell by cell."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        published=PUBLISHED,
        code=code("tabulate_published"),
    output:
        csv="results/tables/published/{suite}.csv",
        markdown="results/tables/published/{suite}.md",
        latex="results/tables/published/{suite}.tex",
        page=report(
            "results/tables/published/{suite}.html",
            caption="../report/published.rst",
            category="Tables",
            labels={"table": "ours and published, {suite}"},
        ),
    log:
        "results/logs/tabulate_published/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_published/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        tasks=lambda wildcards: config["suites"][wildcards.suite],
        metric=lambda wildcards: metric_of(wildcards.suite),
    shell:
        "python workflow/scripts/tabulate_published.py --scores {input.scores}"
        " --published {input.published} --suite {wildcards.suite} --tasks {params.tasks}"
        " --metric {params.metric} --wide {output.csv} {output.page}"
        " --narrow {output.markdown} {output.latex} 2>&1 | tee {log}"


rule tabulate_quantisation:
    """Scores, memory and time of one suite in several precisions, side by side."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        benchmarks=benchmarks_of_precisions,
        published=PUBLISHED,
        code=code("tabulate_quantisation"),
    output:
        csv="results/tables/quantisation/{suite}.csv",
        markdown="results/tables/quantisation/{suite}.md",
        latex="results/tables/quantisation/{suite}.tex",
        page=report(
            "results/tables/quantisation/{suite}.html",
            caption="../report/quantisation.rst",
            category="Tables",
            labels={"table": "precisions, {suite}"},
        ),
    log:
        "results/logs/tabulate_quantisation/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_quantisation/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        tasks=lambda wildcards: config["suites"][wildcards.suite],
        metric=lambda wildcards: metric_of(wildcards.suite),
    shell:
        "python workflow/scripts/tabulate_quantisation.py --scores {input.scores}"
        " --benchmarks results/benchmarks/embed_sentences --published {input.published}"
        " --suite {wildcards.suite} --tasks {params.tasks} --metric {params.metric}"
        " --out {output} 2>&1 | tee {log}"


rule tabulate_representations:
    """Scores of one suite by representation and model."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        code=code("tabulate_representations"),
    output:
        csv="results/tables/representations/{suite}.csv",
        markdown="results/tables/representations/{suite}.md",
        latex="results/tables/representations/{suite}.tex",
        page=report(
            "results/tables/representations/{suite}.html",
            caption="../report/by_representation.rst",
            category="Tables",
            labels={"table": "{suite} by representation"},
        ),
    log:
        "results/logs/tabulate_representations/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_representations/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        tasks=lambda wildcards: config["suites"][wildcards.suite],
        metric=lambda wildcards: metric_of(wildcards.suite),
        representations=representations_of_suite,
    shell:
        "python workflow/scripts/tabulate_representations.py --scores {input.scores}"
        " --suite {wildcards.suite} --tasks {params.tasks} --metric {params.metric}"
        " --representations {params.representations} --out {output} 2>&1 | tee {log}"


rule tabulate_chosen:
    """The demonstration that a search chose for each model, beside the paper's."""
    localrule: True
    input:
        choices=files_of_search("choice.json"),
        scores=files_of_search("scores.tsv"),
        printed="workflow/resources/paper_demonstrations.tsv",
        listed=published_list_of,
        published=PUBLISHED,
        code=code("tabulate_chosen"),
    output:
        csv="results/tables/chosen/{search}.csv",
        markdown="results/tables/chosen/{search}.md",
        latex="results/tables/chosen/{search}.tex",
        page=report(
            "results/tables/chosen/{search}.html",
            caption="../report/chosen.rst",
            category="Tables",
            labels={"table": "chosen demonstrations, {search}"},
        ),
    log:
        "results/logs/tabulate_chosen/{search}.log",
    benchmark:
        "results/benchmarks/tabulate_chosen/{search}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        models=lambda wildcards: searches_of_run().get(wildcards.search, []),
    shell:
        "python workflow/scripts/tabulate_chosen.py --choices {input.choices}"
        " --scores {input.scores} --models {params.models} --printed {input.printed}"
        " --list {input.listed} --published {input.published} --search {wildcards.search}"
        " --out {output} 2>&1 | tee {log}"


include: "tables_suites.smk"
