"""Input functions of layer choice."""


def scored_layers(cell):
    """Scores of the layers of an encoder on a suite."""
    return f"results/layers/{'/'.join(cell)}.tsv"


def layered_suites():
    """Suites that layers are scored on, each once."""
    return list(dict.fromkeys(cell[-1] for cell in LAYERED))


def layered_on(wildcards):
    """model/adapter/precision/representation of encoders whose layers are scored on a suite."""
    return ["/".join(cell[:-1]) for cell in LAYERED if cell[-1] == wildcards.suite]


def scores_of_layers(wildcards):
    """Their scores, in the same order."""
    return [scored_layers(cell) for cell in LAYERED if cell[-1] == wildcards.suite]
