import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.decision import Aspect, Decision, Outcome, Reason, confidence
from sigverify.modality.quality import Flaw

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


def test_a_notebook_says_what_the_command_line_says(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    rejected = Decision(
        outcome=Outcome.REJECT, reason=Reason.UNLIKE, score=0.1234, threshold=0.5, unlike=(Aspect.SPEED,),
        missing=(Aspect.PRESSURE,), retry_after_s=30.0, left_out=("image",),
    )  # fmt: skip
    shown = rejected._repr_html_()
    assert "<b>✗ rejected</b>: the score is below the threshold<br>score 0.123, threshold 0.5" in shown
    for words in ("unlike: speed", "not compared: pressure", "not counted: picture", "next try in 30 s"):
        assert f"<br>{words}" in shown
    assert "✓ accepted" in Decision(outcome=Outcome.ACCEPT, reason=Reason.ALIKE)._repr_html_()
    assert "? referred" in Decision(outcome=Outcome.REFER, reason=Reason.UNSURE)._repr_html_()
    poor = Decision(outcome=Outcome.REJECT, reason=Reason.POOR, flaw=Flaw.TOO_SHORT)._repr_html_()
    assert "</b>: too short</div>" in poor
    assert poor.count("<br>") == 0, "what is hidden or unknown is not there"


@pytest.mark.parametrize(("locale", "words"), [("C", "only trying out?"), ("de_DE", "nur zum Ausprobieren?")])
def test_of_a_copy_it_says_what_to_do(monkeypatch, locale, words):
    monkeypatch.setenv("LC_ALL", locale)
    shown = Decision(outcome=Outcome.REJECT, reason=Reason.REPLAY)._repr_html_()
    assert words in shown
    assert "Policy(replay=False)" in shown


def test_decisions_are_rows_of_one_shape():
    """As `pandas.DataFrame` takes them, whatever came of each."""
    rows = [
        Decision(outcome=Outcome.ACCEPT, reason=Reason.ALIKE, score=0.9, threshold=0.5).to_dict(),
        Decision(outcome=Outcome.REJECT, reason=Reason.LOCKED, retry_after_s=3.0).to_dict(),
    ]
    assert set(rows[0]) == set(rows[1])
