import gzip
import io
import json
import tarfile

import download_triplets
import pytest

from sentscale import download as module
from sentscale.download import RETRIES, download, download_locked, extract
from sentscale.files import read_json

BODY = bytes(range(256)) * 1000
# Of BODY: python -c 'import sys; sys.stdout.buffer.write(bytes(range(256))*1000)' | sha256sum
SHA256 = "b57b64b198d5d59ce5a22a9b9f25e72a7d081476d432051aa923f3dbebb90934"
REPOSITORY, FIRST, SECOND = "org/data", 40 * "a", 40 * "b"
SOURCE = {"repository": REPOSITORY, "file": "senteval.tar", "revision": None}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole(server, tmp_path):
    download(server.answer("/f", BODY), tmp_path / "new" / "f.bin", SHA256)
    assert (tmp_path / "new" / "f.bin").read_bytes() == BODY
    assert names(tmp_path / "new") == ["f.bin"]


def test_a_file_that_is_sent_compressed_arrives_plain(server, tmp_path):
    url = server.answer("/f", gzip.compress(BODY), content_encoding="gzip")
    download(url, tmp_path / "f.bin", SHA256)
    assert (tmp_path / "f.bin").read_bytes() == BODY


def test_a_missing_file_is_not_asked_for_again(server, tmp_path):
    url = server.url + "/nothing"
    with pytest.raises(RuntimeError, match=rf"{url}: HTTP 404"):
        download(url, tmp_path / "f.bin", None, backoff_s=0.001)
    assert server.asked == ["/nothing"]
    assert names(tmp_path) == []


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.answer("/f", status=503)
    server.answer("/f", status=429)
    download(server.answer("/f", BODY), tmp_path / "f.bin", SHA256, backoff_s=0.001)
    assert len(server.asked) == 3
    assert (tmp_path / "f.bin").read_bytes() == BODY


def test_a_server_that_stays_busy_is_an_error_that_names_it(server, tmp_path):
    url = server.answer("/f", status=503)
    with pytest.raises(RuntimeError, match=rf"{url}: gave up after 5 attempts: HTTP 503"):
        download(url, tmp_path / "f.bin", SHA256, backoff_s=0.001)
    assert len(server.asked) == RETRIES + 1
    assert names(tmp_path) == []


def test_a_broken_stream_is_tried_again(server, tmp_path):
    server.answer("/f", BODY[:1000], content_length=len(BODY))
    download(server.answer("/f", BODY), tmp_path / "f.bin", None, backoff_s=0.001)
    assert (tmp_path / "f.bin").read_bytes() == BODY


def test_half_a_file_never_gets_its_name(server, tmp_path):
    url = server.answer("/f", BODY[:1000], content_length=len(BODY))
    with pytest.raises(RuntimeError, match="gave up after 5 attempts"):
        download(url, tmp_path / "f.bin", None, backoff_s=0.001)
    assert len(server.asked) == RETRIES + 1
    assert names(tmp_path) == []


def test_an_unreachable_server_is_an_error_that_names_it(server, tmp_path):
    server.http.server_close()  # nobody listens on this port any more
    with pytest.raises(RuntimeError, match=rf"{server.url}/f: gave up"):
        download(server.url + "/f", tmp_path / "f.bin", None, backoff_s=0.001)


def test_a_web_page_is_not_a_file(server, tmp_path):
    url = server.answer("/f", b"<html>Log in</html>", content_type="text/html; charset=utf-8")
    with pytest.raises(ValueError, match=rf"{url}: got a web page"):
        download(url, tmp_path / "f.bin", None)
    assert names(tmp_path) == []


def test_another_digest_never_gets_the_name(server, tmp_path):
    url = server.answer("/f", BODY + b"x")
    with pytest.raises(ValueError, match=f"expected {SHA256}"):
        download(url, tmp_path / "f.bin", SHA256)
    assert names(tmp_path) == []
    assert len(server.asked) == 1


def test_the_first_download_writes_the_lock(hub, tmp_path):
    hub.add_dataset_file(REPOSITORY, FIRST, "senteval.tar", BODY)
    download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "s.tar")
    assert (tmp_path / "s.tar").read_bytes() == BODY
    assert read_json(tmp_path / "lock.json") == SOURCE | {"revision": FIRST, "sha256": SHA256}


def test_a_later_download_asks_for_the_locked_revision(hub, tmp_path):
    hub.add_dataset_file(REPOSITORY, FIRST, "senteval.tar", BODY)
    download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "s.tar")
    hub.add_dataset_file(REPOSITORY, SECOND, "senteval.tar", b"newer")
    lock = (tmp_path / "lock.json").read_bytes()
    download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == BODY
    assert (tmp_path / "lock.json").read_bytes() == lock


def test_other_bytes_than_the_locked_ones_are_refused(hub, tmp_path):
    hub.add_dataset_file(REPOSITORY, FIRST, "senteval.tar", BODY)
    download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "s.tar")
    hub.add_dataset_file(REPOSITORY, FIRST, "senteval.tar", b"other")
    with pytest.raises(ValueError, match=f"expected {SHA256}"):
        download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "again.tar")
    assert names(tmp_path) == ["lock.json", "s.tar"]


def test_a_revision_of_the_configuration_is_taken(hub, tmp_path):
    hub.add_dataset_file(REPOSITORY, SECOND, "senteval.tar", b"newer")
    hub.add_dataset_file(REPOSITORY, FIRST, "senteval.tar", BODY)
    download_locked(SOURCE | {"revision": SECOND}, tmp_path / "lock.json", tmp_path / "s.tar")
    assert (tmp_path / "s.tar").read_bytes() == b"newer"


@pytest.mark.parametrize("key", ["repository", "revision", "file"])
def test_a_configuration_that_contradicts_the_lock_is_refused(hub, tmp_path, key):
    hub.add_dataset_file(REPOSITORY, FIRST, "senteval.tar", BODY)
    download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "s.tar")
    with pytest.raises(ValueError, match=r"lock\.json pins .*other.*delete one"):
        download_locked(SOURCE | {key: "other"}, tmp_path / "lock.json", tmp_path / "t.tar")


def test_an_unreachable_hub_writes_no_lock(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RETRIES", 0)
    hub.server.http.server_close()
    with pytest.raises(RuntimeError, match=hub.server.url):
        download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "s.tar")
    assert not (tmp_path / "lock.json").exists()


def test_a_hub_that_tells_no_revision_is_an_error_that_names_it(hub, tmp_path):
    place = f"/datasets/{REPOSITORY}/resolve/main/senteval.tar"
    url = hub.server.answer(place, status=307, location="/elsewhere")  # a renamed repository
    with pytest.raises(RuntimeError, match=url):
        download_locked(SOURCE, tmp_path / "lock.json", tmp_path / "s.tar")


def test_the_triplets_have_a_lock_of_their_own(hub, tmp_path):
    source = {"repository": REPOSITORY, "file": "nli_for_simcse.csv", "revision": None}
    lock, out = tmp_path / "nli.lock.json", tmp_path / "nli/nli_for_simcse.csv"
    options = ["--source", json.dumps(source), "--lock", str(lock), "--out", str(out)]
    hub.add_dataset_file(REPOSITORY, FIRST, "nli_for_simcse.csv", BODY)
    download_triplets.main(options)
    assert out.read_bytes() == BODY
    assert read_json(lock) == source | {"revision": FIRST, "sha256": SHA256}
    out.unlink()
    hub.add_dataset_file(REPOSITORY, FIRST, "nli_for_simcse.csv", b"other")
    with pytest.raises(ValueError, match=f"expected {SHA256}"):
        download_triplets.main(options)
    assert not out.exists()


def tar_of(path, members):
    """A tar of files by name; a link's content is its target after `->`."""
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content.startswith(b"->"):
                member.type, member.linkname = tarfile.SYMTYPE, content[2:].decode()
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("top", ["", "./", "SentEval/data/downstream/"])
def test_the_folder_is_found_wherever_the_tar_has_it(tmp_path, top):
    tar = tar_of(
        tmp_path / "a.tar", {f"{top}STS/STS12/in.txt": b"a\tb\n", f"{top}SICK/t.txt": b"c"}
    )
    extract(tar, tmp_path / "out", "STS")
    assert (tmp_path / "out" / "STS" / "STS12" / "in.txt").read_bytes() == b"a\tb\n"
    assert names(tmp_path / "out") == ["SICK", "STS"]
    assert names(tmp_path) == ["a.tar", "out"]


def test_an_older_folder_is_replaced(tmp_path):
    (tmp_path / "out" / "old").mkdir(parents=True)
    extract(tar_of(tmp_path / "a.tar", {"STS/in.txt": b"a"}), tmp_path / "out", "STS")
    assert names(tmp_path / "out") == ["STS"]


@pytest.mark.parametrize(
    "members",
    [
        {"STS/in.txt": b"a", "../evil": b"x"},
        {"STS/in.txt": b"a", "STS/../../../evil": b"x"},
        {"STS/in.txt": b"a", "STS/link": b"->../../../evil"},
        {"STS/in.txt": b"a", "STS/link": b"->/etc/passwd"},
    ],
)
def test_a_member_that_leaves_the_folder_is_refused(tmp_path, members):
    tar = tar_of(tmp_path / "deep.tar", members)
    with pytest.raises(ValueError, match=r"deep\.tar: cannot be unpacked"):
        extract(tar, tmp_path / "x" / "y" / "out", "STS")
    assert not list(tmp_path.rglob("evil"))
    assert not list(tmp_path.rglob("*out*"))


def test_a_truncated_tar_is_refused(tmp_path):
    tar = tar_of(tmp_path / "a.tar", {"STS/in.txt": b"a", "STS/long.txt": b"x" * 20_000})
    tar.write_bytes(tar.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"a\.tar: cannot be unpacked"):
        extract(tar, tmp_path / "out", "STS")
    assert names(tmp_path) == ["a.tar"]


@pytest.mark.parametrize("content", [b"", b"<html>", b"x" * 2000])
def test_what_is_no_tar_is_refused(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tar: cannot be unpacked"):
        extract(tmp_path / "a.tar", tmp_path / "out", "STS")


def test_a_tar_without_the_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a\.tar: holds no folder STS"):
        extract(tar_of(tmp_path / "a.tar", {"other/in.txt": b"a"}), tmp_path / "out", "STS")
    assert names(tmp_path) == ["a.tar"]
