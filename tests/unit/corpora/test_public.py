"""The readers of public corpora, on hand-made files in their form and on the real ones where those are."""

from collections import Counter

import pytest

from sigverify.corpora import Kind, merge, open_corpus, require_disjoint
from sigverify.errors import CorpusError


def numbers(template, count=12):
    return "".join(template.format(x=3 * i, y=i * i, t=10 * i) + "\n" for i in range(count))


TASK1 = "12\n" + numbers("{x} {y} {t} 1")
TASK2 = "12\n" + numbers("{x} {y} {t} 1 1200 400 300")
SUSIG = "X, Y, TStamp, Pres., EndPts\nDataSize: 12\n" + numbers("{x} {y} {t} 300 0")
HWR = "NLDCC 12\n" + numbers("\t{x} {y} 300 1070 520")
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


def write(folder, content):
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
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
