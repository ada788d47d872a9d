import numpy as np
import pytest

from sigverify.errors import CorpusError
from sigverify.modality.pen.features import CHANNELS, FRAMES, encode
from sigverify.training import Augmentation, TraceSet
from sigverify.training.data.batches import WriterBatches


def batches_of(traces, **options):
    values = {"outputs": ("vector",), "writers": 3, "genuine": 2, "skilled": 2, "steps": 4, "seed": 0}
    return WriterBatches(traces, **values | options)


def find(traces, features):
    """Row of each signature, by its undistorted features."""
    known = encode(traces.traces)
    return np.array([int(np.flatnonzero((known == one).all(axis=(1, 2)))[0]) for one in features])


def test_layout_and_labels(traces):
    features, labels = batches_of(traces)[0]
    assert features.shape == (12, FRAMES, CHANNELS)
    assert features.dtype == np.float32
    label = labels["vector"]
    assert label.shape == (12, 2)
    np.testing.assert_array_equal(label[:, 1], np.tile([1, 1, 0, 0], 3))
    assert len(set(label[::4, 0])) == 3
    rows = find(traces, features)
    np.testing.assert_array_equal(traces.writer_index[rows], label[:, 0])
    np.testing.assert_array_equal(traces.genuine[rows], label[:, 1] == 1)
    assert len(set(rows)) == 12


def test_labels_go_to_every_output(traces):
    _, labels = batches_of(traces, outputs=("vector", "sequence"))[0]
    assert set(labels) == {"vector", "sequence"}


def test_batches_differ_by_seed_epoch_and_index_alone(traces):
    batches = batches_of(traces, augmentation=Augmentation())
    same = batches_of(traces, augmentation=Augmentation())
    np.testing.assert_array_equal(batches.make(1, 2)[0], same.make(1, 2)[0])
    for other in (batches.make(1, 3), batches.make(2, 2), batches_of(traces, seed=1).make(1, 2)):
        assert not np.array_equal(batches.make(1, 2)[0], other[0])


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing(traces, workers):
    alone, together = (
        batches_of(traces, workers=count, augmentation=Augmentation()) for count in (0, workers)
    )
    for epoch in (0, 1, 5):
        alone.epoch = together.epoch = epoch
        # Out of order and twice, as keras looks at the first batches before an epoch.
        for index in (0, 1, 0, 1, 2, 3):
            np.testing.assert_array_equal(alone[index][0], together[index][0])
    together.close()


def test_few_genuine_signatures_are_repeated(make_traces):
    traces = make_traces(3, genuine=1, skilled=2)
    features, labels = batches_of(traces)[0]
    rows = find(traces, features).reshape(3, 4)
    np.testing.assert_array_equal(rows[:, 0], rows[:, 1])
    np.testing.assert_array_equal(labels["vector"][:, 1].reshape(3, 4), [[1, 1, 0, 0]] * 3)


def test_without_skilled_forgeries_other_writers_stand_in(make_traces):
    traces = make_traces(3, genuine=3, skilled=0)
    batches = batches_of(traces)
    for index in range(4):
        features, labels = batches[index]
        rows = find(traces, features).reshape(3, 4)
        claimed = labels["vector"][:, 0].reshape(3, 4)
        assert (traces.writer_index[rows][:, :2] == claimed[:, :2]).all()
        assert (traces.writer_index[rows][:, 2:] != claimed[:, 2:]).all()


def test_no_skilled_slots(traces):
    features, labels = batches_of(traces, skilled=0)[0]
    assert len(features) == 6
    assert labels["vector"][:, 1].all()


def test_more_writers_than_there_are(traces):
    assert batches_of(traces, writers=100).writers_per_batch == 6


def test_shares(make_traces):
    joined = TraceSet.join([make_traces(20, name="many"), make_traces(4, seed=1, name="few")])
    batches = batches_of(joined, writers=2, shares={"few": 0.5}, steps=200)
    writers = np.concatenate([batches.make(0, index)[1]["vector"][::4, 0] for index in range(60)])
    of_few = np.array([joined.writers[writer].startswith("few/") for writer in writers]).mean()
    assert 0.35 < of_few < 0.65
    with pytest.raises(CorpusError, match="share for a corpus"):
        batches_of(joined, shares={"none": 0.5})


@pytest.mark.parametrize(
    ("shares", "drawn"),
    [
        ({"few": 0}, {"many"}),
        ({"few": 0.0, "many": 1}, {"many"}),
        ({"few": 1}, {"few"}),
        ({"many": 0.0}, {"few"}),
        ({"few": 0.9, "many": 0.1}, {"few", "many"}),
        ({"few": 1e-12, "many": 0.5}, {"few", "many"}),
        ({"few": 0.0, "many": 0.3}, {"many"}),
    ],
)
def test_of_a_corpus_without_a_share_nobody_is_drawn(make_traces, shares, drawn):
    joined = TraceSet.join([make_traces(2, name="few"), make_traces(6, name="many")])
    batches = batches_of(joined, writers=8, shares=shares)
    assert batches.writers_per_batch == sum(name.partition("/")[0] in drawn for name in joined.writers)
    _, labels = batches[0]
    found = {joined.writers[writer].partition("/")[0] for writer in labels["vector"][:, 0]}
    assert found == drawn


@pytest.mark.parametrize("shares", [{"few": 0, "many": 0}, {"few": 1, "many": 0}, {"one": 1.0}])
def test_shares_that_leave_too_few_are_refused(make_traces, shares):
    joined = TraceSet.join(
        [make_traces(1, name="few"), make_traces(6, name="many"), make_traces(1, name="one")]
    )
    shares = shares if "one" in shares else {**shares, "one": 0}
    with pytest.raises(CorpusError, match=r"too few writers to train on.*received [01].*batch\.shares"):
        batches_of(joined, shares=shares)


def test_too_few_writers(traces):
    with pytest.raises(CorpusError, match="at least 2 writers"):
        batches_of(traces.select(["w000"]))


def test_a_batch_splits_evenly_between_writers(traces):
    batches = batches_of(traces, writers=5, parts=2)
    assert batches.writers_per_batch == 4
    with pytest.raises(CorpusError, match="at least 7 writers"):
        batches_of(traces, parts=7)


def test_labels_of_held_out_writers_begin_after_the_others(traces):
    plain, shifted = (batches_of(traces, first_label=first)[0][1]["vector"] for first in (0, 100))
    np.testing.assert_array_equal(plain[:, 0] + 100, shifted[:, 0])
    np.testing.assert_array_equal(plain[:, 1], shifted[:, 1])


def test_processes_share_a_batch_by_writers(traces):
    whole = batches_of(traces, writers=4, parts=2)
    shares = [batches_of(traces, writers=4, parts=2, share=(number, 2))[0] for number in (0, 1)]
    labels = np.concatenate([labels["vector"] for _, labels in shares])
    np.testing.assert_array_equal(labels, whole[0][1]["vector"])
    assert all(len(features) == 8 for features, _ in shares)


def test_missing_forgeries_are_made_of_own_signatures(make_traces):
    traces = make_traces(3, genuine=3, skilled=0)
    features, labels = batches_of(traces, forged=1.0)[0]
    known = encode(traces.traces)
    for one, (writer, genuine) in zip(features, labels["vector"], strict=True):
        gaps = np.abs(known - one).mean(axis=(1, 2))
        assert traces.writer_index[gaps.argmin()] == writer
        assert (gaps.min() == 0) == bool(genuine)
    some = batches_of(make_traces(3, genuine=3, skilled=2), forged=1.0)[0][0]
    np.testing.assert_array_equal(some, batches_of(make_traces(3, genuine=3, skilled=2))[0][0])
