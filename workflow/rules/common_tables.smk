"""Input functions of the tables that stand beside published ones."""

# Which encoders stand for printed rows, and the printed scores.
PUBLISHED = expand(
    "workflow/resources/{name}.tsv", name=["published_encoders", "paper_tables", "followup_tables"]
)


def encoders_of_suite(suite):
    """Encoders that the run scores on a suite: (model, adapter, precision, representation)."""
    return [cell[:-1] for cell in ENCODERS if cell[-1] == suite]


def in_several_precisions(suite):
    """Encoders of a suite that differ from another in nothing but precision."""
    cells = encoders_of_suite(suite)
    bare = [(model, adapter, representation) for model, adapter, _, representation in cells]
    return [cell for cell, same in zip(cells, bare) if bare.count(same) > 1]


def in_several_representations(suite):
    """Encoders of a suite that differ from another in nothing but representation."""
    cells = encoders_of_suite(suite)
    bare = [cell[:-1] for cell in cells]
    return [cell for cell, same in zip(cells, bare) if bare.count(same) > 1]


def benchmarks_of_precisions(wildcards):
    """Time and memory of the embedding jobs that differ in nothing but precision."""
    return [
        f"results/benchmarks/embed_sentences/{'/'.join(cell)}/{wildcards.suite}.tsv"
        for cell in in_several_precisions(wildcards.suite)
    ]


def published_list_of(wildcards):
    """The authors' list, if a search's candidates are from it; else nothing."""
    parts = with_parts([config["searches"][wildcards.search]["candidates"]])
    lists = [name for name in parts if "published" in config["demonstrations"][name]]
    return [f"results/demonstrations/{name}.tsv" for name in lists[:1]]


def paper_tables_of_run():
    """Names of the tables that report.smk does not have."""
    suites = suites_of_run()
    return [
        *[f"published/{suite}" for suite in suites],
        *[f"quantisation/{suite}" for suite in suites if in_several_precisions(suite)],
        *[f"representations/{suite}" for suite in suites if in_several_representations(suite)],
        *[f"chosen/{search}" for search in searches_of_run()],
    ]
