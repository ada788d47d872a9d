import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import susig

ROWS = [(2000 + 9 * i, 900 - i * i, 10 * i, 30 + i, 1 if i == 5 else 0) for i in range(14)]


def decoded(data):
    return susig.decode(data).signature()


def file_of(rows, count=None, names="X, Y, TStamp, Pres., EndPts"):
    size = len(rows) if count is None else count
    lines = [names, f"DataSize: {size}", *(" ".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def test_columns():
    signature = decoded(file_of(ROWS))
    assert signature.x.tolist() == [row[0] for row in ROWS]
    assert signature.time_ms.tolist() == [row[2] for row in ROWS]
    assert signature.pressure is not None
    assert signature.pressure.tolist() == [row[3] for row in ROWS]


def test_endpoint_is_the_last_sample_of_a_stroke():
    assert np.flatnonzero(~decoded(file_of(ROWS)).ink).tolist() == [0, 6]


def test_samples_without_pressure_are_hover():
    rows = [(x, y, t, 0 if i in (8, 9) else p, end) for i, (x, y, t, p, end) in enumerate(ROWS)]
    assert np.flatnonzero(~decoded(file_of(rows)).ink).tolist() == [0, 6, 8, 9, 10]


def test_without_any_pressure_all_is_ink():
    rows = [(x, y, t, 0, end) for x, y, t, _, end in ROWS]
    assert np.flatnonzero(~decoded(file_of(rows)).ink).tolist() == [0, 6]


def test_wild_timestamps_are_no_error():
    rows = [
        (x, y, (4_300_000 if i == 3 else -t if i == 7 else t), p, e) for i, (x, y, t, p, e) in enumerate(ROWS)
    ]
    assert decoded(file_of(rows)).time_ms[3] == 4_300_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends within its header; .* received 1 lines"),
        (b"X, Y, TStamp, Pres., EndPts\n", "ends within its header"),
        (file_of(ROWS, count=20), "truncated; expected 20 .* received 14"),
        (file_of(ROWS, count=9), "line 12: lines behind the end"),
        (file_of(ROWS, count="x"), "line 2: no sample count; expected DataSize: N; received 'DataSize: x'"),
        (file_of(ROWS, names="X, Y, Time"), "line 1: another header"),
        (
            file_of([*ROWS[:-1], (1, 2, 3, 4, 7)]),
            "line 16: endpoint out of range; expected 0 or 1; received 7",
        ),
        (file_of([*ROWS[:-1], (1, 2, 3, 4)]), "line 16: a row of 4 columns; expected 5"),
        (file_of([*ROWS[:-1], (1, 2, 3, "NaN", 0)]), "line 16: not a number; .* received 'NaN'"),
        (b"X" * 100_000 + b"\nDataSize: 1\n", "a header line is too long"),
        (b"X\xff\nDataSize: 1\n", "line 1 is not text"),
    ],
)
def test_foul_files(data, message):
    with pytest.raises(FormatError, match=message):
        decoded(data)


@pytest.mark.parametrize("rows", [[], ROWS[:1], [(5, 5, 10 * i, 9, 0) for i in range(20)]])
def test_no_signature(rows):
    with pytest.raises(InvalidSignature):
        decoded(file_of(rows))


def test_negative_pressure_is_refused():
    with pytest.raises(InvalidSignature, match="negative pressure"):
        decoded(file_of([(*ROWS[0][:3], -1, 0), *ROWS[1:]]))


@given(st.binary(max_size=300))
def test_any_bytes_give_a_signature_or_a_typed_error(data):
    for content in (data, b"X, Y, TStamp, Pres., EndPts\nDataSize: 9\n" + data):
        with contextlib.suppress(FormatError, InvalidSignature):
            decoded(content)
