import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats.protobuf_wire import Message


def test_every_kind_of_field():
    fields = Message.parse(
        bytes([0x08, 0x96, 0x01])  # 1: 150
        + bytes([0x11, *bytes(6), 0xF0, 0x3F])  # 2: 1.0 as a double
        + bytes([0x1A, 0x03]) + b"abc"  # 3: bytes
        + bytes([0x25, 0, 0, 0x20, 0x41])  # 4: 10.0 as a float
        + bytes([0x1A, 0x01]) + b"d"  # 3 again
    )  # fmt: skip
    assert fields.integer(1) == 150
    assert fields.real(2) == 1.0
    assert fields.real(4) == 10.0
    assert fields.fields[3] == [b"abc", b"d"]
    assert fields.content(3) == b"d"


def test_what_is_not_there_is_nothing():
    nothing = Message()
    assert (nothing.integer(1), nothing.real(1), nothing.content(1)) == (0, 0.0, b"")
    assert nothing.messages(1) == []
    assert nothing.message(1) == nothing
    assert len(nothing.signed_integers(1)) == 0


def test_a_value_of_another_kind_is_not_there():
    fields = Message({1: [b"abc"], 2: [7]})
    assert (fields.integer(1), fields.real(1), fields.content(2)) == (0, 0.0, b"")
    assert fields.messages(2) == []


def test_signed_numbers_packed_and_not():
    assert Message({1: [0, 1, b"\x02\x03", 4]}).signed_integers(1).tolist() == [0, -1, 1, -2, 2]


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x08\xff",
        b"\x0a\x05abcd",
        b"\x09" + bytes(7),
        b"\x0d" + bytes(3),
        b"\x0b",
        b"\x08" + b"\xff" * 11,
    ],
)
def test_cut_off_or_damaged(data):
    with pytest.raises(FormatError, match="cut off or damaged"):
        Message.parse(data)


@given(st.binary(max_size=100))
def test_any_bytes(data):
    with contextlib.suppress(FormatError, InvalidSignature):
        fields = Message.parse(data)
        for number in fields.fields:
            fields.integer(number)
            fields.real(number)
            fields.signed_integers(number)
