from dataclasses import replace

import numpy as np
import pytest

from sigverify.errors import CorpusError
from sigverify.matching.distances import distances
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.pair_inputs import pair_inputs
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.features import CHANNEL_NAMES, encode
from sigverify.modality.pen.pen import PEN
from sigverify.training import Augmentation
from sigverify.training.pair.trials import GENUINE, PROBES, REFERENCES, SKILLED
from sigverify.training.pair.writers import WriterPairs

PRESSURE = CHANNEL_NAMES.index("pressure")


def rng():
    return np.random.default_rng(3)


def test_shapes_and_cues(writers, laid):
    assert writers.shape == (128, PEN.pair_layout.depth)
    assert laid.pairs.shape == (5, 30, *writers.shape)
    assert laid.pairs.dtype == laid.measured.dtype == np.float32
    assert laid.measured.shape == (5, 30, len(writers.cues))
    assert [cue.name for cue in writers.cues] == ["series", "trimmed", "extent", "tempo"]
    assert len(writers) == 5


def test_slots_are_genuine_ones_forgeries_and_strangers(writers, corpus):
    for number in range(5):
        rows = writers._rows(number, np.arange(5), rng())
        own = corpus.writer_index[rows] == corpus.writer_index[corpus.writer == f"w{number:03d}"][0]
        assert own.tolist() == [True] * (GENUINE + SKILLED) + [False] * 2
        assert corpus.genuine[rows].tolist() == [True] * GENUINE + [False] * SKILLED + [True] * 2
        assert len(set(rows[:GENUINE])) == GENUINE
        # Two forgeries fill four slots.
        assert sorted(rows[GENUINE : GENUINE + 2]) == sorted(rows[GENUINE + 2 : GENUINE + SKILLED])


def test_pairs_are_compared_as_a_device_compares_them(writers, corpus):
    rows = writers._rows(1, np.arange(5), np.random.default_rng(0))
    laid = writers.lay(np.array([1]), np.random.default_rng(0))
    inputs = encode(corpus.traces[rows])
    its = References.stack(
        [
            Embedding.from_floats(series, detail, None, np.zeros(1), extent)
            for series, detail, extent in zip(
                PEN.series(inputs), PEN.detail(inputs), corpus.extent[rows], strict=True
            )
        ]
    )
    for number in (0, 7, 15, 29):
        probe, reference = its[PROBES[number]], its.take([REFERENCES[number]])
        np.testing.assert_array_equal(
            laid.pairs[0, number], pair_inputs(Pairing(probe, reference), PEN.pair_layout)[0]
        )
        np.testing.assert_allclose(
            laid.measured[0, number], distances(probe, reference, writers.cues)[0], rtol=1e-6
        )
    assert not laid.reduced.any()


def test_the_same_random_numbers_give_the_same_pairs(corpus):
    distorted = WriterPairs(corpus, Augmentation())
    one, other = (distorted.lay(np.array([0, 3]), rng()) for _ in range(2))
    np.testing.assert_array_equal(one.pairs, other.pairs)
    plain = WriterPairs(corpus, None).lay(np.array([0, 3]), rng())
    assert not np.array_equal(one.pairs, plain.pairs)


def test_what_a_device_may_lack_is_taken_from_some(writers):
    laid = writers.lay(np.arange(5), rng(), reduced=0.5)
    assert 0 < laid.reduced.sum() < 5
    np.testing.assert_array_equal(laid.pairs[..., PRESSURE].any(axis=(1, 2)), ~laid.reduced)
    assert writers.lay(np.arange(5), rng(), reduced=1.0).reduced.all()


def test_who_lacks_it_in_one_signature_is_compared_without_it_in_all(corpus):
    traces = corpus.traces.copy()
    traces[0, :, 2] = 0  # pressure
    laid = WriterPairs(replace(corpus, traces=traces), None).lay(np.arange(5), rng())
    assert laid.reduced[0]
    assert not laid.pairs[0, ..., PRESSURE].any()


def test_without_forgeries_genuine_ones_are_forged(make_traces):
    alone = WriterPairs(make_traces(4, genuine=5, skilled=0), None)
    laid = alone.lay(np.arange(4), rng())
    skilled = (PROBES >= GENUINE) & (PROBES < GENUINE + SKILLED)
    series = laid.measured[..., 0]
    assert (series[:, skilled] > 0).all()
    assert np.isfinite(laid.pairs).all()


@pytest.mark.parametrize("shape", [{"writers": 2}, {"writers": 6, "genuine": 3}])
def test_too_few_writers_or_signatures(make_traces, shape):
    with pytest.raises(CorpusError, match="at least 3 writers with 4 genuine signatures"):
        WriterPairs(make_traces(**shape), None)


def test_writers_with_too_few_signatures_are_left_out(corpus):
    few = corpus.take(np.flatnonzero(~((corpus.writer == "w001") & corpus.genuine)))
    assert len(WriterPairs(few, None)) == 4
