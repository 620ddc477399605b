"""Adapters: contrastive fine-tuning, the choice of a checkpoint, published ones."""


rule train_adapter:
    """Fine-tune a frozen model with LoRA on triplets; every so many steps a candidate."""
    input:
        weights="results/models/{model}/manifest.json",
        triplets=tables_of_recipe("triplets"),
        left_out=tables_of_recipe("left_out"),
        representation=representation_of_recipe,
    output:
        checkpoints=directory("results/adapters/{model}/{adapter}/checkpoints"),
        curve="results/adapters/{model}/{adapter}/curve.csv",
        about="results/adapters/{model}/{adapter}/training.json",
    log:
        "results/logs/train_adapter/{model}/{adapter}.log",
    benchmark:
        "results/benchmarks/train_adapter/{model}/{adapter}.tsv"
    wildcard_constraints:
        adapter=adapters_from("recipe"),
    conda:
        "../../envs/gpu.yaml"
    threads: threads_of_training
    resources:
        **requests_of_model(need_of_training, own_of_training),
        launcher=launcher_of,
        kept_rows=of_training("kept_rows"),
        activations=of_training("activations"),
    params:
        recipe=recipe_of,
        protocol=PROTOCOL["train_adapter"],
    shell:
        # A signal may come to all processes of a job: shell and tee wait for the checkpoint.
        "trap : TERM USR1; "
        "HF_HUB_OFFLINE=1 python {resources.launcher} workflow/scripts/train_adapter.py --weights {input.weights}"
        " --triplets {input.triplets} --left-out {input.left_out}"
        " --prompt {input.representation} --recipe {params.recipe:q}"
        " --protocol {params.protocol} --threads {threads} --gpus {resources.devices}"
        " --kept-rows {resources.kept_rows} --activations {resources.activations}"
        " --unfinished results/adapters/{wildcards.model}/{wildcards.adapter}/.unfinished"
        " --tensorboard results/logs/tensorboard/{wildcards.model}/{wildcards.adapter}"
        " --checkpoints {output.checkpoints} --curve {output.curve} --about {output.about}"
        " 2>&1 | (trap '' TERM USR1; exec tee {log})"


rule choose_checkpoint:
    """Score every candidate on a development suite and take the best, the latest of equals."""
    input:
        checkpoints="results/adapters/{model}/{adapter}/checkpoints",
        about="results/adapters/{model}/{adapter}/training.json",
        weights="results/models/{model}/manifest.json",
        representation=representation_of_recipe,
        tasks=tasks_of_selection,
    output:
        adapter="results/adapters/{model}/{adapter}/adapter_model.safetensors",
        settings="results/adapters/{model}/{adapter}/adapter_config.json",
        scores="results/adapters/{model}/{adapter}/checkpoints.csv",
        manifest="results/adapters/{model}/{adapter}/manifest.json",
    log:
        "results/logs/choose_checkpoint/{model}/{adapter}.log",
    benchmark:
        "results/benchmarks/choose_checkpoint/{model}/{adapter}.tsv"
    wildcard_constraints:
        adapter=adapters_from("recipe"),
    conda:
        "../../envs/gpu.yaml"
    threads: config["embedding"]["threads"]
    resources:
        **requests_of_embedding(need_of_choice),
    params:
        precision=lambda wildcards: of_recipe("selection")(wildcards)["precision"],
        triplets=of_recipe("triplets"),
        protocol=PROTOCOL["choose_checkpoint"],
    shell:
        "HF_HUB_OFFLINE=1 python workflow/scripts/choose_checkpoint.py --checkpoints {input.checkpoints}"
        " --about {input.about} --triplets {params.triplets} --weights {input.weights}"
        " --precision {params.precision} --representation {input.representation}"
        " --tasks {input.tasks} --protocol {params.protocol} --compute engine={resources.engine}"
        " placement={resources.placement} threads={threads} gpus={resources.devices}"
        " max_tokens={resources.max_tokens} shard_sentences={resources.shard_sentences}"
        " --kept results/adapters/{wildcards.model}/{wildcards.adapter}/.candidates"
        " --scores {output.scores} --adapter {output.adapter} {output.settings}"
        " --manifest {output.manifest} 2>&1 | tee {log}"


rule fetch_adapter:
    """Fetch one revision of a published adapter and write it as training would."""
    localrule: True
    output:
        adapter="results/adapters/{model}/{adapter}/adapter_model.safetensors",
        settings="results/adapters/{model}/{adapter}/adapter_config.json",
        manifest="results/adapters/{model}/{adapter}/manifest.json",
    log:
        "results/logs/fetch_adapter/{model}/{adapter}.log",
    benchmark:
        "results/benchmarks/fetch_adapter/{model}/{adapter}.tsv"
    wildcard_constraints:
        adapter=adapters_from("published"),
    conda:
        "../../envs/gpu.yaml"
    params:
        source=source_of_adapter,
        protocol=PROTOCOL["fetch_adapter"],
    shell:
        "python workflow/scripts/fetch_adapter.py --source {params.source:q}"
        " --manifest {output.manifest} 2>&1 | tee {log}"


rule plot_training:
    """Draw how the training of an adapter went, model by model."""
    localrule: True
    input:
        curves=files_of_training("curve.csv"),
        scores=files_of_training("checkpoints.csv"),
        code=code("plot_training"),
    output:
        svg=report(
            "results/figures/training/{adapter}.svg",
            caption="../report/training.rst",
            category="Figures",
            labels={"figure": "training, {adapter}"},
        ),
        pdf="results/figures/training/{adapter}.pdf",
    log:
        "results/logs/plot_training/{adapter}.log",
    benchmark:
        "results/benchmarks/plot_training/{adapter}.tsv"
    wildcard_constraints:
        adapter=adapters_from("recipe"),
    conda:
        "../../envs/cpu.yaml"
    params:
        models=lambda wildcards: trainings_of_run().get(wildcards.adapter, []),
        suite=lambda wildcards: of_recipe("selection")(wildcards)["suite"],
        style=json.dumps(config["figures"]["style"], sort_keys=True),
    shell:
        "python workflow/scripts/plot_training.py --curves {input.curves} --scores {input.scores}"
        " --models {params.models} --suite {params.suite} --style {params.style:q}"
        " --out {output} 2>&1 | tee {log}"
