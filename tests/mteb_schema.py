"""What mteb 2.26.24 reads, as JSON schemas: written from its source, field by field."""

# Fields of TaskResult, and of one entry of its scores, in mteb 2.26.24 (results/task_result.py,
# AbsTaskSTS in abstasks/sts.py). An entry may have more.
NUMBER_OR_NULL = {"type": ["number", "null"]}
SCORE = {"type": "number", "minimum": -1, "maximum": 1}
SCORES = [
    *("pearson", "spearman", "cosine_pearson", "cosine_spearman", "manhattan_pearson"),
    *("manhattan_spearman", "euclidean_pearson", "euclidean_spearman", "main_score"),
]
TASK_RESULT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["dataset_revision", "task_name", "mteb_version", "scores", "evaluation_time"],
    "properties": {
        "dataset_revision": {"type": "string"},
        "task_name": {"type": "string"},
        "mteb_version": {"type": ["string", "null"]},
        "evaluation_time": NUMBER_OR_NULL,
        "kg_co2_emissions": NUMBER_OR_NULL,
        "date": {},
        "evaluation_phases": {},
        "scores": {
            "type": "object",
            "additionalProperties": False,
            "required": ["test"],
            "properties": {
                "test": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": {
                        "type": "object",
                        "required": [*SCORES, "hf_subset", "languages"],
                        "properties": dict.fromkeys(SCORES, SCORE)
                        | {
                            "hf_subset": {"const": "default"},
                            "languages": {"const": ["eng-Latn"]},
                        },
                    },
                }
            },
        },
    },
}
# Fields of ModelMeta in mteb 2.26.24 (models/model_meta.py), which forbids others.
TEXT_OR_NULL = {"type": ["string", "null"]}
MODEL_META = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("loader", "name", "revision", "release_date", "languages", "n_parameters"),
        *("memory_usage_mb", "max_tokens", "embed_dim", "license", "open_weights"),
        *("public_training_code", "public_training_data", "framework", "similarity_fn_name"),
        *("use_instructions", "training_datasets"),
    ],
    "properties": {
        "loader": {"type": "null"},
        "loader_kwargs": {"type": "object"},
        "name": {"type": "string", "pattern": "/"},
        "revision": TEXT_OR_NULL,
        "release_date": TEXT_OR_NULL,
        "languages": {"items": {"pattern": "^[a-z]{3}-[A-Z][a-z]{3}$"}},
        "n_parameters": {"type": ["integer", "null"]},
        "memory_usage_mb": NUMBER_OR_NULL,
        "max_tokens": NUMBER_OR_NULL,
        "embed_dim": {"type": ["integer", "null"]},
        "license": {"enum": [None, "mit", "apache-2.0", "gemma", "not specified"]},
        "open_weights": {"type": ["boolean", "null"]},
        "public_training_code": TEXT_OR_NULL,
        "public_training_data": {"type": ["string", "boolean", "null"]},
        "framework": {"type": "array", "items": {"enum": ["PyTorch", "Sentence Transformers"]}},
        "reference": {"type": ["string", "null"], "pattern": "^https?://"},
        "similarity_fn_name": {"enum": ["cosine", "dot", "MaxSim"]},
        "use_instructions": {"type": ["boolean", "null"]},
        "training_datasets": {"type": ["array", "null"]},
        "adapted_from": TEXT_OR_NULL,
    },
}
