"""Tables, all from the one tidy table of scores.

Each result of the report has one label: from two, Snakemake's page builds switches and
breaks where a combination does not exist.
"""


rule tabulate_suite:
    """Lay the scores of one suite out as the paper does."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        published=PUBLISHED,
        code=code("tabulate_suite"),
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
        fine_tuned=fine_tuned_of_suite,
        training_sets=json.dumps(training_sets_of_run(), sort_keys=True),
    shell:
        "python workflow/scripts/tabulate_suite.py --scores {input.scores} --tasks {params.tasks}"
        " --fine-tuned {params.fine_tuned}"
        " --published {input.published} --suite {wildcards.suite} --metric {params.metric}"
        " --training-sets {params.training_sets:q} --out {output} 2>&1 | tee {log}"


rule tabulate_gain:
    """What demonstrations gain on a suite, beside what the paper says of it."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        published=PUBLISHED,
        code=code("tabulate_gain"),
    output:
        csv="results/tables/gain/{suite}.csv",
        markdown="results/tables/gain/{suite}.md",
        latex="results/tables/gain/{suite}.tex",
        page=report(
            "results/tables/gain/{suite}.html",
            caption="../report/gain.rst",
            category="Tables",
            labels={"table": "gain by demonstrations, {suite}"},
        ),
    log:
        "results/logs/tabulate_gain/{suite}.log",
    benchmark:
        "results/benchmarks/tabulate_gain/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        tasks=lambda wildcards: config["suites"][wildcards.suite],
        metric=lambda wildcards: metric_of(wildcards.suite),
        zero_shot=lambda wildcards: json.dumps(
            catalogue_of(wildcards.suite)["zero_shot"], sort_keys=True
        ),
        training_sets=json.dumps(training_sets_of_run(), sort_keys=True),
    shell:
        "python workflow/scripts/tabulate_gain.py --scores {input.scores} --tasks {params.tasks}"
        " --published {input.published} --suite {wildcards.suite} --metric {params.metric}"
        " --zero-shot {params.zero_shot:q} --training-sets {params.training_sets:q}"
        " --out {output} 2>&1 | tee {log}"


rule tabulate_demonstrations:
    """The best and the worst demonstrations of a search, model by model."""
    localrule: True
    input:
        scores=files_of_search("scores.tsv"),
        code=code("tabulate_demonstrations"),
    output:
        csv="results/tables/demonstrations/{search}.csv",
        markdown="results/tables/demonstrations/{search}.md",
        latex="results/tables/demonstrations/{search}.tex",
        page=report(
            "results/tables/demonstrations/{search}.html",
            caption="../report/demonstrations.rst",
            category="Tables",
            labels={"table": "demonstrations, {search}"},
        ),
    log:
        "results/logs/tabulate_demonstrations/{search}.log",
    benchmark:
        "results/benchmarks/tabulate_demonstrations/{search}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        models=lambda wildcards: searches_of_run().get(wildcards.search, []),
    shell:
        "python workflow/scripts/tabulate_demonstrations.py --scores {input.scores}"
        " --models {params.models} --search {wildcards.search} --out {output} 2>&1 | tee {log}"
