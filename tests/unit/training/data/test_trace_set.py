from dataclasses import replace

import numpy as np
import pytest

from sigverify.corpora import Corpus, Kind, Sample, require_disjoint, split_writers
from sigverify.errors import ConfigError, CorpusError, IncompatibleModel, SplitLeak
from sigverify.modality.pen.features import trace
from sigverify.modality.pen.signature import Signature
from sigverify.training import TraceSet


@pytest.fixture(scope="module")
def corpus():
    def signature(seed):
        rng = np.random.default_rng(seed)
        return Signature(*rng.normal(size=(2, 30)).cumsum(axis=1), np.arange(30) * 10.0)

    samples = [
        Sample(f"u{writer}", kind, number, signature(100 * writer + 10 * number + (kind is Kind.SKILLED)))
        for writer in range(10)
        for kind in Kind
        for number in range(2)
    ]
    return Corpus("tiny", tuple(samples), "free")


def test_corpus_becomes_traces(corpus):
    traces = TraceSet.from_corpus(corpus)
    assert len(traces) == len(corpus)
    assert traces.writers == corpus.writers
    assert traces.licence_note == "free"
    for row, sample in enumerate(corpus.samples):
        assert traces.writer[row] == sample.writer
        assert traces.genuine[row] == (sample.kind is Kind.GENUINE)
        assert traces.extent[row] == 290.0
        np.testing.assert_array_equal(traces.traces[row], trace(sample.capture))


def test_processes_give_the_same_traces(corpus, monkeypatch):
    monkeypatch.setattr("sigverify.training.data.trace_set._AT_ONCE", 15)
    one, two = (TraceSet.from_corpus(corpus, workers=workers) for workers in (1, 2))
    assert two.fingerprint == one.fingerprint
    np.testing.assert_array_equal(two.traces, one.traces)


def test_a_trace_set_is_split_as_its_corpus_is(corpus):
    traces = TraceSet.from_corpus(corpus)
    for ours, theirs in zip(split_writers(traces, 0.3, 5), split_writers(corpus, 0.3, 5), strict=True):
        assert ours.writers == theirs.writers
    rest, held_out = split_writers(traces, 0.3, 5)
    require_disjoint(rest, held_out)


def test_split_refuses(traces):
    with pytest.raises(ConfigError, match="fraction"):
        split_writers(traces, 0.0, 0)
    with pytest.raises(CorpusError, match="too small to split"):
        split_writers(traces.select(["w000"]), 0.5, 0)


def test_file_keeps_everything(traces, tmp_path):
    path = tmp_path / "traces.npz"
    traces.save(path)
    again = TraceSet.load(path)
    assert [p.name for p in tmp_path.iterdir()] == ["traces.npz"]
    assert (again.name, again.licence_note, again.fingerprint) == (
        traces.name,
        traces.licence_note,
        traces.fingerprint,
    )
    np.testing.assert_array_equal(again.traces, traces.traces)
    np.testing.assert_array_equal(again.writer, traces.writer)


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut off"])
def test_other_files_are_refused(content, tmp_path):
    path = tmp_path / "traces.npz"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match="not a trace set"):
        TraceSet.load(path)


def test_absent_file_and_other_arrays_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="not a trace set"):
        TraceSet.load(tmp_path / "absent.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(CorpusError, match="not a trace set"):
        TraceSet.load(tmp_path / "other.npz")


def test_join_qualifies_writers(make_traces):
    joined = TraceSet.join([make_traces(2, name="a"), make_traces(2, seed=1, name="b")])
    assert joined.writers == ("a/w000", "a/w001", "b/w000", "b/w001")
    assert joined.name == "a+b"
    assert joined.licence_note == "terms of a; terms of b"
    np.testing.assert_array_equal(joined.qualified_writer, joined.writer)


def test_join_refuses_one_name_twice(traces):
    for sets in ([], [traces, traces]):
        with pytest.raises(CorpusError, match="cannot be joined"):
            TraceSet.join(sets)


def test_leaks_are_refused(make_traces, traces):
    with pytest.raises(SplitLeak, match="share writers"):
        require_disjoint(traces, traces.select(["w001"]))
    with pytest.raises(SplitLeak, match="under two names"):
        require_disjoint(traces, make_traces(name="renamed"))
    require_disjoint(traces, make_traces(seed=1, name="other"))


def test_fingerprint_ignores_order_and_sees_every_value(traces):
    shuffled = traces.take(np.random.default_rng(0).permutation(len(traces)))
    assert shuffled.fingerprint == traces.fingerprint
    changed = traces.take(np.arange(len(traces)))
    changed.traces[3, 7, 0] += 1e-3
    assert changed.fingerprint != traces.fingerprint


def test_a_record_is_known_again_under_another_name(traces):
    renamed = replace(traces, name="other")
    assert traces.is_of(traces.record())
    assert renamed.is_of(traces.record())
    assert not traces.select(traces.writers[1:]).is_of(traces.record())
    moved = replace(traces, traces=traces.traces + np.float32(1e-3))
    assert not moved.is_of(traces.record())
    assert TraceSet.join([traces]).is_of(traces.record())
    assert not traces.is_of({"name": traces.name})


def test_select_refuses_strangers(traces):
    with pytest.raises(CorpusError, match="no such writer"):
        traces.select(["nobody"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"traces": np.zeros((0, 256, 4))}, "empty"),
        ({"traces": np.zeros((42, 128, 4))}, "another shape"),
        ({"traces": np.full((42, 256, 4), np.nan)}, "not finite"),
        ({"genuine": np.ones(3, bool)}, "differ in length"),
        ({"writer": np.array(["a"])}, "differ in length"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(traces, change, says):
    values = {name: getattr(traces, name) for name in ("name", "traces", "extent", "writer", "genuine")}
    with pytest.raises(CorpusError, match=says):
        TraceSet(**values | change)


def test_files_of_before_there_were_modalities_read_as_pens(traces, tmp_path):
    path = tmp_path / "traces.npz"
    traces.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    del arrays["modality"]
    np.savez(path, duration_ms=arrays.pop("extent"), **arrays)
    again = TraceSet.load(path)
    assert again.modality == "pen"
    assert again.fingerprint == traces.fingerprint


def test_a_modality_that_is_not_known_is_refused(traces):
    values = {name: getattr(traces, name) for name in ("name", "traces", "extent", "writer", "genuine")}
    with pytest.raises(IncompatibleModel, match="modality"):
        TraceSet(**values, modality="smell")


def test_a_corpus_holds_one_kind_of_capture(corpus):
    other = Sample("u0", Kind.GENUINE, 99, capture="no signature")
    with pytest.raises(CorpusError, match="several kinds of capture"):
        Corpus("mixed", (*corpus.samples, other))
