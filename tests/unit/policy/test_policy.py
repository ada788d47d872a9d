import math

import pytest

from sigverify.decision import Decision, Outcome, Reason
from sigverify.errors import ConfigError
from sigverify.matching.aspect import Aspect
from sigverify.matching.scoring import Impostor
from sigverify.policy import Policy
from sigverify.store import MEMORY
from sigverify.verifier import Verifier

FULL = Decision(
    outcome=Outcome.REJECT, reason=Reason.UNLIKE, score=0.2, threshold=0.9, confidence=0.99,
    unlike=(Aspect.SHAPE,), retry_after_s=30, latency_ms=3,
)  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"refer_fmr": 0.01},
        {"refer_fmr": 0.001},
        {"remembered": 0},
        {"remembered": 10**6},
        {"reveal_unknown": False},
        {"reveal_unknown": False, "reveal_score": True},
    ],
)
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ConfigError):
        Policy(**wrong)


def test_a_trusted_caller_sees_all():
    assert Policy().shown(FULL) is FULL


def test_an_untrusted_caller_sees_only_what_an_unknown_name_shows_too():
    shown = Policy.kiosk().shown(FULL)
    assert (shown.score, shown.threshold, shown.confidence, shown.unlike) == (None, None, None, ())
    assert (shown.outcome, shown.reason, shown.retry_after_s) == (Outcome.REJECT, Reason.UNLIKE, 30)
    copy = Decision(outcome=Outcome.REJECT, reason=Reason.REPLAY)
    assert Policy.kiosk().shown(copy).reason is Reason.UNLIKE
    assert Policy().shown(copy).reason is Reason.REPLAY


def test_asking_for_other_rates():
    policy = Policy()
    assert policy.asking() is policy
    asked = policy.asking(fmr=0.001, impostor="random", refer_fmr=0.1)
    assert (asked.fmr, asked.impostor, asked.refer_fmr) == (0.001, Impostor.RANDOM, 0.1)
    with pytest.raises(ConfigError, match="expected one of skilled, random"):
        policy.asking(impostor="burglar")
    with pytest.raises(ConfigError, match="nothing would be referred"):
        policy.asking(fmr=0.05, refer_fmr=0.05)


def test_the_presets():
    assert Policy.kiosk().per_user.longest_s == 3600
    assert not Policy.kiosk().per_device.trust_wall
    assert (Policy.unguarded().replay, Policy.unguarded().per_user) == (False, None)


@pytest.mark.parametrize("rate", [5, 1, 0, -1, math.nan, math.inf, "1.5", "nan", "", "lax", None, True])
def test_a_rate_that_never_works_is_refused(rate):
    if rate is not None:
        with pytest.raises(ConfigError, match="out of range"):
            Policy(fmr=0.001, refer_fmr=rate)
    with pytest.raises(ConfigError, match="out of range"):
        Policy(fmr=rate)


def test_an_impostor_may_be_named():
    assert Policy(impostor="random").impostor is Impostor.RANDOM


def test_an_unknown_impostor_is_refused():
    with pytest.raises(ConfigError, match="unknown impostor"):
        Policy(impostor="nobody")


@pytest.mark.parametrize("rates", [{"fmr": 0.5}, {"fmr": 1e-6}, {"fmr": 0.01, "refer_fmr": 0.5}])
def test_a_rate_that_the_model_does_not_know_is_refused_when_it_is_opened(rates):
    with pytest.raises(ConfigError, match="calibration"):
        Verifier.open(MEMORY, policy=Policy(**rates))
