"""One integer per step, raised when the numbers that the step makes may change.

Snakemake does not see edits to Python that a shell command calls. The rules hand
these integers over as params, so raising one reruns that step and all that
follows it, while a reworded comment reruns nothing. Steps that take seconds after
the vectors (scores, tables, figures) list their code as inputs instead.
"""

PROTOCOL: dict[str, int] = {
    "download_wheel_model": 1,
    "dequantise_model": 1,
    "fetch_hub_model": 1,
    "register_local_model": 1,
    "download_archive": 1,
    "download_triplets": 1,
    "normalise_task": 1,
    "list_sentences": 1,
    "collect_demonstrations": 2,
    "label_sentences": 1,
    "ask_labels": 1,
    "search_demonstrations": 3,
    "choose_demonstration": 1,
    "fill_representation": 2,
    "train_adapter": 1,
    "choose_checkpoint": 1,
    "fetch_adapter": 1,
    "embed_sentences": 2,
    "score_layers": 1,
    "export_encoder": 1,
    "score_transfer": 1,
}
