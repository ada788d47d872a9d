import numpy as np
import pytest

from sigverify.matching.scoring import evidence, evidence_size
from sigverify.training.pair import offset
from sigverify.training.pair.offset import Offset
from sigverify.training.pair.trials import GENUINE, TRIALS, between


def by_definition(its, laid):
    """Log odds trial by trial, as a device scores."""
    signs = np.array([-1 if cue.signed else 1 for cue in its.cues], np.float32)
    rows = []
    for writer, table in enumerate(between(laid.measured, signs)):
        odds = []
        for trials in TRIALS:
            weights, bias = its.rows[bool(laid.reduced[writer]), trials.references]
            for chosen, probe in zip(trials.sets, trials.probes, strict=True):
                spread = table[np.ix_(chosen, chosen)]
                odds.append(evidence(table[probe, chosen], spread, its.cues) @ weights + bias)
        rows.append(odds)
    return np.array(rows)


@pytest.fixture
def invented(writers):
    """Weights of no meaning, others for each number of references."""
    rng = np.random.default_rng(1)
    size = evidence_size(writers.cues)
    rows = {
        (reduced, trials.references): (rng.normal(size=size), float(rng.normal()))
        for reduced in (False, True)
        for trials in TRIALS
    }
    return Offset(writers.cues, rows)


def test_odds_are_those_of_scoring(invented, laid):
    assert 0 < laid.reduced.sum() < len(laid.reduced)
    found = invented.odds(laid)
    assert found.shape == (5, sum(len(trials.probes) for trials in TRIALS))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_definition(invented, laid), rtol=1e-4, atol=1e-4)


def test_fitted_weights_tell_genuine_from_others(writers, laid, monkeypatch):
    monkeypatch.setattr(offset, "WRITERS", 48)
    its = Offset.fit(writers, seed=0)
    assert set(its.rows) == {(reduced, count) for reduced in (False, True) for count in (1, 2, 3)}
    odds = its.odds(laid)
    genuine = np.concatenate([trials.probes < GENUINE for trials in TRIALS])
    assert odds[:, genuine].mean() > 1 > -1 > odds[:, ~genuine].mean()
    again = Offset.fit(writers, seed=0)
    for key, (weights, bias) in its.rows.items():
        np.testing.assert_array_equal(weights, again.rows[key][0])
        assert bias == again.rows[key][1]
