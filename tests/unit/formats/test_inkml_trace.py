import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError
from sigverify.formats.inkml_trace import trace_points

XY = [None, None]


def test_the_example_of_the_recommendation():
    text = "1125 18432,'23'43,\"7\"-8,3-5,7 -3,6 2,6 8,3 6 T,2 4*T,3 6,3-6 F F"
    assert trace_points(text, [None, None, 0.0, 0.0]).tolist() == [
        [1125, 18432, 0, 0],
        [1148, 18475, 0, 0],
        [1178, 18510, 0, 0],
        [1211, 18540, 0, 0],
        [1251, 18567, 0, 0],
        [1297, 18596, 0, 0],
        [1349, 18633, 0, 0],
        [1404, 18676, 1, 0],
        [1461, 18723, 1, 1],
        [1521, 18776, 1, 1],
        [1584, 18823, 0, 0],
    ]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("1 2, 3 4", [[1, 2], [3, 4]]),
        ("1 2,3 4,", [[1, 2], [3, 4]]),
        ("\n 1\t2 ,\r\n3-4\n", [[1, 2], [3, -4]]),
        ("1.5.25", [[1.5, 0.25]]),
        ("-1e2+.5", [[-100, 0.5]]),
        ("1e-3-2E+1", [[0.001, -20]]),
        ("#A #ff", [[10, 255]]),
        ("1 2,* 3,*4", [[1, 2], [1, 3], [1, 4]]),
        ("1 2,'1'2,* *,!9*", [[1, 2], [2, 4], [3, 6], [9, 8]]),
        ("1 2,'- 1 ' -2", [[1, 2], [0, 0]]),
        ('0 0,1 2,"1"1,0 0', [[0, 0], [1, 2], [3, 5], [5, 8]]),
        ("1 2,?3,4 5", [[1, 2], [np.nan, 3], [4, 5]]),
        ("T F", [[1, 0]]),
        ("", np.empty((0, 2))),
        (" , ", np.empty((0, 2))),
    ],
)
def test_values(text, points):
    np.testing.assert_array_equal(trace_points(text, XY), points)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2,3", r"trace 1, point 2: 1 of 2 values; received '#'"),
        ("1 2,3 4 5", "point 2: more than 2 values"),
        ("1 2,,3 4", "point 2: 0 of 2 values"),
        ("1 2,3 x", "point 2: not a value; received '# x'"),
        ("1 nan", "point 1: not a value"),
        ("'1 2", "point 1: a difference without a value before it"),
        ("* 2", "point 1: a difference without a value before it"),
        ("1 1e999", "point 1: .* beyond all bounds"),
        ("1 " + "9" * 65, "point 1: a number of too many digits"),
        ("1 #" + "F" * 63 + ",'#" + "F" * 80, "point 2: a number of too many digits"),
        ("1 ٣", "point 1: not a value"),
    ],
)
def test_what_is_no_trace(text, message):
    with pytest.raises(FormatError, match=message):
        trace_points(text, XY, "trace 1, ")


@given(st.text("0123456789.-+eE#TF*?!'\", \nA", max_size=80))
def test_any_text_gives_numbers_or_a_typed_error(text):
    with contextlib.suppress(FormatError):
        points = trace_points(text, [None, None, 0.0])
        assert points.ndim == 2
        assert points.shape[1] == 3
        assert not np.isinf(points).any()


@given(st.lists(st.tuples(*[st.integers(-1000, 1000)] * 2), min_size=1, max_size=20))
def test_differences_say_the_same_as_values(points):
    values = np.array(points)
    first = np.diff(values, axis=0)
    explicit = ",".join(f"{x} {y}" for x, y in points)
    differences = ",".join([f"{points[0][0]} {points[0][1]}", *(f"'{x}'{y}" for x, y in first)])
    assert trace_points(explicit, XY).tolist() == trace_points(differences, XY).tolist() == values.tolist()
