"""What jobs ask for: counted from model, task and machine by sizing.py.

`gpus`, `mem_mb` and `runtime_min` of config.yaml come before what is counted. Memory and time
grow with each retry. Nothing here changes a number or reruns a job.
"""

from sentscale import sizing


def read_machine():
    """The machine of the profile in use (its default resource `machine`), checked."""
    defaults = workflow.resource_settings.default_resources
    known = dict(defaults.items()) if defaults else {}
    local = "workflow/profiles/local/machine.yaml"
    path = Path(workflow.basedir, known["machine"].raw if "machine" in known else local)
    if not path.is_file():
        raise WorkflowError(f"the profile's default resource machine is {path}: no such file")
    machine = yaml.safe_load(path.read_text(encoding="utf-8"))
    check_schema(machine, "machine.schema.yaml", f"The machine ({path})")
    gpu = machine["gpu"]
    if gpu and (gpu["request"] == "extra") != (gpu["extra"] is not None):
        raise WorkflowError(
            f"{path}: gpu.request is {gpu['request']!r}, gpu.extra is {gpu['extra']!r}:"
            " request extra needs words, the others have none"
        )
    return machine


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


def kind_of(gpus):
    """Entry of the machine for jobs with so many GPUs."""
    big = MACHINE["big_gpu"]
    if big and gpus >= big["from_gpus"]:
        return big
    return MACHINE["gpu" if gpus and MACHINE["gpu"] else "cpu"]


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


def requests(need, stated):
    """Resources of a rule.

    Args:
        need: Function from wildcards to a Need.
        stated: Function from wildcards to what config.yaml states for the job.
    """
    resources = {
        "devices": lambda wildcards: need(wildcards).gpus,  # {resources.devices} in a shell
        "mem_mb": lambda wildcards, attempt: attempt
        * stated(wildcards).get("mem_mb", need(wildcards).mem_mb),
        "runtime": lambda wildcards, attempt: attempt
        * stated(wildcards).get("runtime_min", need(wildcards).runtime_min),
        "nodes": 1,  # else SLURM may spread GPUs over several
        "disk_mb": lambda wildcards: round(need(wildcards).disk_gb * 1000),
        # For `make plan`.
        "gpu_mb": lambda wildcards: round(need(wildcards).gpu_gb * 1000),
        "expected_s": lambda wildcards: round(need(wildcards).seconds),
    }
    for name, ask in request_of_gpus().items():
        resources[name] = lambda wildcards, ask=ask: ask(need(wildcards).gpus)
    for key in ("partition", "account"):
        if any(entry and entry[key] for entry in map(MACHINE.get, ("cpu", "gpu", "big_gpu"))):
            resources[f"slurm_{key}"] = lambda wildcards, key=key: (
                kind_of(need(wildcards).gpus)[key] or ""
            )
    return resources


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


def requests_of_embedding(need, stated=own):
    """Resources of a rule that runs the engine."""
    embedding = config["embedding"]
    return {
        **requests(need, stated),
        "engine": embedding["engine"],
        "placement": lambda wildcards: need(wildcards).placement,
        "max_tokens": lambda wildcards: max_tokens_on(need(wildcards).gpus),
        "shard_sentences": embedding["shard_sentences"],
    }


include: "validate_places.smk"
