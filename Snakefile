"""Sentence embeddings from large language models: from weights and data to tables."""

from snakemake.utils import min_version

min_version("9.0")


configfile: "workflow/catalogue/models.yaml"
configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/demonstrations.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/finetune.smk"
include: "workflow/rules/embed.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/layers.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/statistics.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/mteb.smk"
include: "workflow/rules/cluster.smk"


rule all:
    """Every table and figure of the run that config.yaml chooses, and the page about it."""
    default_target: True
    localrule: True
    input:
        # A step that failed leaves no file, but what follows from it may still be there from
        # an earlier run. Asking for each step finds the gap.
        steps=steps_of_run,
        tables=tables_of_run,
        figures=figures_of_run,
        index="results/index.html",
