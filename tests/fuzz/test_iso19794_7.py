"""Records of ISO/IEC 19794-7: whatever happened to one, it is read or refused, and explained."""

import contextlib
import json
from dataclasses import asdict

import numpy as np
from builders import signature
from damage import damaged
from hypothesis import given
from hypothesis import strategies as st
from sdi_records import EXTENDED, FORCE_AND_TIP, MINIMAL, of

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import iso19794_7, read_signature

SMALL = signature(samples=12)
FILES = [of(MINIMAL), of(EXTENDED), of(FORCE_AND_TIP), of(MINIMAL) + of(EXTENDED), iso19794_7.encode(SMALL)]
COMPACT, BESIDE = iso19794_7.encode_compact(SMALL)
REFUSED = (FormatError, InvalidSignature)


def is_sound(recording):
    """Say whether a recording keeps its promises."""
    return recording.ink.dtype == bool and all(
        channel.values.shape == (len(recording),) and np.isfinite(channel.values).all()
        for channel in recording.channels.values()
    )


def test_the_originals_are_good():
    for data in FILES:
        assert all(map(is_sound, iso19794_7.read_all(data, strict=True)))
    assert is_sound(iso19794_7.decode_compact(COMPACT, BESIDE, strict=True))


@given(damaged(FILES), st.booleans(), st.sampled_from([None, *iso19794_7.Signs]))
def test_full(data, strict, signs):
    with contextlib.suppress(*REFUSED):
        assert is_sound(iso19794_7.decode(data, strict=strict, signs=signs))
    with contextlib.suppress(*REFUSED):
        assert all(map(is_sound, iso19794_7.read_all(data, strict=strict, signs=signs)))
    with contextlib.suppress(*REFUSED):
        read_signature(data)


@given(damaged(FILES))
def test_what_is_read_can_be_written_and_read_again(data):
    with contextlib.suppress(*REFUSED):
        read = iso19794_7.decode(data)
        assert is_sound(iso19794_7.decode(iso19794_7.encode(read), strict=True))


@given(damaged(FILES))
def test_explanation(data):
    fields = iso19794_7.explain(data)
    assert fields
    assert json.dumps([asdict(each) for each in fields], allow_nan=False)
    try:
        iso19794_7.read_all(data)
    except REFUSED:
        assert any(each.problem for each in fields)


@given(damaged([COMPACT]), st.booleans())
def test_compact(data, strict):
    with contextlib.suppress(*REFUSED):
        assert is_sound(iso19794_7.decode_compact(data, BESIDE, strict=strict))
