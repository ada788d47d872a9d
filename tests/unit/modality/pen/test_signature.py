import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sigverify.errors import InvalidSignature
from sigverify.modality.pen.signature import MAX_SAMPLES, MIN_SAMPLES, Signature

LINE = {"x": np.arange(10.0), "y": np.arange(10.0), "time_ms": np.arange(10) * 10.0}


def with_changed(**changes):
    return Signature(**{**LINE, **changes})


def test_takes_lists_tuples_ranges_generators_and_integers():
    expected = with_changed()
    assert Signature(list(range(10)), tuple(range(10)), range(0, 100, 10)) == expected
    assert Signature((i for i in range(10)), np.arange(10, dtype=np.int16), LINE["time_ms"]) == expected


def test_is_immutable_and_detached_from_what_was_given():
    x = np.arange(10.0)
    signature = with_changed(x=x)
    x[0] = 99
    assert signature.x[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        signature.x[0] = 1
    with pytest.raises(AttributeError):
        signature.x = x  # type: ignore[misc]


def test_equality_and_hash_follow_the_samples():
    assert with_changed() == with_changed()
    assert hash(with_changed()) == hash(with_changed())
    assert with_changed() != with_changed(pressure=np.ones(10))
    assert with_changed() != with_changed(y=np.arange(10) + 1.0)
    assert with_changed() != "a signature"


def test_repr_shows_no_ink():
    assert repr(with_changed(x=np.arange(10) + 4711.0)) == "<Signature 10 samples, 1 strokes, 90 ms>"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.arange(9.0)}, "differ in length"),
        ({"x": [1.0] * 9 + [float("nan")]}, "not finite"),
        ({"y": [1.0] * 9 + [float("inf")]}, "not finite"),
        ({"time_ms": [float("nan")] * 10}, "not finite"),
        ({"x": ["a"] * 10}, "not an array of numbers"),
        ({"x": None}, "not an array of numbers"),
        ({"x": 5}, "dimensions"),
        ({"x": [[1.0], [2.0, 3.0]]}, "not an array of numbers"),
        ({"x": np.ones((10, 1))}, "dimensions"),
        ({"x": np.ones(10) * 1j}, "not an array of numbers"),
        ({"x": np.full(10, 1e300)}, "out of range"),
        ({"time_ms": [-1.7e308, 1.7e308] * 5}, "out of range"),
        ({"pressure": -np.ones(10)}, "negative pressure"),
        ({"pressure": np.ones(3)}, "differ in length"),
        ({"pen_down": [2] * 10}, "not boolean"),
        ({"pen_down": [False] * 10}, "too little ink"),
        ({"x": np.ones(10), "y": np.ones(10)}, "no extent"),
    ],
)
def test_refuses_what_is_no_signature(changes, message):
    with pytest.raises(InvalidSignature, match=message):
        with_changed(**changes)


@pytest.mark.parametrize("count", [0, 1, MIN_SAMPLES - 1, MAX_SAMPLES + 1])
def test_refuses_too_few_and_too_many_samples(count):
    with pytest.raises(InvalidSignature, match="samples"):
        Signature(np.arange(count), np.arange(count), np.arange(count))


def test_accepts_epoch_milliseconds_and_messy_stamps():
    assert with_changed(time_ms=1.7e12 + LINE["time_ms"]).duration_ms == 90
    assert with_changed(time_ms=[0, 0, 10, 5, 5, 4_300_000, 30, 40, 50, 60]).sample_rate_hz > 0
    assert with_changed(time_ms=np.zeros(10)).sample_rate_hz == 0


def test_from_strokes_lifts_the_pen_between_them():
    strokes = [[(i, i, 10 * i) for i in range(5)], [], [(i, 0, 10 * i + 100) for i in range(6)]]
    signature = Signature.from_strokes(strokes)
    assert signature.stroke_count == 2
    assert np.flatnonzero(~signature.ink).tolist() == [0, 5]


@pytest.mark.parametrize(
    "strokes", [[], [[]], [[(1, 2)]], [[(1, 2), (1, 2, 3)]], [[(1, 2, 3)], [(1, 2, 3, 4)]], [["a"]], [5]]
)
def test_from_strokes_refuses_other_shapes(strokes):
    with pytest.raises(InvalidSignature):
        Signature.from_strokes(strokes)


@given(
    hnp.arrays(st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]), st.integers(0, 30))
)
def test_any_numbers_make_a_signature_or_a_typed_error(values):
    try:
        signature = Signature(values, values[::-1], values, pen_down=None)
    except InvalidSignature:
        return
    assert np.isfinite(signature.x).all()
    assert len(signature) == len(values)
