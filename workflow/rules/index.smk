"""One page that tells the story of a run. It is made last, from files that all else is made for."""


rule write_index:
    """Tell what a run found, how, and what it lacks, in one page that needs no other file."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        read=read_by_index,
        templates=expand("workflow/templates/index.{kind}", kind=["html", "css", "js"]),
        code=code("write_index"),
    output:
        page=report("results/index.html", caption="../report/index.rst", category="Overview"),
    log:
        "results/logs/write_index/index.log",
    benchmark:
        "results/benchmarks/write_index/index.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        # Not the paths of the inputs: for the paper's grid they outgrow a command line.
        exhibits=exhibits_of_index,
        run=run_of_index,
    shell:
        "python workflow/scripts/write_index.py --scores {input.scores} --results results"
        " --run {params.run:q} --exhibits {params.exhibits:q} --code workflow/scripts"
        " --templates workflow/templates --out {output.page} 2>&1 | tee {log}"
