import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.decision import Aspect, Decision, Outcome, Reason, confidence

PROBABILITY = st.floats(0, 1)


@given(PROBABILITY, PROBABILITY)
def test_confidence_is_one_half_at_the_threshold_and_rises_away_from_it(score, threshold):
    assert 0.5 <= confidence(score, threshold) <= 1
    assert confidence(threshold, threshold) == 0.5


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_confidence_is_the_posterior_at_the_odds_that_make_the_threshold_a_toss(score, threshold):
    """Bayes with a prior of 1 - threshold: likelihood ratio times prior odds."""
    odds = score / (1 - score) * (1 - threshold) / threshold
    assert confidence(score, threshold) == pytest.approx(max(odds, 1 / odds) / (1 + max(odds, 1 / odds)))


@pytest.mark.parametrize(("outcome", "accepted"), [("ACCEPT", True), ("REJECT", False), ("REFER", False)])
def test_only_accepted_is_accepted(outcome, accepted):
    decision = Decision(outcome=Outcome[outcome], reason=Reason.ALIKE)
    assert (decision.accepted, bool(decision), bool(decision.outcome)) == (accepted,) * 3


def test_what_every_interface_says_of_it():
    decision = Decision(
        outcome=Outcome.REFER,
        reason=Reason.UNSURE,
        score=0.123456789,
        threshold=0.5,
        confidence=0.75,
        unlike=(Aspect.SPEED, Aspect.SHAPE),
        retry_after_s=0.01,
        latency_ms=1.23456,
    )
    assert json.loads(json.dumps(decision.to_dict())) == {
        "outcome": "refer",
        "accepted": False,
        "reason": "unsure",
        "score": 0.123456789,
        "threshold": 0.5,
        "confidence": 0.75,
        "unlike": ["speed", "shape"],
        "missing": [],
        "flaw": None,
        "retry_after_s": 0.1,  # a wait is never told to be over
        "latency_ms": 1.235,
    }
