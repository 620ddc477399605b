"""Input functions of exported encoders."""


def scores_of_encoder(wildcards):
    """Scores of an encoder that the run asks for, as far as they are there: none is made."""
    w = wildcards
    paths = [
        f"results/scores/{scorer}/{model}/{adapter}/{precision}/{representation}/{task}.json"
        for model, adapter, precision, representation, suite in ENCODERS
        if (model, adapter, representation) == (w.model, w.adapter, w.representation)
        for scorer in scorers_of(suite)
        for task in config["suites"][suite]
    ]
    return [path for path in paths if Path(path).exists()]


def names_of_encoder(wildcards):
    """What an exported encoder is called, as JSON: see Names in export.py."""
    keys = ("model", "adapter", "representation", "weights")
    return json.dumps(
        {
            **{key: wildcards[key] for key in keys},
            "licence": config["models"][wildcards.model]["licence"],
            "metrics": sorted({metric_of(suite) for suite in suites_of_run()}),
            "protocol": PROTOCOL["export_encoder"],
        }
    )
