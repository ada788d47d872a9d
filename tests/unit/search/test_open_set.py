import math

import pytest

from sigverify.errors import ConfigError
from sigverify.matching.cues import EXTENT
from sigverify.matching.scoring import Impostor, ScoreRow, Scoring
from sigverify.search.open_set import open_set_threshold

ROW = ScoreRow(
    weights=(0.0, 0.0),
    bias=0.0,
    # Log odds -4, -2, 0: one decade of FMR for each 2.
    thresholds={
        Impostor.RANDOM: tuple((10.0**-k, 1 / (1 + math.exp(6 - 2 * k))) for k in (1, 2, 3)),
    },
)


def odds(**options):
    score = open_set_threshold(ROW, **options)
    return math.log(score / (1 - score))


def test_one_person_is_verification():
    for fpir in (0.1, 0.01, 0.001):
        wanted = Scoring(cues=(EXTENT,), rows={1: ROW}).threshold(fpir, impostor=Impostor.RANDOM)
        assert open_set_threshold(ROW, fpir=fpir, people=1) == pytest.approx(wanted)
    assert odds(fpir=0.01, people=1) == pytest.approx(-2)


@pytest.mark.parametrize("people", [10, 1000, 10**6])
def test_ten_times_the_people_cost_what_a_tenth_of_the_rate_costs(people):
    assert odds(fpir=1e-4, people=people) == pytest.approx(odds(fpir=1e-5, people=people // 10), abs=1e-3)


def test_below_the_calibrated_rates_the_tail_is_exponential():
    assert odds(fpir=1e-3, people=1) == pytest.approx(0)
    assert odds(fpir=1e-3, people=1000) == pytest.approx(6, abs=1e-2)
    assert odds(fpir=0.01, people=10**7) == pytest.approx(12, abs=1e-1)


def test_above_them_it_stays():
    assert odds(fpir=0.9, people=1) == odds(fpir=0.1, people=1)


def test_rises_with_people_and_falls_with_the_rate():
    by_people = [odds(fpir=0.01, people=count) for count in (1, 2, 20, 500, 10**5)]
    assert by_people == sorted(set(by_people))
    by_rate = [odds(fpir=rate, people=50) for rate in (0.5, 0.1, 0.01, 1e-4)]
    assert by_rate == sorted(set(by_rate))


@pytest.mark.parametrize("fpir", [0, 1, -0.1, 2, math.nan])
def test_no_rate(fpir):
    with pytest.raises(ConfigError, match=r"identification rate .*expected above 0 and below 1"):
        open_set_threshold(ROW, fpir=fpir, people=5)


def test_a_model_that_knows_no_strangers_is_refused_in_the_same_words_as_for_a_rate():
    row = ScoreRow(weights=(0.0,), bias=0.0, thresholds={Impostor.SKILLED: ((0.1, 0.5), (0.01, 0.7))})
    with pytest.raises(ConfigError, match="calibrated on several writers") as searched:
        open_set_threshold(row, fpir=0.01, people=5)
    with pytest.raises(ConfigError, match="no thresholds for random impostors") as verified:
        row.table(Impostor.RANDOM)
    assert str(searched.value) == str(verified.value)


def test_of_one_rate_there_is_no_slope():
    row = ScoreRow(weights=(0.0,), bias=0.0, thresholds={Impostor.RANDOM: ((0.1, 0.5),)})
    with pytest.raises(ConfigError, match="one rate alone; expected two rates"):
        open_set_threshold(row, fpir=0.01, people=5)
