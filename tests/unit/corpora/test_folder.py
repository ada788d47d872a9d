"""Somebody's own corpus: a tree of folders, whole or damaged."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from builders import signature
from PIL import Image

from sigverify.corpora import Corpus, Kind, Sample, merge, open_corpus
from sigverify.corpora.about import About
from sigverify.corpora.folder import Trouble, read_folder, survey_folder, write_folder
from sigverify.corpora.layout import Layout
from sigverify.errors import CorpusError
from sigverify.formats import FORMATS, plain_csv
from sigverify.modality.image.image import IMAGE
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature

G, S = Kind.GENUINE, Kind.SKILLED
TREE = (
    "alice/genuine/1.csv", "alice/genuine/2.csv", "alice/genuine/10.csv", "alice/skilled/x.csv",
    "bob/b.csv", "bob/A.csv",
)  # fmt: skip
TRUTH = {
    ("alice", G, 1): 0,
    ("alice", G, 2): 1,
    ("alice", G, 3): 2,
    ("alice", S, 1): 3,
    ("bob", G, 1): 5,
    ("bob", G, 2): 4,
}
"""What becomes of each file of `TREE`."""
ABOUT = 'name = "Our-people"\nlicence_note = "ours, by written consent"\n'


def strokes(number=0):
    return plain_csv.encode(signature(number, number))


def picture(number=0):
    grey = np.full((40, 80), 255, np.uint8)
    grey[18 : 22 + number, 10:60] = 0
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def write(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def tree():
    return {name: strokes(number) for number, name in enumerate(TREE)}


def refused(root):
    with pytest.raises(CorpusError) as caught:
        read_folder(root)
    return str(caught.value)


def test_writers_kinds_and_numbers(tmp_path):
    corpus = open_corpus(f"folder={write(tmp_path / 'people', tree())}")
    assert (corpus.name, corpus.licence_note, corpus.modality) == ("people", "", PEN)
    assert {sample.key: sample.capture for sample in corpus.samples} == {
        key: signature(number, number) for key, number in TRUTH.items()
    }


def test_what_is_no_sample_is_left_alone(tmp_path):
    beside = {
        "corpus.toml": "\ufeff" + ABOUT,
        "README.md": "hello",
        ".DS_Store": "",
        "alice/.cache/1.csv": "junk",
        "__MACOSX/alice/._1.csv": "junk",
    }
    corpus = read_folder(write(tmp_path, tree() | beside))
    assert (corpus.name, corpus.licence_note) == ("Our-people", "ours, by written consent")
    assert {sample.key for sample in corpus.samples} == set(TRUTH)


@pytest.mark.parametrize("above", ["", "people/"])
def test_a_zip_of_the_tree_or_of_its_folder(tmp_path, above):
    with zipfile.ZipFile(tmp_path / "a zip.zip", "w") as file:
        for name, data in tree().items():
            file.writestr(above + name, data)
    corpus = read_folder(tmp_path / "a zip.zip")
    assert corpus.name == "a-zip"
    assert corpus.fingerprint == read_folder(write(tmp_path / "folder", tree())).fingerprint
    with zipfile.ZipFile(tmp_path / "a zip.zip", "a") as file:
        file.writestr(above + "corpus.toml", ABOUT)
    assert read_folder(tmp_path / "a zip.zip").name == "Our-people"


def test_one_writer_alone(tmp_path):
    assert read_folder(write(tmp_path / "1", {"bob/1.csv": strokes()})).writers == ("bob",)
    assert read_folder(write(tmp_path / "2", {"bob/Genuine/1.csv": strokes()})).writers == ("bob",)


def test_pictures(tmp_path):
    files = {"1/genuine/a.png": picture(0), "1/skilled/b.png": picture(1), "2/c.png": picture(2)}
    corpus = read_folder(write(tmp_path, files))
    assert corpus.modality is IMAGE
    assert [sample.key for sample in corpus.samples] == [("1", G, 1), ("1", S, 1), ("2", G, 1)]


def test_it_can_be_drawn(tmp_path):
    corpus = open_corpus(f"rendered:folder={write(tmp_path / 'people', tree())}")
    assert isinstance(corpus, Corpus)
    assert (corpus.name, corpus.modality) == ("rendered-people", IMAGE)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("alice/genuine/3.csv", "hello", "alice/genuine/3.csv of corpus people cannot be read; received not"),
        ("bob/notes.txt", "", "bob/notes.txt of corpus people cannot be read; received nothing to read"),
        ("bob/c.png", picture()[:80], "bob/c.png of corpus people cannot be read"),
        ("bob/c.png", picture(), "holds several kinds of capture"),
        ("bob/genuine/1.csv", strokes(), "lies beside folders of its writer's signatures"),
        ("alice/1.csv", strokes(), "lies beside folders of its writer's signatures"),
        ("alice/forged/1.csv", strokes(), "alice/forged/1.csv lies where no signature is looked for"),
        ("alice/genuine/old/1.csv", strokes(), "lies where no signature is looked for"),
        ("1.csv", strokes(), "1.csv lies in no writer's folder"),
        ("skilled/1.csv", strokes(), "skilled/1.csv lies in no writer's folder"),
        ("bob/corpus.toml", ABOUT, "bob/corpus.toml is of no use there"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, name, data, message):
    assert message in refused(write(tmp_path / "people", tree() | {name: data}))


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ("name = people", "cannot be read; expected a TOML file"),
        (b'name = "\xff"', "cannot be read; expected a TOML file"),
        ("a = " + "[" * 60_000, "cannot be read; expected a TOML file"),
        ("#" * 70_000, "received more than 65536 bytes"),
        ('licence = "ours"', "a key is unknown; expected name, licence_note, sessions, forgers, "),
        ("name = 3", "name is no text"),
        ('name = "a/b"', "the name cannot stand in file names"),
        ('name = ""', "the name cannot stand in file names"),
        ('licence_note = "a\\nb"', "expected one line of at most 2000 characters"),
        ('forgers = "a\\tb"', "forgers is no line of text"),
        ("forgers = 2", "forgers is no text"),
        ("sessions = 0", "sessions is out of range; expected a number, 1 to 1000; received 0"),
        ("sessions = true", "sessions is out of range"),
        ("sampling_rate_hz = 5000.0", "sampling_rate_hz is out of range; expected a number, 4 to 4000"),
        ("sampling_rate_hz = nan", "sampling_rate_hz is out of range"),
        ('layout = "{name}.csv"', "the layout is no pattern"),
        ("layout = 3", "the layout is no pattern; expected text"),
    ],
)
def test_corpus_toml_is_checked(tmp_path, about, message):
    assert message in refused(write(tmp_path, tree() | {"corpus.toml": about}))


def test_nothing_in_it(tmp_path):
    assert "no signatures in" in refused(tmp_path)
    assert "no signatures in" in refused(write(tmp_path, {"corpus.toml": ABOUT, "README": "hello"}))
    assert "no corpus at" in refused(tmp_path / "absent")
    with pytest.raises(CorpusError, match="corpus folder needs a path"):
        open_corpus("folder=")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as file:
        for name in ("bob/1.csv", "bob/1.csv"):
            file.writestr(name, strokes())
    assert "bob/1.csv stands twice" in refused(tmp_path / "people.zip")


def test_names_of_a_zip_that_no_folder_has(tmp_path):
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as file:
        for name in (".", "/bob/1.csv", "../bob/2.csv", "bob/" + "9" * 5000 + ".csv"):
            file.writestr(name, strokes())
    assert [sample.key for sample in read_folder(tmp_path / "people.zip").samples] == [
        ("bob", G, 1),
        ("bob", G, 2),
        ("bob", G, 3),
    ]


@pytest.mark.parametrize(
    "spec", ["synthetic:writers=2,genuine=11,skilled=2", "rendered:synthetic:writers=2,genuine=2,skilled=1"]
)
def test_what_is_written_is_read(tmp_path, spec):
    corpus = open_corpus(spec)
    write_folder(corpus, tmp_path / "new" / "people")
    again = read_folder(tmp_path / "new" / "people")
    assert (again.name, again.licence_note) == (corpus.name, corpus.licence_note)
    assert again.samples == corpus.samples
    assert again.fingerprint == corpus.fingerprint


def test_what_cannot_be_written(tmp_path):
    corpus = open_corpus("synthetic:writers=1,genuine=1,skilled=0")
    (tmp_path / "file").write_text("mine")
    for place, received in ((tmp_path, "a folder with something in it"), (tmp_path / "file", "a file")):
        with pytest.raises(CorpusError, match=f"is in use; expected a new folder.*received {received}"):
            write_folder(corpus, place)
    with pytest.raises(CorpusError, match=r"cannot be the name of a folder.*synthetic-0/000000"):
        write_folder(merge([corpus]), tmp_path / "new")
    with pytest.raises(CorpusError, match="has no files; expected strokes or pictures"):
        write_folder(Corpus("toys", (Sample("1", G, 1, "a toy"),)), tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


KNOWN = 'sessions = 2\nforgers = "students, from a picture"\nsampling_rate_hz = 125\n'


def test_what_is_known_of_a_corpus(tmp_path):
    corpus = read_folder(write(tmp_path / "people", tree() | {"corpus.toml": ABOUT + KNOWN}))
    assert corpus.about == About(
        name="Our-people",
        licence_note="ours, by written consent",
        sessions=2,
        forgers="students, from a picture",
        sampling_rate_hz=125,
    )
    assert corpus.select(["bob"]).about == corpus.about
    assert corpus.fingerprint == read_folder(write(tmp_path / "bare", tree())).fingerprint


def flat(above=""):
    names = ("a_b_g_1.csv", "a_b_g_10.csv", "a_b_f_2.csv", "c_g_3.csv")
    layout = 'layout = "{writer}_{kind:g=genuine,f=skilled}_{number}.csv"\n'
    files = {above + name: strokes(number) for number, name in enumerate(names)}
    return files | {above + "corpus.toml": layout}


@pytest.mark.parametrize("above", ["", "people/"])
def test_another_layout(tmp_path, above):
    corpus = read_folder(write(tmp_path, flat(above) | {above + "list.txt": "no signature"}))
    assert {sample.key: sample.capture for sample in corpus.samples} == {
        ("a_b", G, 1): signature(0, 0),
        ("a_b", G, 10): signature(1, 1),
        ("a_b", S, 2): signature(2, 2),
        ("c", G, 3): signature(3, 3),
    }


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "a_b_x_1.csv",
            strokes(),
            "a_b_x_1.csv lies where no signature is looked for; expected {writer}_{kind:",
        ),
        ("sub/c_g_4.csv", strokes(), "sub/c_g_4.csv lies where no signature is looked for"),
        ("c_g_4.csv", "hello", "c_g_4.csv of corpus people cannot be read"),
        ("c_g_03.csv", strokes(), "c_g_3.csv and c_g_03.csv have one place in the corpus"),
    ],
)
def test_what_does_not_fit_another_layout_is_named(tmp_path, name, data, message):
    assert message in refused(write(tmp_path / "people", flat() | {name: data}))


def test_recordings_without_time_are_timed_by_the_sampling_rate(tmp_path):
    its = signature()
    index = Signature(its.x, its.y, np.arange(len(its)), its.pressure, its.ink)
    files = {"bob/1.csv": plain_csv.encode(index), "bob/2.csv": strokes(1)}
    corpus = read_folder(write(tmp_path, files | {"corpus.toml": "sampling_rate_hz = 50"}))
    untimed, timed = (sample.capture for sample in corpus.samples)
    assert timed == signature(1, 1)
    assert untimed == Signature(its.x, its.y, np.arange(len(its)) * 20.0, its.pressure, its.ink)


def test_a_survey_says_what_is_wrong_with_each_file_and_reads_the_others(tmp_path):
    spoiled = {
        "alice/genuine/3.csv": "hello",
        "bob/c.png": picture(),
        "alice/1.csv": strokes(7),
        "alice/forged/1.csv": strokes(8),
        "bob/corpus.toml": ABOUT,
        "9.csv": strokes(9),
    }
    survey = survey_folder(write(tmp_path / "people", tree() | spoiled))
    assert {problem.file: problem.trouble for problem in survey.problems} == {
        "alice/genuine/3.csv": Trouble.UNREADABLE,
        "bob/c.png": Trouble.OTHER_KIND,
        "alice/1.csv": Trouble.MISPLACED,
        "alice/forged/1.csv": Trouble.MISPLACED,
        "bob/corpus.toml": Trouble.MISPLACED,
        "9.csv": Trouble.MISPLACED,
    }
    assert all(problem.file.split("/")[-1] in str(problem.error) for problem in survey.problems)
    assert {sample.key: survey.files[sample.key] for sample in survey.corpus.samples} == {
        key: TREE[number] for key, number in TRUTH.items()
    }


def test_a_survey_of_a_damaged_zip(tmp_path):
    path = tmp_path / "people.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, data in tree().items():
            file.writestr(name, data)
    content = path.read_bytes()
    path.write_bytes(content.replace(strokes(2), b"#" * len(strokes(2))))
    survey = survey_folder(path)
    assert [(each.file, each.trouble) for each in survey.problems] == [(TREE[2], Trouble.UNREADABLE)]
    assert len(survey.corpus) == len(TREE) - 1
    assert f"cannot read {TREE[2]!r}" in refused(path)


def test_a_survey_of_nothing(tmp_path):
    survey = survey_folder(write(tmp_path / "people", {"bob/1.csv": "hello"}))
    assert survey.corpus is None
    assert [problem.file for problem in survey.problems] == ["bob/1.csv"]


def test_what_is_known_is_written_and_strokes_as_json(tmp_path):
    about = About(sessions=2, forgers="students", layout=Layout("{writer}"))
    corpus = Corpus("x", read_folder(write(tmp_path / "1", tree())).samples, 'a "note"', about)
    stages = []
    strokes = FORMATS["signature_pad"]
    write_folder(corpus, tmp_path / "2", strokes=strokes, progress=lambda *told: stages.append(told))
    again = read_folder(tmp_path / "2")
    assert {path.suffix for path in (tmp_path / "2").rglob("*.*")} == {".json", ".toml"}
    assert [sample.key for sample in again.samples] == [sample.key for sample in corpus.samples]
    assert again.samples[0].capture.x.tolist() == corpus.samples[0].capture.x.tolist()
    assert (again.licence_note, again.about.sessions, again.about.forgers) == ('a "note"', 2, "students")
    assert again.about.layout is None
    assert stages[-1] == ("writing", 6, 6)


def test_nothing_is_left_of_what_cannot_be_written_whole(tmp_path, monkeypatch):
    corpus = read_folder(write(tmp_path / "1", tree()))

    def broken(_path, _data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", broken)
    (tmp_path / "2").mkdir()
    for name in ("2", "3"):
        with pytest.raises(OSError, match="No space"):
            write_folder(corpus, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    assert list((tmp_path / "2").iterdir()) == []
