"""The compact format: one byte a value, and what is kept beside it."""

import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st
from sdi_records import of

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import Quantity
from sigverify.formats.iso19794_7 import Description, Signs, decode_compact, encode_compact, kind_of
from sigverify.formats.notes import NoteKind
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

LAYOUT = (
    Description(kind=kind_of("dt"), scaling=200.0),
    Description(kind=kind_of("x"), scaling=1000.0),
    Description(kind=kind_of("y"), scaling=1000.0),
)
POINTS = of("""
80 7F 00   0, -1, first
81 80 01   1, 0, 5 ms later
FF 00 02   127, -128, 10 ms later
""")


def test_bytes_read():
    found = decode_compact(POINTS, LAYOUT, strict=True)
    assert found[Quantity.X].tolist() == [0, 1, 127]
    assert found[Quantity.Y].tolist() == [-1, 0, -128]
    assert found.time_ms().tolist() == [0, 5, 15]
    assert found.channels[Quantity.X].per_unit == 1000
    twos = decode_compact(POINTS, LAYOUT, signs=Signs.TWOS_COMPLEMENT)
    assert twos[Quantity.X].tolist() == [-128, -127, -1]


def test_bytes_written():
    its = Signature(range(100, 108), [5, 6, 7, 8, 9, 8, 7, 6], np.cumsum([0, 5, 5, 5, 200, 5, 5, 5]))
    data, beside = encode_compact(its)
    assert data == of("""
E4 85 00      100, 5, nothing before
E5 86 05      101, 6, 5 ms later
E6 87 05
E7 88 05
E8 89 C8      200 ms later
E9 88 05
EA 87 05
EB 86 05
""")
    assert [(each.kind.name, each.scaling) for each in beside] == [("x", None), ("y", None), ("dt", 1000.0)]
    assert decode_compact(data, beside, strict=True).signature() == its


def test_part_of_a_point_is_an_error_or_noted():
    with pytest.raises(FormatError, match=r"byte 9: end: .* expected whole points; received 2 more bytes"):
        decode_compact(POINTS + b"ab", LAYOUT, strict=True)
    (note,) = decode_compact(POINTS + b"ab", LAYOUT).notes
    assert (note.kind, note.names) == (NoteKind.DEVIATION, ("end",))


def test_constant_channels_are_in_no_point():
    layout = [Description(kind=kind_of("dt"), scaling=200.0, constant=True), *LAYOUT[1:]]
    found = decode_compact(POINTS[:8], layout)
    assert found.time_ms().tolist() == [0, 5, 10, 15]
    assert found.rate_hz == 200


@pytest.mark.parametrize(
    "layout",
    [(), LAYOUT[:2], (*LAYOUT, LAYOUT[0]), (*LAYOUT[:2], Description(kind=kind_of("y"), constant=True))],
)
def test_channels_that_make_no_signature(layout):
    with pytest.raises(FormatError, match="these channels make no signature"):
        decode_compact(POINTS, layout)


def test_points_are_counted_before_they_are_read():
    with pytest.raises(InvalidSignature, match="too many"):
        decode_compact(bytes(3 * MAX_SAMPLES + 3), LAYOUT)


def test_an_unknown_channel():
    with pytest.raises(FormatError, match="unknown channel; expected x, y, z"):
        kind_of("w")


@given(st.integers(0, 20), st.integers(20, 200))
def test_a_signature_keeps_its_shape_within_a_byte(writer, samples):
    its = signature(writer, samples=samples)
    found = decode_compact(*encode_compact(its), strict=True).signature()
    count = len(found)
    assert count in (len(its), len(its) + 1)
    for before, after in ((its.x, found.x), (its.y, found.y)):
        assert np.abs(after).max() <= 128
        moved = np.interp(np.linspace(0, 1, 50), np.linspace(0, 1, count), after)
        was = np.interp(np.linspace(0, 1, 50), np.linspace(0, 1, len(before)), before)
        if count == len(its):
            assert abs(np.corrcoef(moved, was)[0, 1]) > 0.999
    assert found.duration_ms == pytest.approx(its.duration_ms, abs=5)
