import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sigverify.errors import ConfigError, MalformedModel
from sigverify.matching.cue import Cue
from sigverify.matching.cues import EXTENT, SEQUENCE, SERIES, VECTOR
from sigverify.matching.scoring import (
    FLOOR,
    Impostor,
    ScoreRow,
    Scoring,
    evidence,
    evidence_size,
    learned_columns,
)
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.tempo import TEMPO

CUES = (SERIES, SEQUENCE, VECTOR, TEMPO)
"""Three relative ones and a signed one."""
SIZE = evidence_size(CUES)
TABLE = ((0.1, 0.5), (0.01, 0.8), (0.001, 0.95))


def between(count, value=2.0):
    out = np.full((count, count, 4), value)
    out[np.arange(count), np.arange(count)] = 0
    return out


def scoring(**rows):
    row = ScoreRow(weights=(-1.0,) * SIZE, bias=0.5, thresholds=dict.fromkeys(Impostor, TABLE))
    return Scoring(cues=CUES, rows={1: row, 4: replace(row, bias=2.0), **rows})


def test_evidence_by_hand():
    distances = np.array([[1.0, 2.0, 0.5, 0.1], [3.0, 4.0, 1.5, 0.3], [2.0, 2.0, 2.0, 0.2]])
    apart = between(3, 0.0)
    # References 0 and 1 lie 2 apart, 2 lies 4 from both: their own mean distances are 3, 3 and 4.
    apart[0, 1] = apart[1, 0] = 2.0
    apart[2, :2] = apart[:2, 2] = 4.0
    own = np.log([3.0, 3.0, 4.0])
    expected = []
    for cue in range(3):
        ratios = np.log(distances[:, cue]) - own
        expected += [ratios.min(), ratios.mean(), own.mean()]
    np.testing.assert_allclose(evidence(distances, apart, CUES), [*expected, 0.2, 0.2], atol=1e-12)


def test_one_reference_has_no_spread():
    values = evidence(np.full((1, 4), 3.0), between(1), CUES)
    np.testing.assert_allclose(values, [math.log(3), math.log(3), 0] * 3 + [3.0, 3.0])


def test_identical_signatures_count_as_the_floor():
    values = evidence(np.zeros((3, 4)), np.zeros((3, 3, 4)), CUES)
    np.testing.assert_allclose(values[:9], [0, 0, math.log(FLOOR)] * 3)


def test_score_of_many_probes_is_the_score_of_each():
    distances = np.random.default_rng(0).uniform(0.1, 4, (7, 5, 4))
    fitted = scoring()
    many = fitted.score(distances, between(5))
    np.testing.assert_allclose(many, [fitted.score(row, between(5)) for row in distances])


@given(hnp.arrays(np.float64, (5, 4), elements=st.floats(0, 1e6)), st.floats(0, 1e6))
def test_scores_lie_in_0_to_1(distances, apart):
    assert 0 <= scoring().score(distances, between(5, apart)) <= 1
    assert 0 <= Scoring.default(CUES).score(distances, between(5, apart)) <= 1


@pytest.mark.parametrize("cue", range(4))
@pytest.mark.parametrize("its", [scoring(), Scoring.default(CUES)])
def test_what_is_no_number_gives_no_score(its, cue):
    distances = np.ones((5, 4))
    distances[2, cue] = math.nan
    assert math.isnan(its.score(distances, between(5)))


@pytest.mark.parametrize(("references", "bias"), [(1, 0.5), (2, 0.5), (3, 0.5), (4, 2.0), (12, 2.0)])
def test_row_of_the_next_lower_fitted_number(references, bias):
    assert scoring().row(references).bias == bias


def test_default_puts_the_nearer_and_the_steadier_first():
    default = Scoring.default(CUES)
    near, far = np.full((5, 4), 1.5), np.full((5, 4), 3.0)
    assert default.score(near, between(5)) > 0.9
    assert default.score(far, between(5)) < default.score(near, between(5))
    assert default.score(far, between(5, 4.0)) > default.score(far, between(5, 2.0))


@pytest.mark.parametrize(("fmr", "threshold"), [(0.1, 0.5), (0.01, 0.8), (0.001, 0.95), (10**-1.5, 0.65)])
def test_threshold_is_linear_in_log_fmr(fmr, threshold):
    assert scoring().threshold(fmr) == pytest.approx(threshold)


@pytest.mark.parametrize("fmr", [0.2, 0.0001, 0, -1, float("nan"), float("inf")])
def test_threshold_outside_the_calibration_is_refused(fmr):
    with pytest.raises(ConfigError, match=r"0\.001 to 0\.1"):
        scoring().threshold(fmr)


def test_threshold_of_an_unknown_impostor_is_refused():
    with pytest.raises(ConfigError, match="skilled or random"):
        scoring().threshold(0.01, impostor="casual")


def test_round_trip_through_json():
    fitted = scoring()
    again = Scoring.from_dict(CUES, json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted


@pytest.mark.parametrize(
    "raw",
    [
        {"five": {}}, {"5": {}}, {"5": 3}, {"5": {"weights": [1], "bias": 0, "thresholds": {}}},
        {"5": {"weights": [float("nan")] * SIZE, "bias": 0, "thresholds": {}}},
        {"5": {"weights": [0] * SIZE, "bias": 0, "thresholds": {"casual": []}}},
    ],
)  # fmt: skip
def test_malformed_scoring_is_refused(raw):
    with pytest.raises(MalformedModel):
        Scoring.from_dict(CUES, raw)


def test_nothing_fitted_is_the_default_and_written_as_nothing():
    assert Scoring.from_dict(CUES, {}) == Scoring.default(CUES)
    assert Scoring.default(CUES).to_dict() == {}
    assert Scoring.from_dict(CUES, replace(Scoring.default(CUES), calibrated=True).to_dict()).calibrated


def test_the_default_weighs_the_series_wherever_it_stands():
    distances, apart = np.full((5, 4), 1.5), between(5)
    turned = (EXTENT, SERIES)
    assert Scoring.default(turned).score(distances[:, :2], apart[..., :2]) == pytest.approx(
        Scoring.default(CUES).score(distances, apart)
    )
    with pytest.raises(ConfigError, match="expected the cue series"):
        Scoring.default((EXTENT,))


SIGNED = Cue(name="pace", measure=None, signed=True)


def test_evidence_follows_the_list_of_cues():
    distances = np.array([[-0.5, 2.0], [0.1, 4.0]])
    apart = np.array([[[0, 0], [9, 2]], [[-9, 2], [0, 0]]], float)
    ratios = np.log([1.0, 2.0])
    expected = [-0.2, 0.2, ratios.min(), ratios.mean(), math.log(2)]
    np.testing.assert_allclose(evidence(distances, apart, (SIGNED, SERIES)), expected, atol=1e-12)
    assert evidence_size((SIGNED, SERIES)) == 5


def test_learned_columns_are_those_of_the_network():
    columns = [cue.name for cue in PEN.cues for _ in range(cue.columns)]
    learned = np.array(columns)[learned_columns(PEN.cues)]
    assert learned.tolist() == ["pair"] * 3 + ["sequence"] * 3 + ["vector"] * 3
    assert len(columns) == evidence_size(PEN.cues) == 19


def test_a_signed_cue_cannot_be_relative():
    with pytest.raises(ConfigError, match="signed and relative"):
        replace(SIGNED, relative=True)
