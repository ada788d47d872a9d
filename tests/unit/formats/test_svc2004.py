import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature, SigverifyError
from sigverify.formats import svc2004
from sigverify.modality.pen.signature import MAX_SAMPLES

ROWS_TASK1 = [(100 + 7 * i, 200 + i * i, 5000 + 10 * i, 0 if i in (0, 6) else 1) for i in range(12)]
ROWS_TASK2 = [(*row, 1260, 400, 300 + i) for i, row in enumerate(ROWS_TASK1)]


def decoded(data):
    return svc2004.decode(data).signature()


def file_of(rows, count=None, end="\r\n"):
    lines = [str(len(rows) if count is None else count), *(" ".join(map(str, row)) for row in rows)]
    return (end.join(lines) + end).encode()


def test_task1():
    signature = decoded(file_of(ROWS_TASK1))
    assert signature.pressure is None
    assert signature.x.tolist() == [row[0] for row in ROWS_TASK1]
    assert signature.y.tolist() == [row[1] for row in ROWS_TASK1]
    assert signature.time_ms.tolist() == [row[2] for row in ROWS_TASK1]
    assert np.flatnonzero(~signature.ink).tolist() == [0, 6]


def test_task2_has_pressure():
    signature = decoded(file_of(ROWS_TASK2))
    assert signature.pressure is not None
    assert signature.pressure.tolist() == [row[6] for row in ROWS_TASK2]


def test_only_bit_0_of_button_says_pen_down():
    rows = [
        (x, y, t, button) for (x, y, t, _), button in zip(ROWS_TASK1, [2, 3, 5, 4] + [1] * 8, strict=True)
    ]
    assert decoded(file_of(rows)).ink[:4].tolist() == [False, True, True, False]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_and_blank_lines(end):
    assert decoded(file_of(ROWS_TASK1, end=end) + (end * 3).encode()) == decoded(file_of(ROWS_TASK1))


def test_timestamps_that_stand_still_or_run_backwards_are_no_error():
    times = [0, 10, 10, 10, 5, 20, 30, 40, 4_300_000, 50, 60, 70]
    rows = [(x, y, time, button) for (x, y, _, button), time in zip(ROWS_TASK1, times, strict=True)]
    assert decoded(file_of(rows)).time_ms.tolist() == times


def test_truncated_file_says_how_much_is_missing():
    with pytest.raises(FormatError, match=r"truncated; expected 20 samples .*; received 12"):
        decoded(file_of(ROWS_TASK1, count=20))


def test_every_cut_of_a_file_is_refused():
    whole = file_of(ROWS_TASK1)
    for length in range(len(whole) - len("1\r\n")):
        with pytest.raises(SigverifyError):
            decoded(whole[:length])


def test_rows_behind_the_end_are_refused_by_line():
    with pytest.raises(FormatError, match="line 10: lines behind the end"):
        decoded(file_of(ROWS_TASK1, count=8))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1 2 3", "line 5: a row of 3 columns; expected 4; received '# # #'"),
        ("1 2 3 1 5", "line 5: a row of 5 columns"),
        ("1 2 x 1", "line 5: not a number; .* received 'x'"),
        ("1 2 nan 1", "line 5: not a number; .* received 'nan'"),
        ("1 -inf 3 1", "line 5: not a number; .* received '-inf'"),
        ("1 1e999 3 1", "line 5: not a number; .* received '#e#'"),
        ("1 0x10 3 1", "line 5: not a number"),
        ("1 1_0 3 1", "line 5: not a number"),
        ("1,5 2 3 1", "line 5: not a number; expected finite decimal numbers with a point; received '#,#'"),
        ("1 2 3 1.5", "line 5: button out of range; expected a whole number from 0 to 255; received 1.5"),
        ("1 2 3 -1", "line 5: button out of range"),
        ("1 2 3 1e300", "line 5: button out of range"),
        ("1 2 3 ١", "line 5: not a number"),
        ("\x00" * 500, "line 5: a row of 1 columns; expected 4; received '.{60,170}…'"),
    ],
)
def test_foul_row_is_named(row, message):
    lines = file_of(ROWS_TASK1, end="\n").decode().split("\n")
    lines[4] = row
    with pytest.raises(FormatError, match=message):
        decoded("\n".join(lines).encode())


@pytest.mark.parametrize("header", ["", "-3", "3.5", "many", "99999999999", "9" * 5000, "1 2", "\x1c2"])
def test_foul_header(header):
    with pytest.raises(FormatError):
        decoded(header.encode() + b"\n1 2 3 1\n")


def test_too_few_and_too_many_samples():
    with pytest.raises(InvalidSignature, match="too few"):
        decoded(file_of(ROWS_TASK1[:1]))
    with pytest.raises(InvalidSignature, match="too many"):
        decoded(b"%d\n1 2 3 1\n" % (MAX_SAMPLES + 1))


@given(st.binary(max_size=300))
def test_any_bytes_give_a_signature_or_a_typed_error(data):
    for content in (data, b"12\n" + data, file_of(ROWS_TASK1)[:100] + data):
        with contextlib.suppress(FormatError, InvalidSignature):
            decoded(content)


@given(st.text("0123456789.-+eE \n", max_size=300))
def test_any_numbers_give_a_signature_or_a_typed_error(text):
    with contextlib.suppress(FormatError, InvalidSignature):
        decoded(b"12\n" + text.encode())
