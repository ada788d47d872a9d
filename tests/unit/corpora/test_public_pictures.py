"""The readers of scanned corpora, on hand-made pictures with their names, and on the real ones if there."""

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from sigverify.corpora import Kind, open_corpus, require_disjoint, split_writers
from sigverify.corpora.public.cross_media import MEDIA, MISNAMED, forged_person
from sigverify.corpora.registry import PICTURES, READERS, STROKES
from sigverify.errors import CorpusError

G, S = Kind.GENUINE, Kind.SKILLED
CORPORA = {
    "bhsig260-hindi": {
        "BHSig260/Hindi/002/H-S-2-G-01.tif": ("002", G, 1),
        "BHSig260/Hindi/010/H-S-010-G-20.tif": ("010", G, 20),
        "BHSig260/Hindi/010/h-s-10-f-21.TIF": ("010", S, 21),
        # The one of all names that is wrong in the original.
        "BHSig260/Hindi/123/H-S-124-G-03.tif": ("123", G, 3),
    },
    "bhsig260-bengali": {
        "Bengali/002/B-S-2-G-01.tif": ("002", G, 1),
        "B-S-10-F-21.tif": ("010", S, 21),
        "bhb_011/bhb_011_g_02.png": ("011", G, 2),
    },
    "cedar": {
        "full_org/original_2_1.png": ("02", G, 1),
        "full_org/original_10_20.png": ("10", G, 20),
        "full_forg/forgeries_10_21.png": ("10", S, 21),
    },
    "gpds": {
        "002/c-002-01.jpg": ("00002", G, 1),
        "010/c-010-20.jpg": ("00010", G, 20),
        "4000/cf-4000-30.png": ("04000", S, 30),
    },
    "mcyt75": {
        "0002/0002v00.bmp": ("0002", G, 0),
        "0010/0010V14.BMP": ("0010", G, 14),
        "0010/0010f07.bmp": ("0010", S, 7),
        "0010/0003_0010f07.bmp": ("0010", S, 307),
    },
    "sigcomp2011-dutch": {
        "OfflineSignatures/Dutch/TrainingSet/Offline Genuine/002_01.PNG": ("train-002", G, 1),
        "OfflineSignatures/Dutch/TrainingSet/Offline Forgeries/0204002_03.png": ("train-002", S, 20403),
        "Offlinetestset/Dutch/Reference(646)/002/05_002.PNG": ("test-002", G, 5),
        "Offlinetestset/Dutch/Questioned(1287)/002/05_002.PNG": ("test-002", G, 105),
        "Offlinetestset/Dutch/Questioned(1287)/002/05_0114002.PNG": ("test-002", S, 11405),
    },
    "sigcomp2011-chinese": {
        "OfflineSignatures/Chinese/TrainingSet/Offline Genuine/002_1.png": ("train-002", G, 1),
        "Offlinetestset/Chinese/Ref(115)/002/05_002.png": ("test-002", G, 5),
    },
    "cross-media": {
        "2/paper_02.png": ("002-02", G, 1),
        "2/phone_table_02.png": ("002-02", G, 4),
        "7/ipad_03.png": ("007-03", G, 2),
        "7/ipad_02.png": (f"{forged_person(7, 2, 2):03d}-02", S, 72),
        "control/11/paper_09_2.png": ("c11-09", G, 2),
    },
}
FOREIGN = {
    "sigcomp2011-dutch": ("OfflineSignatures/Chinese/TrainingSet/Offline Genuine/002_01.png",),
    "sigcomp2011-chinese": ("OfflineSignatures/Dutch/TrainingSet/Offline Genuine/002_01.png",),
    "bhsig260-hindi": ("Bengali/002/B-S-2-G-01.tif", "Hindi/list.genuine", "Hindi/001/Thumbs.db"),
    "bhsig260-bengali": ("BHSig260/Hindi/002/H-S-2-G-01.tif",),
    "cross-media": ("62/phone_table_03.png", "control/1/ipad_01_1.png", "LICENSE"),
}
"""Files of another corpus, or known to be wrong: they are left alone."""


ENDINGS = (".tif", ".png", ".jpg", ".bmp")


def picture(name, seed=0):
    """A picture with a line in it, no two alike, in the format that its name tells."""
    grey = np.full((40, 80), 255, np.uint8)
    grey[18 : 22 + seed % 7, 10 : 60 + seed % 11] = 0
    file = io.BytesIO()
    kind = {"jpg": "JPEG", "tif": "TIFF"}.get(name[-3:].lower(), name[-3:].upper())
    Image.fromarray(grey).save(file, kind)
    return file.getvalue()


def write(folder, names):
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(name, seed) if name.lower().endswith(ENDINGS) else b"hello")
    return folder


def test_each_is_tried_here():
    assert set(CORPORA) == set(PICTURES)
    assert list(READERS) == [*STROKES, *PICTURES]


@pytest.mark.parametrize("name", CORPORA)
def test_file_names_tell_the_truth(name, tmp_path):
    corpus = open_corpus(f"{name}={write(tmp_path, [*CORPORA[name], *FOREIGN.get(name, ())])}")
    assert corpus.name == name
    assert "research" in corpus.licence_note or "MIT" in corpus.licence_note
    assert [sample.key for sample in corpus.samples] == sorted(CORPORA[name].values())
    assert corpus.modality.name == "image"
    assert all(sample.capture.grey.shape == (40, 80) for sample in corpus.samples)


@pytest.mark.parametrize("name", CORPORA)
def test_foul_file_is_named(name, tmp_path):
    write(tmp_path, CORPORA[name])
    victim = tmp_path / list(CORPORA[name])[1]
    victim.write_bytes(victim.read_bytes()[:30])
    with pytest.raises(CorpusError, match=rf"{victim.name} of corpus {name} cannot be read; received"):
        open_corpus(f"{name}={tmp_path}")


@pytest.mark.parametrize("name", CORPORA)
def test_folder_of_something_else(name, tmp_path):
    write(tmp_path, ["notes.txt", "photo.png", *FOREIGN.get(name, ())])
    with pytest.raises(CorpusError, match=f"no files of corpus {name} .*expected file names like"):
        open_corpus(f"{name}={tmp_path}")


def test_copied_layout_of_bhsig(tmp_path):
    write(
        tmp_path, ["bhh_001/bhh_001_g_02.png", "x/bhh_001_forg/bhh_001_f_30.png", "bhh_012/bhh_012_g_24.png"]
    )
    corpus = open_corpus(f"bhsig260-hindi={tmp_path}")
    assert [sample.key for sample in corpus.samples] == [("001", G, 2), ("001", S, 30), ("012", G, 24)]


class TestCrossMedia:
    def test_each_forgery_is_another_persons_of_each_medium(self):
        for name in (2, 3):
            forgers = [person for person in range(1, 101) if (person + name) % 2]
            forged = {m: [forged_person(p, m, name) for p in forgers] for m in range(1, 1 + len(MEDIA))}
            writers = sorted(set(range(1, 101)) - set(forgers))
            assert all(sorted(people) == writers for people in forged.values())
            by_writer = [{forgers[people.index(writer)] for people in forged.values()} for writer in writers]
            assert all(len(people) == len(MEDIA) for people in by_writer)

    def test_wrong_names_are_left_out(self, tmp_path):
        write(
            tmp_path, [f"{p}/{medium}_{n:02d}.png" for p, medium, n in MISNAMED] + ["62/phone_table_01.png"]
        )
        assert len(open_corpus(f"cross-media={tmp_path}")) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file", "writers", "genuine", "skilled"),
    [
        ("bhsig260-hindi", "bhsig260_hindi.zip", 160, {24: 160}, {30: 160}),
        ("cross-media", "cross_media.zip", 610, {4: 493, 3: 7, 2: 110}, {4: 493, 3: 7, 0: 110}),
    ],
)
def test_real_corpus_is_complete(name, file, writers, genuine, skilled, shared_data):
    corpus = open_corpus(f"{name}={shared_data(file)}")
    assert len(corpus.writers) == writers
    assert Counter(len(corpus.genuine(writer)) for writer in corpus.writers) == genuine
    assert Counter(len(corpus.skilled(writer)) for writer in corpus.writers) == skilled
    # Some of the writers: to decode all pictures takes two minutes.
    some = corpus.select(corpus.writers[::40])
    require_disjoint(*split_writers(some, 0.5, 0))
    if name == "cross-media":
        digests = Counter(digest for _, digest in some.digests())
        assert digests.most_common(1)[0][1] == 1
