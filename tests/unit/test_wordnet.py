import hashlib
import io
import re
import tarfile
from pathlib import Path

import pytest

from sentscale.wordnet import Definition, open_wordnet, read_definitions, sample_definitions

DEBIAN = Path("/usr/share/wordnet")  # package wordnet-base: WordNet 3.0
LICENCE = "  1 Anybody may use these lines.  \n  2 They end here.  \n"
ENDINGS = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}


class Database:
    """Database files that grow by one synset at a time."""

    def __init__(self, folder):
        self.folder = folder
        for ending in set(ENDINGS.values()):
            for kind in ("data", "index"):
                (folder / f"{kind}.{ending}").write_text(LICENCE)

    def append(self, file, line):
        with (self.folder / file).open("a") as lines:
            lines.write(f"{line}  \n")

    def data(self, kind, offset, word, gloss, rest="0 000", count="01"):
        line = f"{offset:08d} 03 {kind} {count} {word} {rest} | {gloss}"
        self.append(f"data.{ENDINGS[kind]}", line)

    def index(self, kind, lemma, *offsets, tagged=1):
        letter = "a" if kind == "s" else kind
        where = " ".join(f"{offset:08d}" for offset in offsets)
        senses = len(offsets)
        line = f"{lemma} {letter} {senses} 2 @ ~ {senses} {tagged} {where}"
        self.append(f"index.{ENDINGS[kind]}", line)

    def add(self, word, gloss, kind="n", offset=1, **named):
        self.data(kind, offset, word, gloss, **named)
        self.index(kind, word.partition("(")[0].lower(), offset)

    def read(self):
        return list(read_definitions(self.folder))

    def glosses(self):
        return [one.gloss for one in self.read()]

    def words(self):
        return [one.word for one in self.read()]


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path)


def test_one_definition_of_each_part_of_speech(database):
    database.add("lantern", "a light that one carries", offset=1740)
    database.add("hum", "make a low sound", "v", 20, rest="0 000 01 + 02 00")
    database.add("brave", "without any fear", "a", 30)
    database.add("dim", "giving little light", "s", 40)
    database.add("soon", "in a short while", "r", 50)
    assert database.read() == [
        Definition("a light that one carries", "lantern", "noun", "n00001740"),
        Definition("make a low sound", "hum", "verb", "v00000020"),
        Definition("without any fear", "brave", "adjective", "a00000030"),
        Definition("giving little light", "dim", "adjective", "a00000040"),
        Definition("in a short while", "soon", "adverb", "r00000050"),
    ]


@pytest.mark.parametrize(("count", "number"), [("0a", 10), ("10", 16), ("1c", 28)])
def test_the_number_of_words_is_hexadecimal(database, count, number):
    others = "".join(f" other{i} {i % 16:x}" for i in range(number - 1))
    database.add("lantern", "a light that one carries", count=count, rest=f"0{others} 000")
    assert database.words() == ["lantern"]


def test_pointers_and_frames_are_no_words(database):
    pointers = "@ 00000007 v 0000 + 00000009 n 0103"
    database.add(
        "hum",
        "make a low sound",
        "v",
        rest=f"0 drone 1 002 {pointers} 02 + 02 00 + 08 01",
        count="02",
    )
    assert database.words() == ["hum"]


@pytest.mark.parametrize("marker", ["(a)", "(p)", "(ip)"])
def test_an_adjectives_marker_is_no_part_of_the_word(database, marker):
    database.add(f"awake{marker}", "not in a slumber", "a")
    assert database.words() == ["awake"]


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        ("lantern", True),
        ("well-kept", True),
        ("oil_lamp", False),
        ("Paris", False),
        ("dBase", False),
        ("mp3", False),
        ("o'clock", False),
        ("a.m.", False),
        ("-er", False),
        ("ox", False),
    ],
)
def test_a_headword_is_one_word_of_small_letters(database, word, taken):
    database.add(word, "a thing of some use")
    assert database.words() == [word] * taken


@pytest.mark.parametrize(
    ("gloss", "first"),
    [
        ("a light one carries", "a light one carries"),
        ('a light one carries; "she held the lantern"; "two of them"', "a light one carries"),
        ('a light one carries: "held high"', "a light one carries"),
        ("a light one carries; a sign at a door", "a light one carries"),
        ("(nautical) a light on a mast", "a light on a mast"),
        ("(of a ship; old) (rare) a light on a mast", "a light on a mast"),
        ("a ship's light, well-kept", "a ship's light, well-kept"),
        ("a light (of oil) one carries", None),
        ("a light, e.g. one of oil", None),
        ("a light of 2 candles", None),
        ('what "light" means at sea', None),
        ('a light one carries "so high"', None),
        ("a lantern of paper", None),
        ("a Lantern of paper", None),
        ("a row of lanterns at sea", "a row of lanterns at sea"),
        ("used of lights", None),
        ("of a light", None),
        ("of lights and ships", None),
        ("of great use at night", "of great use at night"),
        ("a rude name for a sailor", None),
        ("(slur) very rude term for a sailor", None),
        ("a light--any light", None),
        ("(nautical)", None),
    ],
)
def test_the_first_definition_of_a_gloss(database, gloss, first):
    database.add("lantern", gloss)
    assert database.glosses() == [first] * (first is not None)


def test_only_a_synsets_first_word_is_a_headword(database):
    database.data("n", 1, "lantern", "a light one carries", rest="0 lamp 0 000", count="02")
    database.index("n", "lamp", 1)
    assert database.read() == []


def test_only_a_words_first_sense_counts(database):
    database.data("n", 1, "lantern", "a room on a roof")
    database.data("n", 2, "lantern", "a light one carries")
    database.index("n", "lantern", 2, 1, tagged=2)
    assert database.glosses() == ["a light one carries"]


def test_a_word_of_no_tagged_text_is_left_out(database):
    database.data("n", 1, "astrolabe", "a tool of old sailors")
    database.index("n", "astrolabe", 1, tagged=0)
    assert database.read() == []


@pytest.mark.parametrize(
    ("noun", "verb", "part"), [(1, 3, "verb"), (3, 1, "noun"), (2, 2, "noun"), (0, 1, "verb")]
)
def test_a_word_counts_in_the_part_of_speech_it_is_used_in_most(database, noun, verb, part):
    database.data("n", 1, "march", "a long way on foot")
    database.data("v", 1, "march", "go in step")
    database.index("n", "march", 1, 2, 3, tagged=noun)
    database.index("v", "march", 1, 2, 3, tagged=verb)
    assert [one.part for one in database.read()] == [part]


GOOD = "00000001 03 n 02 lantern 0 lamp 0 001 @ 00000002 n 0000 | a light one carries"


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace(" n 02", " n 03"),  # words
        GOOD.replace(" n 02", " n 0x"),
        GOOD.replace(" 001 ", " 002 "),  # pointers
        GOOD.replace(" | ", " "),  # no gloss
        GOOD.replace("00000001", "0000001"),  # offset
        GOOD.replace(" n 02", " v 02"),  # a verb among nouns
        GOOD.replace(" | ", " 02 + 01 00 | "),  # frames
        "lantern",
    ],
)
def test_a_malformed_data_line_is_refused(database, line):
    database.append("data.noun", GOOD)
    assert database.read() == []  # well-formed, but not in the index
    database.append("data.noun", line)
    where = rf"data\.noun:4: not a line of WordNet: '{re.escape(line[:40])}"
    with pytest.raises(ValueError, match=where):
        database.read()


@pytest.mark.parametrize(
    "line",
    [
        "lantern n 2 1 @ 2 1 00000001",  # offsets
        "lantern n 1 2 @ 1 1 00000001",  # pointers
        "lantern n 1 1 @ 2 1 00000001",  # senses
        "lantern n 1 1 @ 1 00000001",
        "lantern v 1 1 @ 1 1 00000001",
        "lantern",
    ],
)
def test_a_malformed_index_line_is_refused(database, line):
    database.index("n", "lamp", 1)
    database.append("index.noun", line)
    with pytest.raises(ValueError, match=rf"index\.noun:4: not a line of WordNet: '{line}"):
        database.read()


@pytest.mark.parametrize("file", ["data.adv", "index.verb"])
def test_a_missing_file_is_named(database, file):
    (database.folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(file)):
        database.read()


def test_a_file_that_is_cut_short_is_refused(database):
    path = database.folder / "data.noun"
    path.write_text(f"{LICENCE}{GOOD}")
    with pytest.raises(ValueError, match=r"data\.noun: no line feed at the end"):
        database.read()


def numbered(part, number, gloss="of some use here"):
    return [Definition(gloss, f"{part}{i}", part, f"x{i:08d}") for i in range(number)]


MANY = numbered("noun", 50) + numbered("verb", 40) + numbered("adverb", 5)
QUOTAS = {"noun": 20, "verb": 10}


def test_quotas_are_met_without_doubles():
    drawn = sample_definitions(MANY, QUOTAS, (3, 12), 0)
    assert sorted(one.part for one in drawn) == ["noun"] * 20 + ["verb"] * 10
    assert len(set(drawn)) == 30
    assert set(drawn) <= set(MANY)


def test_the_whole_of_a_part_may_be_drawn():
    assert set(sample_definitions(MANY, {"adverb": 5}, (3, 12), 0)) == set(MANY[-5:])


def test_a_seed_decides_the_sample():
    drawn = sample_definitions(MANY, QUOTAS, (3, 12), 7)
    assert sample_definitions(iter(MANY), QUOTAS, (3, 12), 7) == drawn
    assert sample_definitions(MANY, {"verb": 10, "noun": 20}, (3, 12), 7) == drawn
    assert set(sample_definitions(MANY, QUOTAS, (3, 12), 8)) != set(drawn)


def test_the_parts_are_mixed_and_otherwise_by_another_seed():
    first, second = (
        [one.part for one in sample_definitions(MANY, QUOTAS, (3, 12), seed)] for seed in (0, 1)
    )
    assert first not in (sorted(first), sorted(first, reverse=True))
    assert first != second


def test_another_quota_leaves_the_other_parts_as_they_are():
    few, more = ({*sample_definitions(MANY, {"noun": 20, "verb": n}, (3, 12), 0)} for n in (3, 9))
    assert few < more
    assert len(more - few) == 6


def test_nouns_and_verbs_are_not_drawn_at_the_same_places():
    alike = numbered("noun", 40) + numbered("verb", 40)
    drawn = sample_definitions(alike, {"noun": 10, "verb": 10}, (3, 12), 0)
    places = [{one.synset for one in drawn if one.part == part} for part in ("noun", "verb")]
    assert places[0] != places[1]


def test_the_length_of_a_definition_is_bounded_on_both_sides():
    by_length = {n: numbered("noun", 1, " ".join("w" * n))[0] for n in (2, 3, 12, 13)}
    drawn = sample_definitions(by_length.values(), {"noun": 2}, (3, 12), 0)
    assert set(drawn) == {by_length[3], by_length[12]}


@pytest.mark.parametrize(
    ("quotas", "message"),
    [
        ({"adverb": 6}, "adverb: wanted 6 definitions of 3 to 12 words, found 5"),
        ({"noun": 1, "adjective": 1}, "adjective: wanted 1 .*found 0"),
        ({"noun": -1}, "noun: wanted -1 .*found 50"),
        ({"noun": 1, "pronoun": 1}, r"unknown parts of speech \['pronoun'\]"),
    ],
)
def test_a_quota_that_cannot_be_met_is_refused(quotas, message):
    with pytest.raises(ValueError, match=message):
        sample_definitions(MANY, quotas, (3, 12), 0)


def tar_of(members):
    """Bytes of a compressed tar, and their digest."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue(), hashlib.sha256(stream.getvalue()).hexdigest()


def test_a_folder_is_taken_as_it_is(tmp_path):
    assert open_wordnet({"folder": "/some/where"}, tmp_path) == Path("/some/where")
    assert list(tmp_path.iterdir()) == []


def test_a_tar_is_downloaded_and_unpacked(server, database, tmp_path_factory):
    database.add("lantern", "a light one carries")
    files = {f"dict/{path.name}": path.read_bytes() for path in database.folder.iterdir()}
    body, sha256 = tar_of({"dict/dbfiles/noun.act": b"source"} | files)
    source = {"url": server.answer("/wn.tar.gz", body), "sha256": sha256}
    folder = open_wordnet(source, tmp_path_factory.mktemp("work"))
    assert [one.word for one in read_definitions(folder)] == ["lantern"]


def test_another_tar_than_the_pinned_one_is_refused(server, tmp_path):
    body, _ = tar_of({"dict/data.noun": b"x\n"})
    with pytest.raises(ValueError, match="expected 0000"):
        open_wordnet({"url": server.answer("/wn.tar.gz", body), "sha256": 64 * "0"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("member", ["../evil", "dict/../../../evil"])
def test_a_member_that_leaves_the_folder_is_refused(server, tmp_path, member):
    body, sha256 = tar_of({"dict/data.noun": b"x\n", member: b"x"})
    source = {"url": server.answer("/wn.tar.gz", body), "sha256": sha256}
    with pytest.raises(ValueError, match="cannot be unpacked"):
        open_wordnet(source, tmp_path / "a" / "b")
    assert not list(tmp_path.rglob("evil"))


def test_a_tar_without_the_files_is_refused(server, tmp_path):
    body, sha256 = tar_of({"dict/data.verb": b"x\n"})
    source = {"url": server.answer("/wn.tar.gz", body), "sha256": sha256}
    with pytest.raises(ValueError, match=r"holds no .*data\.noun"):
        open_wordnet(source, tmp_path)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason=f"WordNet is not on this machine: no {DEBIAN}")
def test_the_real_files_hold_thousands_of_usable_definitions():
    found = list(read_definitions(DEBIAN))
    by_word = {one.word: one for one in found}
    assert len(by_word) == len(found)
    # What the printed database says of these words: noun, verb, satellite, adverb.
    offsets = {"house": "n03544360", "run": "v01926329", "quickly": "r00085811"}
    assert {word: by_word[word].synset for word in offsets} == offsets
    assert by_word["titanic"].part == "adjective"
    fitting = [one for one in found if 3 <= len(one.gloss.split()) <= 12]
    enough = {"noun": 4000, "verb": 1000, "adjective": 2000, "adverb": 500}
    for part, number in enough.items():
        assert sum(one.part == part for one in fitting) >= number
    for one in found:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", one.word)
        assert not re.search(r'[";()\d`]|\s$|^\s', one.gloss)
        assert one.word not in one.gloss.lower().replace(",", "").split()
    quotas = {"noun": 120, "verb": 40, "adjective": 35, "adverb": 5}
    assert len(sample_definitions(found, quotas, (3, 12), 0)) == 200
