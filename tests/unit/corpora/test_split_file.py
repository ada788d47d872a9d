"""A split by writer, kept in a file."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.corpora import Corpus, open_corpus
from sigverify.corpora.split_file import Side, SplitFile, select_writers
from sigverify.corpora.splits import require_disjoint, split_writers
from sigverify.errors import ConfigError, CorpusError, SplitLeak


@pytest.fixture(scope="module")
def corpus():
    return open_corpus("synthetic:writers=5,genuine=2,skilled=1")


@pytest.fixture(scope="module")
def other():
    return open_corpus("synthetic:writers=3,genuine=2,skilled=0,seed=1")


@pytest.fixture
def file(corpus, tmp_path):
    path = tmp_path / "split.toml"
    SplitFile.of(corpus, fraction=0.4, seed=3).write(path)
    return path


def test_both_sides_of_the_split_that_training_makes(corpus, file):
    split = SplitFile.read(file)
    assert split == SplitFile.of(corpus, fraction=0.4, seed=3)
    sides = [split.select(corpus, side) for side in Side]
    require_disjoint(*sides)
    assert [side.writers for side in sides] == [side.writers for side in split_writers(corpus, 0.4, 3)]
    assert (len(split.train), len(split.held_out)) == (3, 2)


def test_names_of_people_everywhere(corpus, tmp_path):
    names = dict(zip(corpus.writers, ["Zoë", 'a"b', "c\\d", "e f", "山"], strict=True))
    samples = tuple(replace(sample, writer=names[sample.writer]) for sample in corpus.samples)
    renamed = Corpus("ours", samples)
    split = SplitFile.of(renamed)
    split.write(tmp_path / "x.toml")
    assert SplitFile.read(tmp_path / "x.toml") == split


def test_another_corpus_is_refused(corpus, other, file):
    split = SplitFile.read(file)
    for wrong in (other, corpus.select(corpus.writers[1:])):
        with pytest.raises(CorpusError, match=r"the split is not of this corpus.*Split it anew"):
            split.select(wrong, Side.TRAIN)


def test_a_split_is_of_one_of_several_corpora(corpus, other, file):
    first, second = select_writers([corpus, other], file, Side.HELD_OUT)
    assert (first.writers, second) == (SplitFile.read(file).held_out, other)
    with pytest.raises(CorpusError, match="the split is of none of these corpora; expected synthetic-0"):
        select_writers([other], file, Side.HELD_OUT)


def test_a_list_of_names(corpus, tmp_path):
    path = tmp_path / "writers.txt"
    path.write_text(f"\ufeff{corpus.writers[3]}\n\n  {corpus.writers[1]} \n")
    (chosen,) = select_writers([corpus], path, Side.TRAIN)
    assert chosen.writers == (corpus.writers[1], corpus.writers[3])
    for text, message in (("nobody", "received 'nobody'"), ("", "received nothing")):
        path.write_text(text)
        with pytest.raises(CorpusError, match=message):
            select_writers([corpus], path, Side.TRAIN)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(CorpusError, match="is no text"):
        select_writers([corpus], path, Side.TRAIN)
    with pytest.raises(CorpusError, match="cannot be read; received No such file"):
        select_writers([corpus], tmp_path / "absent.toml", Side.TRAIN)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("train = [", "train = 3\nothers = ["), "'others' too many or missing"),
        (("train = [", "train = [["), "a TOML file that"),
        (("train = [", "train = [3, "), "names of writers"),
        (("seed = 3\n", ""), "'seed' too many or missing"),
        (("seed", "sed = 1\nseed"), "'sed' too many or missing"),
        (('corpus = "synthetic-0"', "corpus = 3"), "corpus and fingerprint, both text"),
        (("= ", "= = "), "a TOML file that"),
    ],
)
def test_a_file_that_is_no_split(corpus, file, change, message):
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(CorpusError, match=r"not a split of writers") as caught:
        select_writers([corpus], file, Side.TRAIN)
    assert message in str(caught.value)


def test_nobody_stands_on_both_sides(corpus, file):
    split = SplitFile.read(file)
    file.write_text(file.read_text().replace("held_out = [", f'held_out = ["{split.train[0]}", '))
    with pytest.raises(SplitLeak, match="a writer stands on both sides"):
        select_writers([corpus], file, Side.TRAIN)


def test_a_copy_of_another_writer_does_not_stand_on_the_other_side(corpus):
    copies = tuple(replace(sample, writer=f"copy of {sample.writer}") for sample in corpus.samples)
    doubled = Corpus("doubled", corpus.samples + copies)
    with pytest.raises(SplitLeak, match="a signature stands on both sides of the split, under two names"):
        SplitFile.of(doubled)


@pytest.mark.parametrize("side", Side)
def test_a_file_from_elsewhere_is_checked_as_one_that_is_made(corpus, tmp_path, side):
    """Made by hand, or before sides were compared."""
    path = tmp_path / "split.toml"
    copies = tuple(replace(sample, writer=f"copy of {sample.writer}") for sample in corpus.samples)
    doubled = Corpus("doubled", corpus.samples + copies)
    names = {"train": corpus.writers, "held_out": tuple(f"copy of {name}" for name in corpus.writers)}
    split = SplitFile(corpus="doubled", fingerprint=doubled.fingerprint, seed=0, fraction=0.5, **names)
    split.write(path)
    with pytest.raises(SplitLeak, match="a signature stands on both sides of the split, under two names"):
        select_writers([doubled], path, side)
    for one, other in (("train", "held_out"), ("held_out", "train")):
        several = {one: corpus.writers[:2], other: (*corpus.writers[3:], "nobody")}
        replace(split, corpus=corpus.name, fingerprint=corpus.fingerprint, **several).write(path)
        with pytest.raises(CorpusError, match=r"names writers whom .*received 1 others, 'nobody' among them"):
            select_writers([corpus], path, side)


def test_what_cannot_be_split_or_written(corpus, tmp_path):
    with pytest.raises(ConfigError, match="split fraction out of range"):
        SplitFile.of(corpus, fraction=1)
    with pytest.raises(CorpusError, match="too small to split"):
        SplitFile.of(corpus.select(corpus.writers[:1]))
    split = SplitFile.of(corpus)
    for name, message in (("x.txt", "another ending"), ("no/x.toml", "cannot be written")):
        with pytest.raises(CorpusError, match=message):
            split.write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@given(names=st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=4, unique=True))
def test_any_names_of_writers_are_read_back(tmp_path_factory, names):
    first, *others = names
    facts = {"corpus": "a\x7fb", "fingerprint": "0" * 64, "seed": 1, "fraction": 0.5}
    split = SplitFile(**facts, train=(first,), held_out=tuple(others))
    path = tmp_path_factory.mktemp("split") / "split.toml"
    split.write(path)
    assert SplitFile.read(path) == split
