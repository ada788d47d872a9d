import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.corpora import Corpus, Kind, Sample, merge, require_disjoint, split_writers
from sigverify.errors import ConfigError, CorpusError, SplitLeak
from sigverify.modality.pen.signature import Signature


def signature(seed):
    return Signature(
        [seed + i for i in range(10)], [i * i + 0.5 * seed for i in range(10)], range(0, 100, 10)
    )


def corpus_of(name="toy", writers=4, start=0):
    samples = [
        Sample(
            str(writer), kind, number, signature(start + 100 * writer + 10 * (kind is Kind.SKILLED) + number)
        )
        for number in (3, 1, 2)
        for writer in range(writers)
        for kind in Kind
    ]
    return Corpus(name, tuple(samples), f"{name} is free")


def test_samples_stand_in_order():
    corpus = corpus_of()
    assert corpus.writers == ("0", "1", "2", "3")
    assert len(corpus) == 24
    assert [sample.number for sample in corpus.genuine("2")] == [1, 2, 3]
    assert {sample.kind for sample in corpus.skilled("2")} == {Kind.SKILLED}
    assert repr(corpus) == "<Corpus toy: 4 writers, 24 signatures>"


def test_fingerprint_follows_the_content_and_not_the_order():
    corpus = corpus_of()
    assert Corpus("toy", corpus.samples[::-1]).fingerprint == corpus.fingerprint
    others = [corpus_of(start=1), corpus_of(writers=3), corpus.select(["1"])]
    renamed = [dataclasses.replace(sample, writer=sample.writer + "0") for sample in corpus.samples]
    others.append(Corpus("toy", tuple(renamed)))
    assert len({corpus.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_fingerprint_is_stable_over_versions():
    assert corpus_of(writers=1).fingerprint[:16] == "9c6537fb1a9e8b8f"


def test_no_samples_and_doubled_samples_are_refused():
    with pytest.raises(CorpusError, match="toy is empty"):
        Corpus("toy", ())
    sample = corpus_of().samples[0]
    with pytest.raises(CorpusError, match="writer 0, genuine, number 1 twice"):
        Corpus("toy", (sample, sample))


def test_unknown_writers_are_refused():
    corpus = corpus_of()
    for call in (corpus.genuine, corpus.skilled, lambda name: corpus.select(["1", name])):
        with pytest.raises(
            CorpusError, match="no such writer; expected one of 4 writers, 0 to 3; received 'x'"
        ):
            call("x")
    with pytest.raises(CorpusError, match="empty"):
        corpus.select([])


@given(st.integers(2, 12), st.floats(0.01, 0.99), st.integers(0, 5))
def test_split_is_disjoint_complete_and_repeatable(writers, fraction, seed):
    corpus = corpus_of(writers=writers)
    rest, held = split_writers(corpus, fraction, seed)
    assert sorted(rest.writers + held.writers) == sorted(corpus.writers)
    assert len(rest) + len(held) == len(corpus)
    assert abs(len(held.writers) - fraction * writers) <= 1
    require_disjoint(rest, held)
    assert split_writers(corpus, fraction, seed)[1].fingerprint == held.fingerprint


def test_split_follows_the_seed():
    assert len({split_writers(corpus_of(writers=20), 0.3, seed)[1].writers for seed in range(5)}) > 1


@pytest.mark.parametrize("fraction", [0, 1, -0.5, float("nan")])
def test_split_fraction_out_of_range(fraction):
    with pytest.raises(ConfigError, match="0 < fraction < 1"):
        split_writers(corpus_of(), fraction, 0)


def test_one_writer_cannot_be_split():
    with pytest.raises(CorpusError, match="too small to split"):
        split_writers(corpus_of(writers=1), 0.5, 0)


def test_shared_writers_are_a_leak():
    corpus = corpus_of()
    with pytest.raises(SplitLeak, match=r"share writers; .* 1 shared, toy/2 among them"):
        require_disjoint(corpus.select(["1", "2"]), corpus.select(["2", "3"]))
    with pytest.raises(SplitLeak, match="share writers"):
        require_disjoint(merge([corpus, corpus_of("other", start=1000)]), corpus)


def test_same_signatures_under_other_names_are_a_leak():
    with pytest.raises(SplitLeak, match="share a signature under two names"):
        require_disjoint(corpus_of("one"), corpus_of("other"))


def test_writers_of_one_name_in_two_corpora_are_two_people():
    require_disjoint(corpus_of("one"), corpus_of("other", start=1000))


def test_merge():
    merged = merge([corpus_of("one", 2), corpus_of("other", 2, start=1000)])
    assert merged.name == "one+other"
    assert merged.writers == ("one/0", "one/1", "other/0", "other/1")
    assert merged.licence_note == "one is free; other is free"
    assert len(merged.genuine("other/1")) == 3
    assert merge([merged]).writers == merged.writers


def test_merge_of_nothing_or_of_one_name_twice_is_refused():
    with pytest.raises(CorpusError, match="cannot be joined"):
        merge([])
    with pytest.raises(CorpusError, match="each of another name"):
        merge([corpus_of("one"), corpus_of("one", start=1000)])
