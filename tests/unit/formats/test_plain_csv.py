import contextlib

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import plain_csv
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

COLUMNS = {
    "x": [1.5 * i for i in range(14)],
    "y": [float(i * i) for i in range(14)],
    "time_ms": [1.7e12 + 8.25 * i for i in range(14)],
    "pressure": [0.25, 0.5, 0.5, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25],
    "pen_down": [0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
}
PLAIN = ("x", "y", "time_ms")


def decoded(data):
    return plain_csv.decode(data).signature()


def file_of(names, delimiter=",", end="\n", rename=str):
    rows = zip(*(COLUMNS[name] for name in names), strict=True)
    lines = [delimiter.join(map(rename, names)), *(delimiter.join(map(repr, row)) for row in rows)]
    return (end.join(lines) + end).encode()


@st.composite
def signatures(draw):
    count = draw(st.integers(12, 60))
    number = st.floats(-1e6, 1e6)
    x, y = (draw(npst.arrays(np.float64, count, elements=number)) for _ in "xy")
    time_ms = draw(st.floats(0, 2e12)) + draw(npst.arrays(np.float64, count, elements=st.floats(0, 1e6)))
    pressure = draw(st.none() | npst.arrays(np.float64, count, elements=st.floats(0, 1e4)))
    ink = draw(st.none() | npst.arrays(np.bool_, count))
    try:
        return Signature(x, y, time_ms, pressure, ink)
    except InvalidSignature:
        assume(False)


def test_plain_columns_are_all_ink():
    signature = decoded(file_of(PLAIN))
    assert signature.x.tolist() == COLUMNS["x"]
    assert signature.time_ms.tolist() == COLUMNS["time_ms"]
    assert signature.pressure is None
    assert signature.ink.all()


@pytest.mark.parametrize("names", [("pen_down", "y", "pressure", "time_ms", "x"), tuple(COLUMNS)])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_order_case_delimiter_and_line_end(names, delimiter, end):
    data = b"\xef\xbb\xbf" + file_of(names, delimiter, end, rename=lambda name: f" {name.upper()} ")
    signature = decoded(data)
    assert signature == Signature(**COLUMNS)


def test_blank_lines_and_a_missing_last_line_end():
    data = file_of(PLAIN).replace(b"\n", b"\n \t \n\n").rstrip()
    assert decoded(data) == decoded(file_of(PLAIN))


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_bare_numbers_are_read_as_those_with_something_around_them(delimiter):
    """The short way, for most files, and the long one: with a row of nothing, and one that is too short."""
    bare = file_of(tuple(COLUMNS), delimiter).replace(b"\n", b"\n" + 4 * delimiter.encode() + b"\n\n")
    quoted = bare.replace(b"1.5", b'"1.5"')
    assert decoded(bare) == decoded(quoted) == Signature(**COLUMNS)
    for data in (bare, quoted):
        with pytest.raises(FormatError, match="line 46: a row of 1 columns"):
            decoded(data + b"7")


def test_ink_follows_pressure_where_no_pen_down_is_given():
    signature = decoded(file_of((*PLAIN, "pressure")))
    assert signature.ink.tolist() == [bool(flag) for flag in COLUMNS["pen_down"]]


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("True", " FALSE "), ("1.0", "0")])
def test_pen_down_in_words(yes, no):
    lines = file_of(tuple(COLUMNS)).decode().splitlines()
    lines[1:] = [f"{line[:-2]},{yes if line.endswith('1') else no}" for line in lines[1:]]
    assert decoded("\n".join(lines).encode()) == Signature(**COLUMNS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends within its header"),
        (b"x,y\n1,2\n", "line 1: no column time_ms; expected x,y,time_ms and optionally pressure,pen_down"),
        (b"x,y,tme_ms,presure\n1,2,3,4\n", "line 1: no column time_ms; .* received x, y, tme_ms, presure"),
        (b"x,y,time_ms,x\n1,2,3,4\n", "line 1: a column stands twice; .* received x"),
        (b"x,y,t,timestamp\n1,2,3,4\n", "line 1: 2 columns of time; .* received t, timestamp. Keep one"),
        (b"x,y,time_ms\n1,2,3\n1,2\n", "line 3: a row of 2 columns; expected 3; received '#,#'"),
        (b"x,y,time_ms\n1,2,3,4\n", "line 2: a row of 4 columns; expected 3"),
        (b"x,y,time_ms\n1,,3\n", "line 2: not a number; .* received ''"),
        (b"x;y;time_ms\n\n1,5;2.5;3\n", "line 3: not a number; .* with a point; received '#,#'"),
        (b"x;y;time_ms\n\n1,5,0;2;3\n", "line 3: not a number; .* with a point; received '#,#,#'"),
        (b"x,y,time_ms\n1,5,2,0,3,0\n", "line 2: a row of 6 columns; .* Decimal commas need semicolons"),
        (b"x,y,time_ms\n1,5,\n", "line 2: not a number; .* received ''"),
        (b'x,y,time_ms\n1,5,"3\n', "line 2: quotes that do not match"),
        (b"x,y,time_ms\n1,nan,3\n", "line 2: not a number; .* received 'nan'"),
        (b"x,y,time_ms\n1,Infinity,3\n", "line 2: not a number"),
        (b"x,y,time_ms\n1,1e400,3\n", "line 2: not a number; .* received '#e#'"),
        (b"x,y,time_ms\n1,true,3\n", "line 2: not a number; .* received 'true'"),
        (b"x,y,time_ms,pen_down\ntrue,2,3,true\n", "line 2: not a number; .* received 'true'"),
        (b"x,y,time_ms,pen_down\n1,2,3,2\n", "line 2: pen_down out of range; expected 0 or 1; received 2"),
        (b'x,y,time_ms\n"1,5","2","3"\n', "line 2: not a number; .* received '#,#'"),
        (b"x,y,time_ms\n1,2,\xe9\n", r"line 2: not a number; .* received '\\\\xe9'|line 2: not a number"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "line 1 is not text"),
    ],
)
def test_foul_files(data, message):
    with pytest.raises(FormatError, match=message):
        decoded(data)


def test_no_signature():
    for data in (b"x,y,time_ms\n", b"x,y,time_ms\n1,2,3\n", b'x,y,time_ms\n"1","2","3"\n'):
        with pytest.raises(InvalidSignature, match="too few"):
            decoded(data)


def test_ten_million_points_are_refused_before_they_are_read():
    with pytest.raises(InvalidSignature, match="too many"):
        decoded(b"x,y,time_ms\n" + b"1,2,3\n" * 10_000_000)


def test_largest_signature_is_read():
    rows = b"".join(b"%d,%d,%d\n" % (i, i % 7, 10 * i) for i in range(MAX_SAMPLES))
    assert len(decoded(b"x,y,time_ms\n" + rows)) == MAX_SAMPLES


@given(signatures())
def test_round_trip(signature):
    assert decoded(plain_csv.encode(signature)) == signature


@given(st.binary(max_size=300))
def test_any_bytes_give_a_signature_or_a_typed_error(data):
    for content in (data, b"x,y,time_ms\n" + data, b"x\ty\ttime_ms\tpen_down\n" + data):
        with contextlib.suppress(FormatError, InvalidSignature):
            decoded(content)
