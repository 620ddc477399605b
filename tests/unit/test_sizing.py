"""What jobs ask for, against what jobs were seen to take."""

from dataclasses import replace

import pytest
import yaml

from sentscale import sizing

PARAMETERS = {
    "125m": 125_239_296,
    "1.3b": 1_315_758_080,
    "6.7b": 6_658_473_984,
    "66b": 65_719_701_504,
}
OPT = {name: sizing.size_of(parameters) for name, parameters in PARAMETERS.items()}
SMOLLM2 = sizing.size_of(134_515_008, 30, 576)


@pytest.fixture(scope="module")
def laptop(request):
    path = request.config.rootpath / "workflow/profiles/local/machine.yaml"
    return yaml.safe_load(path.read_text())


def with_gpus(laptop, memory_gb, per_node):
    gpu = {"memory_gb": memory_gb, "per_node": per_node, "tflops": {"fp32": 19.5, "half": 312}}
    return laptop | {"gpu": gpu}


@pytest.mark.parametrize(("name", "layers", "width"), [("6.7b", 32, 4096), ("66b", 64, 9216)])
def test_the_expected_size_is_close_to_the_real_one(name, layers, width):
    assert OPT[name].width == pytest.approx(width, rel=0.05)
    assert OPT[name].layers == pytest.approx(layers, rel=0.15)


def test_a_known_size_comes_before_the_expected_one(laptop):
    # T5-11B's encoder: 4.86 billion parameters in 24 layers of 1024 numbers.
    size = sizing.size_of(4_864_791_552, 24, 1024)
    assert (size.layers, size.width) == (24, 1024)
    vectors = embedding(laptop, "fp32", 10, 1_000_000, size=size).stored_gb
    assert vectors == pytest.approx(1_000_000 * 1024 * 4 / 1e9)
    resident, stream = (
        embedding(laptop, "fp32", 10, placement=placement, size=size).memory_gb
        for placement in ("resident", "stream")
    )
    # Three of 24 layers are in memory; Python takes 1 GB beside them.
    assert (stream - 1) / (resident - 1) == pytest.approx(3 / 24, rel=0.01)


@pytest.mark.parametrize(
    ("memory_gb", "per_node", "name", "precision", "placement", "gpus"),
    [
        (80, 4, "6.7b", "fp32", "resident", 1),  # 27 GB
        (80, 4, "66b", "nf4", "resident", 1),  # 39 GB
        (80, 4, "66b", "fp16", "split", 2),  # 131 GB
        (80, 8, "66b", "fp32", "split", 5),  # 263 GB, 65 beside the states on each
        (80, 4, "66b", "fp32", "stream", 1),  # five do not fit a node of four
        (24, 1, "66b", "fp16", "stream", 1),
        (24, 1, "1.3b", "fp32", "resident", 1),
    ],
)
def test_a_model_goes_where_it_fits(laptop, memory_gb, per_node, name, precision, placement, gpus):
    machine = with_gpus(laptop, memory_gb, per_node)
    found = sizing.place(machine, OPT[name], precision, "auto", 16384)
    assert found[:2] == (placement, gpus)
    assert found[2] <= memory_gb


def test_without_gpus_a_model_is_on_the_cpu_where_it_fits(laptop):
    assert sizing.place(laptop, OPT["1.3b"], "fp32", "auto", 1024) == ("resident", 0, 0.0)
    # 263 GB do not fit into 16.
    assert sizing.place(laptop, OPT["66b"], "fp32", "auto", 1024) == ("stream", 0, 0.0)
    assert sizing.place(laptop, OPT["125m"], "fp32", "stream", 1024) == ("stream", 0, 0.0)


def test_a_gpu_that_holds_not_even_the_states_reads_from_disk(laptop):
    assert sizing.place(with_gpus(laptop, 4, 2), OPT["66b"], "fp16", "auto", 16384)[0] == "stream"


def test_lora_is_as_large_as_peft_makes_it():
    # OPT-6.7B, rank 64: 32 layers of 4 (4096 + 4096) + 2 (4096 + 16384) rows and columns.
    counted = 32 * 64 * (4 * 8192 + 2 * 20480)
    share = sizing.LORA_SHARE * 64 / OPT["6.7b"].width
    assert OPT["6.7b"].parameters * share == pytest.approx(counted, rel=0.05)


def test_candidates_are_counted():
    # The paper: 275,601 triplets in batches of 256, a checkpoint every 50 steps: 50..1050.
    recipe = {"batch": 256, "epochs": 1, "checkpoint_every": 50}
    assert sizing.candidates(recipe, 275_601) == 21


@pytest.mark.parametrize(
    ("wish", "gpus", "placement"),
    [
        ("auto", 2, "split"),
        ("auto", 1, "resident"),
        ("stream", 1, "stream"),
        ("auto", 0, "resident"),
    ],
)
def test_a_number_of_gpus_that_somebody_chose_stays(laptop, wish, gpus, placement):
    machine = with_gpus(laptop, 80, 4)
    assert sizing.place(machine, OPT["1.3b"], "fp32", wish, 1024, gpus)[:2] == (placement, gpus)


def embedding(laptop, precision, prompts, kept=0, placement="resident", size=SMOLLM2):
    placed = (placement, 0, 0.0)
    return sizing.embedding(laptop, size, precision, placed, 2, prompts, kept)


RECIPE = {"batch": 64, "chunk": 32, "epochs": 1, "compute": "bf16", "base": "nf4"}
RECIPE |= {"rank": 64, "checkpoint_every": 10}


def test_expected_times_are_within_a_factor_of_two_of_measured_ones(laptop):
    # SmolLM2-135M on 2 cores: README.md, docs/demonstrations.md, results/benchmarks.
    need = embedding(laptop, "fp32", 26_083, 26_083)
    assert 858 / 2 < need.seconds < 858 * 2
    need = embedding(laptop, "bf16", 108_107, 108_107)
    assert 1598 / 2 < need.seconds < 1598 * 2
    need = embedding(laptop, "bf16", 31 * 2400)  # the search among 30
    assert 31 * 49 / 2 < need.seconds < 31 * 49 * 2
    need = sizing.training(laptop, SMOLLM2, RECIPE, 7547, 0, 2, 128, "kept")
    assert 118 * 19.2 / 2 < need.seconds < 118 * 19.2 * 2
    assert 29 / 2 < sizing.classifying(SMOLLM2, 10_662, 0, 2).seconds < 29 * 2  # MR


def test_asked_for_memory_is_no_less_than_measured_and_no_more_than_thrice(laptop):
    measured = {  # peaks in MB
        1396: embedding(laptop, "fp32", 350, 350),
        1860: embedding(laptop, "fp32", 26_083, 26_083),
        2490: embedding(laptop, "bf16", 108_107, 108_107),
        8732: sizing.training(laptop, SMOLLM2, RECIPE, 7547, 0, 2, 128, "kept"),
        3242: sizing.training(laptop, SMOLLM2, RECIPE | {"batch": 30}, 60, 0, 2, 0, "kept"),
        911: sizing.classifying(SMOLLM2, 70_042, 0, 2),  # SST2
    }
    for peak, need in measured.items():
        assert peak < need.mem_mb < 3 * peak, peak


def test_a_request_leaves_time_to_spare(laptop):
    need = replace(embedding(laptop, "fp32", 10), seconds=600.0, memory_gb=2.0)
    assert (need.runtime_min, need.mem_mb) == (5 + 20, 3000)


def test_recomputed_activations_take_less_memory_and_more_time(laptop):
    kept, recomputed = (
        sizing.training(laptop, OPT["1.3b"], RECIPE, 1000, 0, 2, 0, how)
        for how in ("kept", "recomputed")
    )
    assert recomputed.memory_gb < kept.memory_gb
    assert recomputed.seconds > kept.seconds


def test_more_gpus_take_less_time(laptop):
    machine = with_gpus(laptop, 80, 4)
    one, four = (
        sizing.training(machine, OPT["6.7b"], RECIPE, 275_601, gpus, 2, 0, "kept")
        for gpus in (1, 4)
    )
    assert four.seconds == pytest.approx(one.seconds / 4, rel=0.02)
    assert four.gpu_gb == pytest.approx(one.gpu_gb)
