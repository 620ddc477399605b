"""What jobs ask for: counted from model, task and machine by sizing.py.

`gpus`, `mem_mb` and `runtime_min` of config.yaml come before what is counted. Memory and time
grow with each retry. Nothing here changes a number or reruns a job.
"""

from dataclasses import replace

from sentscale import sizing


def path_of_machine():
    """The machine.yaml of the profile in use: its default resource `machine`."""
    defaults = workflow.resource_settings.default_resources
    known = dict(defaults.items()) if defaults else {}
    if "machine" in known:
        return Path(workflow.basedir, known["machine"].raw)
    if known.keys() - {"tmpdir"}:
        raise WorkflowError(
            f"default-resources are {', '.join(known)}, without machine: on the command line they"
            " replace a profile's. Add machine=workflow/profiles/slurm/machine.yaml (partitions and"
            " accounts are in that file), or the one of your profile"
        )
    return Path(workflow.basedir, "workflow/profiles/local/machine.yaml")


def read_machine():
    """What the machine.yaml says, checked."""
    if not PATH_OF_MACHINE.is_file():
        raise WorkflowError(f"default resource machine is {PATH_OF_MACHINE}: no such file")
    machine = yaml.safe_load(PATH_OF_MACHINE.read_text(encoding="utf-8"))
    check_schema(machine, "machine.schema.yaml", f"The machine ({PATH_OF_MACHINE})")
    gpu = machine["gpu"]
    if gpu and (gpu["request"] == "extra") != (gpu["extra"] is not None):
        raise WorkflowError(
            f"{PATH_OF_MACHINE}: gpu.request is {gpu['request']!r}, gpu.extra is {gpu['extra']!r}:"
            " request extra needs words, the others have none"
        )
    return machine


PATH_OF_MACHINE = path_of_machine()
MACHINE = read_machine()


include: "common_needs.smk"


def own(wildcards):
    """What config.yaml states for jobs of the wildcard's model."""
    return config["models"][wildcards.model]


def own_of_training(wildcards):
    """What config.yaml states for the training of the wildcard's model."""
    return own(wildcards).get("training", {})


def own_of_label(wildcards):
    """What config.yaml states for the model that labels a list."""
    return config["models"][of_list("model")(wildcards)]


def nothing(wildcards):
    """config.yaml states nothing for the job."""
    return {}


def kind_of(gpus):
    """Entry of the machine for jobs with so many GPUs."""
    big = MACHINE["big_gpu"]
    if big and gpus >= big["from_gpus"]:
        return big
    return MACHINE["gpu" if gpus else "cpu"]


def request_of_gpus():
    """Resources that ask SLURM for GPUs, as functions of their number."""
    gpu = MACHINE["gpu"] or {"request": "gpus", "model": None}
    if gpu["request"] == "extra":
        return {"slurm_extra": lambda gpus: gpu["extra"].format(gpus=gpus) if gpus else ""}
    if gpu["request"] == "gres":
        middle = f"{gpu['model']}:" if gpu["model"] else ""
        return {"gres": lambda gpus: f"gpu:{middle}{gpus}" if gpus else ""}
    named = {"gpu_model": lambda gpus: gpu["model"] if gpus else ""} if gpu["model"] else {}
    return {"gpu": lambda gpus: gpus, **named}


def within(limit, wanted, first):
    """What a retry asks for: no more than there is, no less than the first attempt did."""
    return wanted if limit is None else max(first, min(wanted, limit))


def requests(need, stated):
    """Resources of a rule.

    Args:
        need: Function from wildcards to a Need.
        stated: Function from wildcards to what config.yaml states for the job.
    """

    def mem_mb(wildcards, attempt):
        asked = need(wildcards)
        first = stated(wildcards).get("mem_mb", asked.mem_mb)
        kind = MACHINE["gpu" if asked.gpus else "cpu"]
        node_gb = kind["node_memory_gb"] if asked.gpus else kind["memory_gb"]
        return within(int(node_gb * 1000), attempt * first, first)

    def runtime(wildcards, attempt):
        asked = need(wildcards)
        first = stated(wildcards).get("runtime_min", asked.runtime_min)
        return within(kind_of(asked.gpus)["limit_min"], attempt * first, first)

    resources = {
        "mem_mb": mem_mb,
        "runtime": runtime,
        "devices": lambda wildcards: need(wildcards).gpus,  # {resources.devices} in a shell
        # For `make plan`.
        "gpu_mb": lambda wildcards: round(need(wildcards).gpu_gb * 1000),
        "expected_s": lambda wildcards: round(need(wildcards).seconds),
        "stored_mb": lambda wildcards: round(need(wildcards).stored_gb * 1000),
    }
    for name, ask in request_of_gpus().items():
        resources[name] = lambda wildcards, ask=ask: ask(need(wildcards).gpus)
    for key in ("partition", "account"):
        if any(entry and entry[key] for entry in map(MACHINE.get, ("cpu", "gpu", "big_gpu"))):
            resources[f"slurm_{key}"] = lambda wildcards, key=key: (
                kind_of(need(wildcards).gpus)[key] or ""
            )
    return resources


def requests_of_model(need, stated):
    """Resources for a job that loads a model. On one node, or SLURM may spread GPUs over several.

    Not for rules that share a submission: it would add the nodes of all.
    """
    return {**requests(need, stated), "nodes": 1}


def download_mb(bytes_of_parameter):
    """Input function: size of what is fetched for a model, for `make plan`."""

    def size(wildcards):
        return config["models"][wildcards.model]["parameters"] * bytes_of_parameter // 1_000_000

    return size


def max_tokens_on(gpus):
    """Most tokens in a batch."""
    return (
        MACHINE["gpu"]["max_tokens"]
        if gpus and MACHINE["gpu"]
        else config["embedding"]["max_tokens"]
    )


def requests_of_embedding(need):
    """Resources of a rule that runs the engine."""
    embedding = config["embedding"]
    return {
        **requests_of_model(need, own),
        "engine": embedding["engine"],
        "placement": lambda wildcards: need(wildcards).placement,
        "max_tokens": lambda wildcards: max_tokens_on(need(wildcards).gpus),
        "shard_sentences": embedding["shard_sentences"],
    }


include: "validate_places.smk"
