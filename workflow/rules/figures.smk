"""Figures. Each is drawn anew when its own module changes, and no other."""


rule plot_scaling:
    """Draw the score of a suite against the size of the models."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        published=PUBLISHED,
        code=code("plot_scaling"),
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
        " --published {input.published} --settings {params.settings:q} --out {output.svg} {output.pdf} 2>&1 | tee {log}"


rule plot_representations:
    """Draw the score of a suite for each representation."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        published=PUBLISHED,
        code=code("plot_representations"),
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
        " --published {input.published} --settings {params.settings:q} --out {output.svg} {output.pdf} 2>&1 | tee {log}"


rule plot_demonstrations:
    """Draw how the candidates of a search score, model by model."""
    localrule: True
    input:
        scores=files_of_search("scores.tsv"),
        choices=files_of_search("choice.json"),
        code=code("plot_demonstrations"),
    output:
        svg=report(
            "results/figures/demonstrations/{search}.svg",
            caption="../report/histogram.rst",
            category="Figures",
            labels={"figure": "demonstrations, {search}"},
        ),
        pdf="results/figures/demonstrations/{search}.pdf",
    log:
        "results/logs/plot_demonstrations/{search}.log",
    benchmark:
        "results/benchmarks/plot_demonstrations/{search}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        models=lambda wildcards: searches_of_run().get(wildcards.search, []),
        suite=lambda wildcards: config["searches"][wildcards.search]["suite"],
        style=json.dumps(config["figures"]["style"], sort_keys=True),
    shell:
        "python workflow/scripts/plot_demonstrations.py --scores {input.scores}"
        " --choices {input.choices} --models {params.models} --suite {params.suite}"
        " --style {params.style:q} --out {output} 2>&1 | tee {log}"


rule plot_cost:
    """Draw the score of a suite against time and memory of its embedding jobs."""
    localrule: True
    input:
        scores="results/tables/scores.csv",
        benchmarks=benchmarks_of_suite,
        code=code("plot_cost"),
    output:
        svg=report(
            "results/figures/cost/{suite}.svg",
            caption="../report/cost.rst",
            category="Figures",
            labels={"figure": "{suite} against cost"},
        ),
        pdf="results/figures/cost/{suite}.pdf",
    log:
        "results/logs/plot_cost/{suite}.log",
    benchmark:
        "results/benchmarks/plot_cost/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        settings=plot_settings,
    shell:
        "python workflow/scripts/plot_cost.py --scores {input.scores}"
        " --benchmarks results/benchmarks/embed_sentences --settings {params.settings:q}"
        " --out {output.svg} {output.pdf} 2>&1 | tee {log}"


rule plot_heat_map:
    """Draw the similarity of each sentence with each other, for encoders side by side."""
    localrule: True
    input:
        vectors=heat_map_files("npy"),
        abouts=heat_map_files("json"),
        made_from=lambda wildcards: [path for paths in heat_map_sources() for path in paths],
        sentences="results/sentences/{suite}.txt",
        code=code("plot_heat_map"),
    output:
        svg=report(
            "results/figures/heat_map/{suite}.svg",
            caption="../report/heat_map.rst",
            category="Figures",
            labels={"figure": "similarities, {suite}"},
        ),
        pdf="results/figures/heat_map/{suite}.pdf",
    wildcard_constraints:
        suite=re.escape(config["figures"]["heat_map"]["suite"]),
    log:
        "results/logs/plot_heat_map/{suite}.log",
    benchmark:
        "results/benchmarks/plot_heat_map/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        encoders=heat_map_encoders,
        made_from=lambda wildcards: json.dumps(heat_map_sources()),
        first=lambda wildcards: config["figures"]["heat_map"]["sentences"],
        style=json.dumps(config["figures"]["style"], sort_keys=True),
    shell:
        "python workflow/scripts/plot_heat_map.py --vectors {input.vectors} --abouts {input.abouts}"
        " --encoders {params.encoders} --made-from {params.made_from:q}"
        " --sentences {input.sentences} --count {params.first}"
        " --style {params.style:q} --out {output.svg} {output.pdf} 2>&1 | tee {log}"


include: "figures_geometry.smk"
