import math
from statistics import NormalDist

import numpy as np
import pytest
from builders import CUES
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.matching.scoring import Impostor, ScoreRow, Scoring, evidence_size
from sigverify.matching.strangers import MOST_ODDS, NormalFit, Strangers, deviate

TABLE = ((0.1, 0.01), (0.05, 0.02), (0.01, 0.2), (0.001, 0.6))
ROW = ScoreRow(
    weights=(0.0,) * evidence_size(CUES),
    bias=0.0,
    thresholds={Impostor.RANDOM: TABLE, Impostor.SKILLED: ((0.1, 0.5), (0.01, 0.9))},
)
SCORING = Scoring(cues=CUES, rows={1: ROW})
RATES = st.floats(0.001, 0.1)
FITS = st.builds(
    NormalFit,
    mean=st.floats(-MOST_ODDS, MOST_ODDS),
    deviation=st.floats(0, MOST_ODDS),
)


def threshold(rate, fit, impostor=Impostor.RANDOM):
    strangers = None if fit is None else Strangers(whole=fit, reduced=fit)
    return SCORING.threshold(rate, impostor=impostor, strangers=strangers)


@given(st.floats(1e-12, 0.999))
def test_property_deviates_are_those_of_the_standard_library(share):
    assert deviate(share) == pytest.approx(
        NormalDist().inv_cdf(1 - share), abs=1e-4 if share < 1e-9 else 1e-7
    )


def test_a_fit_has_the_mean_and_the_deviation_as_a_template_holds_them():
    odds = np.random.default_rng(0).normal(-8, 2, 12)
    fit = NormalFit.of(odds)
    assert (fit.mean, fit.deviation) == (np.float32(odds.mean()), np.float32(odds.std()))
    assert NormalFit.of(np.full(3, -60.0)) == NormalFit(mean=-60.0, deviation=0.0)


def test_the_score_that_a_share_reaches_is_reached_by_that_share():
    fit = NormalFit(mean=-4.0, deviation=1.5)
    odds = np.random.default_rng(1).normal(-4.0, 1.5, 200_000)
    for share in (0.1, 0.01):
        score = fit.score(share)
        assert np.mean(1 / (1 + np.exp(-odds)) >= score) == pytest.approx(share, rel=0.1)
        assert fit.share(score) == pytest.approx(share, rel=1e-9)


def test_without_a_deviation_all_strangers_are_alike():
    fit = NormalFit(mean=0.0, deviation=0.0)
    assert (fit.share(0.4), fit.share(0.6)) == (1.0, 0.0)
    assert fit.score(0.01) == 0.5


@pytest.mark.parametrize(
    ("mean", "deviation"),
    [
        (math.nan, 1.0),
        (1.0, math.nan),
        (math.inf, 1.0),
        (0.0, math.inf),
        (0.0, -1e-6),
        (61.0, 1.0),
        (0.0, 61.0),
    ],
)
def test_numbers_that_would_lower_a_threshold_are_refused(mean, deviation):
    with pytest.raises(ConfigError, match="log odds of strangers that cannot be"):
        NormalFit(mean=mean, deviation=deviation)


@given(RATES, FITS)
def test_property_a_threshold_is_never_lower_than_before(rate, fit):
    assert threshold(rate, None) <= threshold(rate, fit) < 1
    skilled = max(rate, 0.01)
    assert threshold(skilled, fit, Impostor.SKILLED) == threshold(skilled, None, Impostor.SKILLED)


@given(st.tuples(RATES, RATES).map(sorted), FITS)
def test_property_a_lower_rate_never_has_a_lower_threshold(rates, fit):
    assert threshold(rates[0], fit) >= threshold(rates[1], fit)


@given(RATES, FITS, st.floats(0, 5))
def test_property_who_is_nearer_to_strangers_never_has_a_lower_threshold(rate, fit, more):
    nearer = NormalFit(mean=min(fit.mean + more, MOST_ODDS), deviation=fit.deviation)
    assert threshold(rate, nearer) >= threshold(rate, fit)


@pytest.mark.parametrize("rate", [rate for rate, _ in TABLE])
def test_at_the_rates_of_the_model_it_is_the_greater_of_both(rate):
    fit = NormalFit(mean=-5.0, deviation=2.0)
    assert threshold(rate, fit) == max(dict(TABLE)[rate], fit.score(rate))


def test_only_what_was_compared_alike_counts():
    near, far = NormalFit(mean=3.0, deviation=1.0), NormalFit(mean=-20.0, deviation=1.0)
    strangers = Strangers(whole=far, reduced=near)
    scoring = Scoring(cues=CUES, rows={1: ROW}, reduced={1: ROW})
    at = {"impostor": Impostor.RANDOM, "strangers": strangers}
    assert scoring.threshold(0.01, **at) == 0.2
    assert scoring.threshold(0.01, reduced=True, **at) == near.score(0.01)


def test_a_model_without_thresholds_for_strangers_raises_none():
    row = ScoreRow(weights=ROW.weights, bias=0.0, thresholds={Impostor.SKILLED: ((0.1, 0.5), (0.01, 0.9))})
    assert row.raised(NormalFit(mean=5.0, deviation=1.0)) is row
