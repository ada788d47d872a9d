"""The readers of public corpora, on hand-made files in their form and on the real ones where those are."""

import struct
from collections import Counter

import pytest

from sigverify.corpora import READERS, Kind, merge, open_corpus, require_disjoint
from sigverify.corpora.public.pictures import PICTURES
from sigverify.corpora.public.strokes import STROKES
from sigverify.errors import CorpusError


def numbers(template, count=12):
    return "".join(template.format(x=3 * i, y=i * i, t=10 * i) + "\n" for i in range(count))


TASK1 = "12\n" + numbers("{x} {y} {t} 1")
TASK2 = "12\n" + numbers("{x} {y} {t} 1 1200 400 300")
SUSIG = "X, Y, TStamp, Pres., EndPts\nDataSize: 12\n" + numbers("{x} {y} {t} 300 0")
HWR = "NLDCC 12\n" + numbers("\t{x} {y} 300 1070 520")
ROWS3 = numbers("{x} {y} 300")
SVC7 = "12\n" + numbers("{x} {y} {t} 1 1200 400 300")
DEEP4 = "12\n" + numbers("{x} {y} {t} {x}")
DEEP6 = "12\n" + numbers("{x} {y} {t} 1200 400 {x}")
TABLE = "x,y,timestamp,pressure,fingerarea,velocityx\n" + numbers("{x},{y},{t},0.3,0.1,2")
G, S = Kind.GENUINE, Kind.SKILLED
CORPORA = {
    "svc2004-task1": ({"Task1/U2S1.TXT": TASK1, "Task1/U10S20.TXT": TASK1, "Task1/u10s21.txt": TASK1}),
    "svc2004-task2": ({"Task2/U2S1.TXT": TASK2, "Task2/U10S20.TXT": TASK2, "Task2/U10S21.TXT": TASK2}),
    "susig-blind": (
        {"GENUINE/002_g_1.sig": SUSIG, "GENUINE/010_g_20.sig": SUSIG, "FORGERY/010_f_21.sig": SUSIG}
    ),
    "sigcomp2009": (
        {"NISDCC-002_002_001.hwr": HWR, "NISDCC-010_010_020.hwr": HWR, "NISDCC-021_010_005.hwr": HWR}
    ),
}


def fpg():
    """A file of MCYT with the fields at their places, all else zero."""
    header = bytearray(48)
    header[:6] = b"FPG " + struct.pack("<H", 48)
    struct.pack_into("<H", header, 6, 4)
    struct.pack_into("<H", header, 16, 32)
    struct.pack_into("<I", header, 26, 5)
    struct.pack_into("<I", header, 30, 12)
    struct.pack_into("<I", header, 36, 100)
    return bytes(header) + b"".join(struct.pack("<5f", 3 * n, n * n, 300, 1200, 400) for n in range(12))


UNSEEN = {
    "susig-visual": {
        "VisualSubCorpus/GENUINE/SESSION1/002_1_3.sig": (SUSIG, ("002", G, 103)),
        "VisualSubCorpus/GENUINE/SESSION2/002_2_3.sig": (SUSIG, ("002", G, 203)),
        "VisualSubCorpus/FORGERY/010_f_6.sig": (SUSIG, ("010", S, 6)),
        "VisualSubCorpus/VALIDATION/VALIDATION_GENUINE/002_1_3.sig": (SUSIG, ("v002", G, 103)),
        "VisualSubCorpus/VALIDATION/VALIDATION_FORGERY/002_f_6.sig": (SUSIG, ("v002", S, 6)),
        "BlindSubCorpus/GENUINE/002_g_1.sig": (SUSIG, None),
    },
    "sigcomp2011-dutch-online": {
        "OnlineSignatures/Dutch/TrainingSet/Online Genuine/002_01.HWR": (ROWS3, ("train-002", G, 1)),
        "OnlineSignatures/Dutch/TrainingSet/Online Forgeries/0204002_03.HWR": (
            ROWS3,
            ("train-002", S, 20403),
        ),
        "Onlinetestset/Dutch/Reference(648)/002/05_002.HWR": (ROWS3, ("test-002", G, 5)),
        "Onlinetestset/Dutch/Questioned(1296)/002/05_002.HWR": (ROWS3, ("test-002", G, 105)),
        "OnlineSignatures/Chinese/TrainingSet/002_1.HWR": (ROWS3, None),
    },
    "sigcomp2011-chinese-online": {
        "OnlineSignatures/Chinese/TrainingSet/Online Genuine/002_1.hwr": (
            "12\n" + ROWS3,
            ("train-002", G, 1),
        ),
        "OnlineSignatures/Dutch/TrainingSet/002_1.hwr": (ROWS3, None),
    },
    "mcyt100": {
        "0002/0002v00.fpg": (fpg(), ("0002", G, 0)),
        "0002/0002F24.FPG": (fpg(), ("0002", S, 24)),
        "0010/0003_0010f01.fpg": (fpg(), ("0010", S, 301)),
    },
    "biosecurid": {
        "u1001/u1001s0001_sg0001.svc": (SVC7, ("1001", G, 101)),
        "u1001/u1001s0004_sg0007.txt": (DEEP6, ("1001", G, 407)),
        "u1001/u1001s0002_sg0004.svc": (SVC7, ("1001", S, 204)),
        "u1001/u1001s0002_hw0004.svc": (SVC7, None),
    },
    "mobisig": {
        "USER2/SIGN_GEN_USER2_USER2_1.csv": (TABLE, ("02", G, 1)),
        "USER2/SIGN_FOR_USER2_USER7_3.csv": (TABLE, ("02", S, 703)),
        "USER2/SIGN_FOR_USER8_USER2_3.csv": (TABLE, ("02", S, 803)),
        "SIGN_FOR_USER9_USER2_3.csv": (TABLE, ("09", S, 203)),
    },
    "deepsigndb": {
        "DeepSignDB/Development/stylus/u0001_g_0000v08.txt": (DEEP6, ("dev-0001", G, 100000008)),
        "DeepSignDB/Evaluation/stylus/u0001_s_0000f08.txt": (DEEP6, ("eval-0001", S, 100000008)),
        "DeepSignDB/Evaluation/stylus/u0114_s_u1015s0001_sg0004.txt": (SVC7, ("eval-0114", S, 1101500010004)),
        "DeepSignDB/Evaluation/finger/u0377_g_u139_s1.txt": (DEEP4, None),
    },
    "deepsigndb-finger": {
        "DeepSignDB/Evaluation/finger/u0377_g_u139_s1_g1_b2_sign_w5_c_007.txt": (
            DEEP4,
            ("eval-0377", G, 1_0139_0001_0001_0002_0005_0007),
        ),
        "DeepSignDB/Evaluation/stylus/u0377_g_u139_s1.txt": (DEEP4, None),
    },
}
"""Of data that were not at hand: content, and what the name tells; None of what is another corpus's."""


def write(folder, content):
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize("name", CORPORA)
def test_file_names_tell_the_truth(name, tmp_path):
    corpus = open_corpus(f"{name}={write(tmp_path, CORPORA[name] | {'readme.txt': 'hello'})}")
    assert corpus.name == name
    assert "research" in corpus.licence_note
    assert [int(writer) for writer in corpus.writers] == [2, 10]
    truth = [(int(sample.writer), sample.kind, sample.number) for sample in corpus.samples]
    forged = 21005 if name == "sigcomp2009" else 21
    assert truth == [(2, Kind.GENUINE, 1), (10, Kind.GENUINE, 20), (10, Kind.SKILLED, forged)]


@pytest.mark.parametrize("name", CORPORA)
def test_foul_file_is_named(name, tmp_path):
    victim = list(CORPORA[name])[1]
    write(tmp_path, CORPORA[name] | {victim: CORPORA[name][victim][:-8]})
    with pytest.raises(
        CorpusError, match=f"{victim} of corpus {name} cannot be read; received .*truncated|columns"
    ):
        open_corpus(f"{name}={tmp_path}")


@pytest.mark.parametrize("name", CORPORA)
def test_folder_of_something_else(name, tmp_path):
    write(tmp_path, {"notes.txt": "hello"})
    with pytest.raises(CorpusError, match=f"no files of corpus {name} .*expected file names like"):
        open_corpus(f"{name}={tmp_path}")


@pytest.mark.parametrize(
    ("name", "other"), [("svc2004-task1", "svc2004-task2"), ("svc2004-task2", "svc2004-task1")]
)
def test_tasks_are_not_mistaken_for_each_other(name, other, tmp_path):
    with pytest.raises(CorpusError, match=f"this is a file of Task {other[-1]}"):
        open_corpus(f"{name}={write(tmp_path, CORPORA[other])}")


def test_one_sample_twice_is_refused(tmp_path):
    write(tmp_path, {"a/U1S1.TXT": TASK1, "b/U1S1.TXT": TASK1})
    with pytest.raises(CorpusError, match="writer 01, genuine, number 1 twice"):
        open_corpus(f"svc2004-task1={tmp_path}")


@pytest.mark.parametrize(
    ("name", "file", "writers", "genuine", "skilled"),
    [
        ("svc2004-task1", "svc2004_task1.zip", 40, {20}, 800),
        ("svc2004-task2", "svc2004_task2.zip", 40, {20}, 800),
        ("susig-blind", "susig_blind.zip", 90, {8, 10}, 900),
        ("sigcomp2009", "sigcomp2009_nisdcc.zip", 12, {5}, 1845),
    ],
)
def test_real_corpus_is_complete(name, file, writers, genuine, skilled, shared_data):
    corpus = open_corpus(f"{name}={shared_data(file)}")
    assert len(corpus.writers) == writers
    assert {len(corpus.genuine(writer)) for writer in corpus.writers} == genuine
    assert sum(len(corpus.skilled(writer)) for writer in corpus.writers) == skilled
    assert (name == "svc2004-task1") == all(sample.capture.pressure is None for sample in corpus.samples)
    rates = Counter(round(sample.capture.sample_rate_hz) for sample in corpus.samples)
    assert rates.most_common(1)[0][0] == (200 if name == "sigcomp2009" else 100)


def test_real_tasks_share_no_signature(shared_data):
    one = open_corpus(f"svc2004-task1={shared_data('svc2004_task1.zip')}")
    other = open_corpus(f"svc2004-task2={shared_data('svc2004_task2.zip')}")
    require_disjoint(one, other)
    assert len(merge([one, other]).writers) == 80


@pytest.mark.parametrize("name", UNSEEN)
def test_layouts_of_data_that_were_not_at_hand(name, tmp_path):
    write(tmp_path, {file: content for file, (content, _) in UNSEEN[name].items()} | {"readme.txt": "hello"})
    corpus = open_corpus(f"{name}={tmp_path}")
    assert corpus.name == name
    assert "research" in corpus.licence_note
    truth = [truth for _, truth in UNSEEN[name].values() if truth is not None]
    assert [sample.key for sample in corpus.samples] == sorted(truth)
    assert all(sample.capture.duration_ms > 0 for sample in corpus.samples)
    assert all(sample.capture.pressure is not None for sample in corpus.samples)


@pytest.mark.parametrize("name", UNSEEN)
def test_another_format_is_refused(name, tmp_path):
    other = "x;y;t\n" + numbers("{x};{y};{t}") if name != "mobisig" else TASK1
    write(tmp_path, {next(iter(UNSEEN[name])): other})
    with pytest.raises(CorpusError, match=f"of corpus {name} cannot be read; received"):
        open_corpus(f"{name}={tmp_path}")


def test_the_tables_are_whole():
    layouts = [*STROKES, *PICTURES]
    assert [layout.name for layout in layouts] == list(READERS)
    assert len({layout.name for layout in layouts}) == len(layouts)
    assert {layout.name for layout in STROKES} == {*CORPORA, *UNSEEN}
    for layout in layouts:
        assert all([layout.title, layout.source, layout.about, layout.licence_note])
        example = layout.example.split(" or ")[0]
        assert layout.pattern.fullmatch(example), layout.name
    assert {layout.name for layout in STROKES if layout.unseen} == set(UNSEEN)


def test_one_person_has_one_name_with_pen_and_finger(tmp_path):
    for name, device in (("deepsigndb", "stylus"), ("deepsigndb-finger", "finger")):
        write(tmp_path, {f"Evaluation/{device}/u0377_g_u139_s1.txt": DEEP4})
        assert open_corpus(f"{name}={tmp_path}").writers == ("eval-0377",)
