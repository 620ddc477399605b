from sentscale.lines import EncoderName, size_lines

PARAMETERS = {"s": 10, "m": 20, "l": 30, "x": 15}
FAMILIES = {"s": "F", "m": "F", "l": "F", "x": "G"}


def lines(*names):
    """Lines of encoders given as "model precision", all of one representation."""
    encoders = [EncoderName(*name.split(), "eol", "") for name in names]
    found = size_lines(encoders, FAMILIES, PARAMETERS)
    return [(line.precision, [f"{e.model} {e.precision}" for e in line.encoders]) for line in found]


def test_folders_say_none_where_tables_say_nothing():
    plain, tuned = "s/none/fp32/eol", "s/none-of-these/fp32/none"
    assert EncoderName.of(*plain.split("/")) == ("s", "fp32", "eol", "")
    assert EncoderName.of(*tuned.split("/")) == ("s", "fp32", "none", "none-of-these")
    assert [EncoderName.of(*name.split("/")).place for name in (plain, tuned)] == [plain, tuned]


def test_a_line_goes_from_the_smallest_to_the_largest():
    assert lines("l fp32", "s fp32", "m fp32") == [("fp32", ["s fp32", "m fp32", "l fp32"])]


def test_families_are_apart():
    assert lines("s fp32", "x fp32", "m fp32") == [
        ("fp32", ["s fp32", "m fp32"]),
        ("fp32", ["x fp32"]),
    ]


def test_representations_and_adapters_are_apart():
    encoders = [
        EncoderName("s", "fp32", "eol", ""),
        EncoderName("s", "fp32", "icl", ""),
        EncoderName("m", "fp32", "eol", "cse"),
    ]
    found = size_lines(encoders, FAMILIES, PARAMETERS)
    assert [line.encoders for line in found] == [(one,) for one in encoders]


def test_the_largest_model_in_16_bit_stands_in_the_line_of_32():
    # The paper's: 66B in fp16 only. It has no line of its own beside that.
    assert lines("l fp16", "s fp32", "m fp32") == [
        ("fp32, fp16", ["s fp32", "m fp32", "l fp16"]),
    ]


def test_a_quantised_model_does_not():
    assert lines("s fp32", "m fp32", "l nf4") == [
        ("fp32", ["s fp32", "m fp32"]),
        ("nf4", ["l nf4"]),
    ]


def test_a_second_precision_is_a_line_of_its_own():
    found = lines("s fp32", "m fp32", "s bf16", "m bf16", "l bf16")
    assert found == [
        ("fp32, bf16", ["s fp32", "m fp32", "l bf16"]),
        ("bf16", ["s bf16", "m bf16", "l bf16"]),
    ]


def test_of_several_a_missing_model_takes_its_widest():
    found = lines("s fp32", "l fp16", "l bf16")
    assert found[0] == ("fp32, bf16", ["s fp32", "l bf16"])
