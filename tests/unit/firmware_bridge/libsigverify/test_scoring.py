import numpy as np
import pytest
from builders import model
from native_core import NativeModel

from sigverify.errors import ConfigError
from sigverify.matching.distances import signs
from sigverify.matching.scoring import MAX_REFERENCES, Impostor
from sigverify.modality.pen.features import CHANNELS, FRAMES

TOLERANCE = 1e-9
"""Both compute in float64; only the order of additions differs."""


def random_case(count, seed, cues):
    rng = np.random.default_rng(seed)
    distances = rng.uniform(0, 3, (count, len(cues))).astype(np.float32)
    distances[:, [cue.signed for cue in cues]] -= np.float32(1.5)
    between = rng.uniform(0.3, 1, (count, count, len(cues))).astype(np.float32)
    between = (between + between.transpose(1, 0, 2) * signs(cues)) / 2
    between[np.arange(count), np.arange(count)] = 0
    return distances, between


@pytest.fixture(params=["base", "default"])
def both(request, library, base):
    """The same scoring in Python and in C."""
    its = base if request.param == "base" else model()
    native = NativeModel(library, its.to_bytes())
    return its.manifest.scoring, native


@pytest.mark.parametrize("count", range(1, MAX_REFERENCES + 1))
def test_scores_are_those_of_python(both, count):
    scoring, native = both
    for seed in range(20):
        distances, between = random_case(count, seed, scoring.cues)
        distances *= (0.0, 0.1, 1.0, 5.0)[seed % 4]
        expected = float(scoring.score(distances, between))
        assert native.score(distances, between) == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("impostor", Impostor)
@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_thresholds_are_those_of_python(both, impostor, count):
    scoring, native = both
    table = scoring.row(count).thresholds[impostor]
    for fmr in np.geomspace(table[-1][0], table[0][0], 25)[1:-1]:
        expected = scoring.threshold(fmr, impostor=impostor, references=count)
        assert native.threshold(fmr, impostor=impostor, references=count) == pytest.approx(expected)


@pytest.mark.parametrize("fmr", [0.0, -1.0, 1e-9, 0.9, float("nan"), float("inf")])
def test_rates_outside_the_calibration_are_refused(both, fmr):
    _, native = both
    with pytest.raises(ConfigError):
        native.threshold(fmr)


@pytest.mark.parametrize("count", [-1, 0, 13])
def test_a_number_of_references_out_of_range_is_refused(native_model, count):
    with pytest.raises(ConfigError):
        native_model.threshold(0.01, references=count)
    if count >= 0:
        with pytest.raises(ConfigError):
            native_model.score(np.zeros((count, 7)), np.zeros((count, count, 7)))


def test_an_impostor_of_no_kind_is_refused(library, native_model):
    with pytest.raises(ConfigError):
        library.call("sv_model_threshold", native_model.handle, 0.01, 2, 5, library.ffi.new("double *"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_no_number_is_refused_in_any_place(native_model, base, count, value):
    """A NaN was once taken for the least distance, that of two identical signatures."""
    given = random_case(count, 0, base.manifest.scoring.cues)
    native_model.score(*given)
    for which in (0, 1):
        for place in range(given[which].size):
            spoilt = [each.copy() for each in given]
            spoilt[which].reshape(-1)[place] = value
            with pytest.raises(ConfigError):
                native_model.score(*spoilt)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers_are_refused(native_model, value):
    values = np.zeros((FRAMES, CHANNELS), np.float32)
    native_model.quantize(values)
    values[-1, -1] = value
    with pytest.raises(ConfigError):
        native_model.quantize(values)
