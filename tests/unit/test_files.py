import os
import time

import pytest

from sentscale.files import (
    check_sha256,
    read_json,
    read_lines,
    sha256_of,
    write_array,
    write_json,
    write_text,
    written_whole,
)

# FIPS 180-2, appendix B.1.
SHA256_OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def write_half(path, error):
    with written_whole(path) as part:
        part.write_text("half")
        raise error


def test_an_exception_leaves_nothing_behind(tmp_path):
    with pytest.raises(RuntimeError):
        write_half(tmp_path / "out.txt", RuntimeError)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_leaves_the_old_file(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "out.txt", KeyboardInterrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
    assert (tmp_path / "out.txt").read_text() == "old"


def test_the_name_appears_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "folder" / "out.txt"
    with written_whole(path) as part:
        part.write_text("all")
        assert part.parent == path.parent  # the same file system, so a rename is enough
        assert not path.exists()
    assert path.read_text() == "all"
    assert len(list(path.parent.iterdir())) == 1


def test_a_file_is_replaced(tmp_path):
    write_text(tmp_path / "out.txt", "old and longer")
    write_text(tmp_path / "out.txt", "new")
    assert (tmp_path / "out.txt").read_text() == "new"


def test_a_folder_is_replaced_with_all_in_it(tmp_path):
    for name in ("old", "new"):
        with written_whole(tmp_path / "out") as part:
            part.mkdir()
            (part / name).write_text(name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_a_killed_job_left_goes_when_it_is_a_day_old(tmp_path, is_folder):
    left = []
    with written_whole(tmp_path / "out") as part:
        left.append(part)
        part.write_text("x")
    if is_folder:
        (left[0] / "deep").mkdir(parents=True)
    else:
        left[0].write_text("half")
    write_text(tmp_path / "out", "whole")
    assert left[0].exists()  # perhaps a job that is still writing
    yesterday = time.time() - 25 * 3600
    os.utime(left[0], (yesterday, yesterday))
    write_text(tmp_path / "out", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "whole"


def test_two_writers_do_not_meet(tmp_path):
    # A job that a cluster lost sight of still writes when it is run again.
    path = tmp_path / "out.txt"
    with written_whole(path) as first:
        first.write_text("half")
        with written_whole(path) as second:
            second.write_text("whole")
            assert first.read_text() == "half"
        assert path.read_text() == "whole"
        first.write_text("whole")
    assert path.read_text() == "whole"
    assert [one.name for one in tmp_path.iterdir()] == ["out.txt"]


def test_nothing_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "out.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_lines_end_at_line_feeds_only(tmp_path):
    text = "a\u0085b\nc\u2028d\x0be\r\n\n"
    (tmp_path / "t.txt").write_bytes(text.encode())
    assert read_lines(tmp_path / "t.txt") == ["a\u0085b", "c\u2028d\x0be\r", ""]


def test_text_is_written_with_unix_line_ends(tmp_path):
    write_text(tmp_path / "t.txt", "é\n\u0085\n")
    assert (tmp_path / "t.txt").read_bytes() == b"\xc3\xa9\n\xc2\x85\n"


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    (tmp_path / "t.txt").write_text("a\nb")
    with pytest.raises(ValueError, match=r"t\.txt: no line feed at the end"):
        read_lines(tmp_path / "t.txt")


def test_an_empty_file_has_no_line(tmp_path):
    (tmp_path / "t.txt").touch()
    assert read_lines(tmp_path / "t.txt") == []


def test_sha256_is_the_standards(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"abc")
    assert sha256_of(tmp_path / "t.txt") == SHA256_OF_ABC
    check_sha256(tmp_path / "t.txt", SHA256_OF_ABC)


def test_another_digest_is_refused_with_file_and_both_digests(tmp_path):
    (tmp_path / "t.txt").write_bytes(b"abc")
    with pytest.raises(ValueError, match=rf"t\.txt: sha256 is {SHA256_OF_ABC}, expected 00"):
        check_sha256(tmp_path / "t.txt", 64 * "0")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_holds_numbers_only(tmp_path, value):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "t.json", {"score": value})
    assert list(tmp_path.iterdir()) == []


def test_json_is_read_back(tmp_path):
    value = {"a": [1, 2.5, None], "ρ": 'quote "'}
    write_json(tmp_path / "t.json", value)
    assert read_json(tmp_path / "t.json") == value
    assert "ρ" in (tmp_path / "t.json").read_text(encoding="utf-8")  # for people


def test_json_that_is_none_is_named(tmp_path):
    (tmp_path / "t.json").write_text("{")
    with pytest.raises(ValueError, match=r"t\.json: not valid JSON"):
        read_json(tmp_path / "t.json")


def test_arrays_are_written_without_pickle(tmp_path):
    import numpy as np

    write_array(tmp_path / "t.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    found = np.load(tmp_path / "t.npy", allow_pickle=False)
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="allow_pickle"):
        write_array(tmp_path / "o.npy", np.array([object()]))
    assert [path.name for path in tmp_path.iterdir()] == ["t.npy"]
