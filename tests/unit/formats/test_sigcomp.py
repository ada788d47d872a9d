import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import sigcomp

PRESSURES = [-2, 0, 0, 134, 188, 226, 275, 327, 300, 0, -4, 280, 290, 260, 250, 0]
ROWS = [(6279 + 12 * i, 27113 + i * i, pressure, 1070, 520) for i, pressure in enumerate(PRESSURES)]


def decoded(data):
    return sigcomp.decode(data).signature()


def file_of(rows, header=None):
    lines = [header or f"NLDCC-001_001_001 {len(rows)}"]
    lines += ["\t" + " ".join(f"{value:>5}" for value in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def test_time_is_made_from_the_sampling_rate():
    signature = decoded(file_of(ROWS))
    assert signature.time_ms.tolist() == [5.0 * i for i in range(16)]
    assert signature.sample_rate_hz == 200


def test_hover_carries_no_ink_and_negative_pressure_is_none():
    signature = decoded(file_of(ROWS))
    assert np.flatnonzero(signature.ink).tolist() == [4, 5, 6, 7, 8, 12, 13, 14]
    assert signature.pressure is not None
    assert signature.pressure.tolist() == [max(pressure, 0) for pressure in PRESSURES]


def test_garbage_angles_are_no_error():
    rows = [(*row[:3], 1_000_000_000, -999_999_999) for row in ROWS]
    assert decoded(file_of(rows)) == decoded(file_of(ROWS))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends within its header"),
        (file_of(ROWS, header="NLDCC-001_001_001"), "line 1: another header; expected a name and a count"),
        (file_of(ROWS, header="NLDCC-001_001_001 x"), "line 1: another header"),
        (file_of(ROWS, header="NLDCC 17"), "truncated; expected 17 .* received 16"),
        (file_of(ROWS, header="NLDCC 3"), "line 5: lines behind the end"),
        (file_of([*ROWS[:-1], (1, 2, 3)]), "line 17: a row of 3 columns; expected 5"),
        (file_of([*ROWS[:-1], (1, 2, 3, 4, "?")]), "line 17: not a number"),
    ],
)
def test_foul_files(data, message):
    with pytest.raises(FormatError, match=message):
        decoded(data)


@pytest.mark.parametrize("rows", [[], ROWS[:1], [(*row[:2], -1, 0, 0) for row in ROWS]])
def test_no_signature(rows):
    with pytest.raises(InvalidSignature):
        decoded(file_of(rows))


@given(st.binary(max_size=300))
def test_any_bytes_give_a_signature_or_a_typed_error(data):
    for content in (data, b"NLDCC 9\n" + data):
        with contextlib.suppress(FormatError, InvalidSignature):
            decoded(content)
