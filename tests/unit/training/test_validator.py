import numpy as np
import pytest

from sigverify.errors import CorpusError
from sigverify.metrics import eer
from sigverify.training import ValidationConfig
from sigverify.training.elastic import pair_distances
from sigverify.training.losses.elastic_distance import elastic_distance
from sigverify.training.validator import Validator, equal_error_rate

CONFIG = ValidationConfig(references=2, genuine=4, skilled=3)


class Oracle:
    """Stands in for a network: gives every signature the outputs it is told."""

    def __init__(self, outputs):
        self.outputs = outputs

    def predict(self, features, **_):
        assert all(len(value) == len(features) for value in self.outputs.values())
        return self.outputs


def one_hot(indices, noise=0.01, frames=None):
    rng = np.random.default_rng(0)
    codes = np.eye(max(indices) + 1, dtype=np.float32)[indices]
    if frames:
        codes = np.repeat(codes[:, None], frames, axis=1)
    return codes + noise * rng.standard_normal(codes.shape).astype(np.float32)


def test_equal_error_rate_is_that_of_metrics():
    rng = np.random.default_rng(0)
    for shift in (0.0, 1.0, 5.0):
        genuine, impostor = rng.normal(size=40).round(1), rng.normal(shift, 1, 50).round(1)
        assert equal_error_rate(genuine, impostor) == pytest.approx(eer(-genuine, -impostor))
    assert equal_error_rate(np.empty(0), np.ones(3)) == 0.5


def test_a_perfect_network_makes_no_error(make_traces):
    validator = Validator(make_traces(4, genuine=5, skilled=4), CONFIG)
    rows = validator.traces
    identity = np.where(rows.genuine, rows.writer_index, 4)
    metrics = validator(Oracle({"vector": one_hot(identity), "sequence": one_hot(identity, frames=8)}))
    cues = {f"val_eer_{cue}{end}" for cue in ("sequence", "vector") for end in ("", "_1")}
    assert set(metrics) == cues | {"val_eer", "val_eer_random"}
    assert all(value == 0 for value in metrics.values())


def test_a_blind_network_guesses(make_traces):
    validator = Validator(make_traces(12, genuine=6, skilled=5), ValidationConfig(references=2))
    vectors = np.random.default_rng(0).normal(size=(len(validator.features), 8)).astype(np.float32)
    metrics = validator(Oracle({"vector": vectors}))
    assert 0.35 < metrics["val_eer"] < 0.65
    assert metrics["val_eer"] == (metrics["val_eer_vector"] + metrics["val_eer_vector_1"]) / 2


def test_without_skilled_forgeries_random_ones_stand_in(make_traces):
    validator = Validator(make_traces(4, genuine=5, skilled=0), CONFIG)
    metrics = validator(Oracle({"vector": one_hot(validator.traces.writer_index)}))
    assert metrics["val_eer"] == metrics["val_eer_random"] == 0


def test_limits(make_traces):
    config = ValidationConfig(writers=3, references=2, genuine=4, skilled=1)
    assert len(Validator(make_traces(9, genuine=6, skilled=5), config).features) == 3 * 5


def test_too_few_signatures(make_traces):
    with pytest.raises(CorpusError, match="no held-out writer"):
        Validator(make_traces(4, genuine=2), CONFIG)


def test_pairs_are_measured_in_chunks(monkeypatch):
    monkeypatch.setattr("sigverify.training.elastic.CHUNK", 7)
    sequences = np.random.default_rng(0).normal(size=(6, 9, 2)).astype(np.float32)
    pairs = np.stack(np.triu_indices(6), axis=1)
    found = pair_distances(sequences, pairs, band=0.3)
    expected = elastic_distance(sequences[pairs[:, 0]], sequences[pairs[:, 1]], band=3)
    np.testing.assert_allclose(found, np.asarray(expected), atol=1e-6)
