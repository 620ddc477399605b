"""Figures of geometry: how the vectors of a suite lie in their space."""


rule plot_geometry:
    """Draw anisotropy, rank, alignment and uniformity of each encoder's vectors."""
    localrule: True
    input:
        measures=geometry_of,
        code=code("plot_geometry"),
    output:
        svg=report(
            "results/figures/geometry/{suite}.svg",
            caption="../report/geometry_figure.rst",
            category="Figures",
            labels={"figure": "geometry of {suite}"},
        ),
        pdf="results/figures/geometry/{suite}.pdf",
    log:
        "results/logs/plot_geometry/{suite}.log",
    benchmark:
        "results/benchmarks/plot_geometry/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        # Not the paths of the inputs: for the paper's grid they outgrow a command line.
        encoders=lambda wildcards: encoders_of(wildcards.suite),
        settings=plot_settings,
    shell:
        "python workflow/scripts/plot_geometry.py --measures results/geometry"
        " --encoders {params.encoders} --settings {params.settings:q}"
        " --out {output.svg} {output.pdf} 2>&1 | tee {log}"


rule plot_spectra:
    """Draw how the variance of each encoder's vectors spreads over components."""
    localrule: True
    input:
        measures=geometry_of,
        code=code("plot_spectra"),
    output:
        svg=report(
            "results/figures/spectra/{suite}.svg",
            caption="../report/spectra.rst",
            category="Figures",
            labels={"figure": "spectra of {suite}"},
        ),
        pdf="results/figures/spectra/{suite}.pdf",
    log:
        "results/logs/plot_spectra/{suite}.log",
    benchmark:
        "results/benchmarks/plot_spectra/{suite}.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        # Not the paths of the inputs: for the paper's grid they outgrow a command line.
        encoders=lambda wildcards: encoders_of(wildcards.suite),
        settings=plot_settings,
    shell:
        "python workflow/scripts/plot_spectra.py --measures results/geometry"
        " --encoders {params.encoders} --settings {params.settings:q}"
        " --out {output.svg} {output.pdf} 2>&1 | tee {log}"
