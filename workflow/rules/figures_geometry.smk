"""Figures of geometry: how the vectors of a suite lie in their space."""


rule plot_geometry:
    """Draw anisotropy, rank, alignment and uniformity of each encoder's vectors."""
    localrule: True
    input:
        geometry=geometry_of_suite,
        code=code(
            "plot_geometry", "figures", "files", "geometry_panels", "panels", "sizes", "tables"
        ),
    output:
        svg=report(
            "results/figures/geometry/{suite}.svg",
            caption="../report/geometry.rst",
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
        encoders=lambda wildcards: json.dumps(encoders_of_suite(wildcards.suite)),
        settings=plot_settings,
    shell:
        "python workflow/scripts/plot_geometry.py --geometry {input.geometry}"
        " --encoders {params.encoders:q} --settings {params.settings:q}"
        " --out {output.svg} {output.pdf} 2>&1 | tee {log}"


rule plot_spectra:
    """Draw how the variance of each encoder's vectors spreads over components."""
    localrule: True
    input:
        geometry=geometry_of_suite,
        code=code(
            "plot_spectra", "figures", "files", "geometry_panels", "panels", "sizes", "tables"
        ),
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
        encoders=lambda wildcards: json.dumps(encoders_of_suite(wildcards.suite)),
        settings=plot_settings,
    shell:
        "python workflow/scripts/plot_spectra.py --geometry {input.geometry}"
        " --encoders {params.encoders:q} --settings {params.settings:q}"
        " --out {output.svg} {output.pdf} 2>&1 | tee {log}"
