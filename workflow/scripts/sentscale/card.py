"""The model card of an exported encoder, in Markdown with the front matter that hubs read."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sentscale.export import Names, Shape
from sentscale.prompts import Representation

# The training set of the paper's own models.
PAPER_TRIPLETS = "nli"

CLEAN_UP = {
    "words": "White space becomes single spaces.",
    "sentence": "White space becomes single spaces; a sentence that does not end in `.`, `?`, `'`"
    ' or `"` gets a period; double quotes become single ones; a final question mark becomes'
    " a period.",
}
POOLED = {
    "last": "the last layer's state of the last token",
    "mean": "the mean of the last layer's states",
}


def model_card(
    names: Names,
    shape: Shape,
    representation: Representation,
    model: Mapping[str, Any],
    adapter: Mapping[str, Any] | None,
    scores: Sequence[Mapping[str, Any]],
) -> str:
    """All sections; nothing in it depends on the machine.

    Args:
        names: Of the encoder.
        shape: Of its vectors.
        representation: Prompt, clean-up, pooling.
        model: Manifest of the model.
        adapter: Manifest of the adapter, if there is one.
        scores: JSON of each task.
    """
    sections = [
        front_matter(names, model["source"]),
        introduction(names, shape),
        prompt_section(representation, shape),
        score_section(scores, names.metrics),
        adapter_section(adapter, representation) if adapter else "",
        base_section(names, model),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def front_matter(names: Names, source: Mapping[str, Any]) -> str:
    """What hubs sort models by."""
    tags = ["sentence-transformers", "sentence-similarity", "feature-extraction", "prompteol"]
    lines = ["library_name: sentence-transformers", "pipeline_tag: sentence-similarity"]
    lines += [f"license: {names.licence['id']}"]
    if names.licence["id"] == "other":
        slug = re.sub(r"[^a-z0-9.]+", "-", names.licence["name"].lower()).strip("-")
        lines.append(f"license_name: {slug}")
    if "hub" in source:
        lines.append(f"base_model: {source['hub']['repository']}")
        if names.adapter != "none":
            form = "adapter" if names.weights == "adapter" else "finetune"
            lines.append(f"base_model_relation: {form}")
    tags += ["lora"] * (names.adapter != "none")
    return "\n".join(["---", *lines, "tags:", *[f"- {tag}" for tag in tags], "---"])


def introduction(names: Names, shape: Shape) -> str:
    """What it is and how it is used."""
    form = {
        "merged": "Weights are in float32"
        + (", the adapter merged into them." * (names.adapter != "none") or "."),
        "adapter": "The folder holds the adapter alone; the base model comes from the hub. Loading"
        " needs the package peft, and takes the newest revision of the base model, because"
        " sentence-transformers pins none; the one it was made with is named below.",
    }[names.weights]
    with_adapter = f" with the adapter {names.adapter}" * (names.adapter != "none")
    return f"""# {names.model}{with_adapter}, a sentence encoder

A language model that writes a sentence's meaning into one vector of {shape.width} numbers, by a
prompt (PromptEOL, [arXiv 2307.16645](https://arxiv.org/abs/2307.16645)). {form}

```python
from sentence_transformers import SentenceTransformer
encoder = SentenceTransformer("path/to/this/folder")
vectors = encoder.encode(["A dog runs along the beach.", "Rain fell all night."])
```

Compare vectors by their cosine. Give sentences as they are: the tokenizer itself writes the prompt
around them, so no code of ours and no `prompt` argument is needed."""


def prompt_section(representation: Representation, shape: Shape) -> str:
    """The text the model reads, and what cannot be read."""
    most = (
        f"A prompt of more than {shape.most_tokens:,} tokens is cut, and its end with it."
        if shape.most_tokens
        else ""
    )
    return f"""## Prompt

```text
{representation.only}
```

The sentence takes the place of `{{text}}`. {CLEAN_UP[representation.clean_up]} The vector is
{POOLED[representation.pooling]}.

An empty sentence, or white space alone, gets no prompt: its vector is that of the start token, or
zero where the model has none. The name of a token in a sentence, such as `</s>`, is read as text.
{most}""".rstrip()


def score_section(scores: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> str:
    """A row for each score, times 100, with its bootstrap interval."""
    rows = [
        (
            score["task"],
            metric,
            score["encoder"]["precision"],
            score["scores"][metric],
            score["bootstrap"],
        )
        for score in scores
        for metric in metrics
        if metric in score["scores"]
    ]
    if not rows:
        return "## Scores\n\nNone were computed."
    lines = ["| task | metric | precision | value | interval |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {task} | {metric} | {precision} | {value['value']:.2f} |"
        f" {value['low']:.2f} to {value['high']:.2f} ({bootstrap['confidence']:.0%}) |"
        for task, metric, precision, value, bootstrap in rows
    ]
    return "\n".join(
        [
            "## Scores",
            "",
            "Times 100. Precision is that of the weights when the score was made.",
            "",
            *lines,
        ]
    )


def adapter_section(adapter: Mapping[str, Any], representation: Representation) -> str:
    """Where an adapter is from: trained here, or published."""
    if "training" not in adapter:
        hub = adapter["source"]["hub"]
        return (
            f"## Adapter\n\nPublished as `{hub['repository']}`, revision `{hub['revision']}`."
            f"\n\n{digest_table(adapter['files'])}"
        )
    training, selection = adapter["training"], adapter["selection"]
    name = training["triplets"]
    whose = "the paper's" if name == PAPER_TRIPLETS else "**not the paper's**"
    barred = [f"`{name}`" for name in training["inputs"] if name not in ("manifest", "triplets")]
    left_out = f" No sentence of {', '.join(barred)} is in them." if barred else ""
    zero_shot = f" ({selection['zero_shot']:.2f} without it)" if "zero_shot" in selection else ""
    prompt = (
        ""
        if training["representation"] == vars(representation)
        else (
            f"\n\nIt was trained with another prompt: `{training['representation']['template']}`."
        )
    )
    recipe = "\n".join(
        f"| {key} | {json.dumps(value)} |" for key, value in training["recipe"].items()
    )
    return f"""## Training

Contrastive fine-tuning with LoRA on {training["rows"]:,} triplets of the training set `{name}`,
which is {whose}.{left_out}{prompt}

| recipe | |
| --- | --- |
{recipe}

The checkpoint is that of step {selection["step"]}, chosen by its score of
{selection["score"]:.2f} on {tasks_of(selection)}{zero_shot}, weights in {selection["precision"]}.

{digest_table(training["inputs"] | selection["inputs"] | adapter["files"])}

Made with {versions_of(training)}."""


def tasks_of(selection: Mapping[str, Any]) -> str:
    """Tasks that a checkpoint was chosen on."""
    return ", ".join(f"`{name}`" for name in selection["inputs"] if name != "manifest")


def versions_of(about: Mapping[str, Any]) -> str:
    """Packages and their versions."""
    return ", ".join(f"{name} {version}" for name, version in about["versions"].items())


def digest_table(digests: Mapping[str, str]) -> str:
    """SHA-256 of each file."""
    rows = [f"| {name} | `{digest}` |" for name, digest in digests.items()]
    return "\n".join(["| file | SHA-256 |", "| --- | --- |", *rows])


def base_section(names: Names, model: Mapping[str, Any]) -> str:
    """Where the base model is from, and its licence."""
    kind, source = next(iter(model["source"].items()))
    where = {
        "hub": lambda: f"`{source['repository']}` on the hub, revision `{source['revision']}`",
        "wheel": lambda: (
            f"`{source['parts'][0]['file']}` in "
            + ", ".join(f"{part['package']} {part['version']}" for part in source["parts"])
            + " on PyPI"
        ),
        "path": lambda: "a folder of the author's",
    }[kind]()
    merged = " It covers these weights too." if names.weights == "merged" else ""
    return f"""## Base model

{names.model}: {where}. Licence: {names.licence["name"]}.{merged}

{digest_table(model["files"])}"""
