"""Input functions of exported encoders."""


def weights_of_export(wildcards):
    """Manifest of the model; an error that names what is known if a part of the encoder is not."""
    w = wildcards
    check_known([w.model], config["models"], "the export's MODEL")
    check_known([w.adapter], ["none", *config["adapters"]], "the export's ADAPTER")
    check_known([w.representation], config["representations"], "the export's REPRESENTATION")
    return f"results/models/{w.model}/manifest.json"


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
