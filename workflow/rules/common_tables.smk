"""Input functions of the tables that stand beside published ones."""

# Which encoders stand for printed rows, and the printed scores.
PUBLISHED = expand(
    "workflow/resources/{name}.tsv", name=["published_encoders", "paper_tables", "followup_tables"]
)


# Places in an encoder: (model, adapter, precision, representation).
PRECISION, REPRESENTATION = 2, 3


def encoders_of_suite(suite):
    """Encoders that the run scores on a suite."""
    return [cell[:-1] for cell in ENCODERS if cell[-1] == suite]


def fine_tuned_of_suite(wildcards):
    """Models that the run scores on a suite and that are fine-tuned without an adapter."""
    models = dict.fromkeys(model for model, *_ in encoders_of_suite(wildcards.suite))
    return [model for model in models if config["models"][model].get("fine_tuned")]


def in_several(place, suite):
    """Encoders of a suite that differ from another in nothing but one place."""
    cells = encoders_of_suite(suite)
    others = [cell[:place] + cell[place + 1 :] for cell in cells]
    return [cell for cell, rest in zip(cells, others) if others.count(rest) > 1]


def representations_of_suite(wildcards):
    """Representations that the run scores on a suite, in the order of the catalogue."""
    used = {cell[REPRESENTATION] for cell in encoders_of_suite(wildcards.suite)}
    return [name for name in config["representations"] if name in used]


def benchmarks_of_precisions(wildcards):
    """Time and memory of the embedding jobs that differ in nothing but precision."""
    return [
        f"results/benchmarks/embed_sentences/{'/'.join(cell)}/{wildcards.suite}.tsv"
        for cell in in_several(PRECISION, wildcards.suite)
    ]


def published_list_of(wildcards):
    """The authors' list, if a search's candidates are from it; else nothing."""
    parts = with_parts([config["searches"][wildcards.search]["candidates"]])
    lists = [name for name in parts if "published" in config["demonstrations"][name]]
    return [f"results/demonstrations/{name}.tsv" for name in lists[:1]]


def paper_tables_of_run():
    """Names of the tables that tables_suites.smk does not have."""
    suites = suites_of_run()
    return [
        *[f"published/{suite}" for suite in suites],
        *[f"quantisation/{suite}" for suite in suites if in_several(PRECISION, suite)],
        *[f"representations/{suite}" for suite in suites if in_several(REPRESENTATION, suite)],
        *[f"chosen/{search}" for search in searches_of_run()],
    ]
