import contextlib
import dataclasses

import cbor2
import pytest
from damage import damaged
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_bridge.protocol.fields import _number, from_map
from firmware_bridge.protocol.messages import (
    KINDS,
    BadMessage,
    Begin,
    Hello,
    Info,
    Kind,
    Matches,
    Points,
    Verify,
    decode,
    encode,
)
from sigverify.errors import ProtocolError

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = {
    "int": st.integers(0, 2**32 - 1),
    "float": NUMBERS,
    "bool": st.booleans(),
    "str": st.text(max_size=20),
    "bytes": st.binary(max_size=32),
    "tuple[str, ...]": st.lists(st.text(max_size=9), max_size=4).map(tuple),
    "tuple[float, ...]": st.lists(NUMBERS, max_size=5).map(tuple),
    "tuple[bool, ...]": st.lists(st.booleans(), max_size=5).map(tuple),
}


def test_columns_sent_as_text_are_told_so():
    kind = next(number for number, each in KINDS.items() if each is Points)
    body = {"capture": 1, "seq": 0, "x": "[48151, 2]", "y": [1], "t": [1]}
    with pytest.raises(
        BadMessage, match=r"field x of Points .* received str\. Send the list itself"
    ) as raised:
        decode(cbor2.dumps([int(kind), 1, body]))
    assert "48151" not in str(raised.value)


@st.composite
def messages(draw):
    """Any message with any fields."""
    kind = draw(st.sampled_from(sorted(KINDS.values(), key=lambda each: each.__name__)))
    values = {}
    for each in dataclasses.fields(kind):
        hint = each.type.__name__ if each.type in (int, float, bool, str, bytes) else str(each.type)
        name, _, optional = hint.partition(" | ")
        values[each.name] = draw(st.none() | VALUES[name] if optional else VALUES[name])
    return kind(**values)


@given(st.integers(0, 2**32 - 1), messages())
def test_every_message_comes_back(number, message):
    assert decode(encode(number, message)) == (number, message)


@given(messages())
def test_what_is_sent_is_canonical(message):
    payload = encode(1, message)
    assert cbor2.dumps(cbor2.loads(payload), canonical=True) == payload


@example([0.5, 2**2000])
@example([-(2**2000)])
@given(st.lists(st.floats() | st.integers(-(2**70), 2**70) | st.booleans() | st.just("1"), max_size=8))
def test_lists_of_numbers_are_read_as_each_number_is(values):
    try:
        wanted = tuple(map(_number, values))
    except ValueError:
        with pytest.raises(ProtocolError, match="field x of Points is wrong; expected a finite number"):
            from_map(Points, {"capture": 1, "seq": 0, "x": values, "y": [], "t": []})
    else:
        read = from_map(Points, {"capture": 1, "seq": 0, "x": values, "y": [], "t": []})
        assert read.x == wanted
        assert {*map(type, read.x)} <= {float}


def test_every_kind_has_a_number_and_a_class():
    assert set(KINDS) == set(Kind)
    assert len(set(KINDS.values())) == len(KINDS)


def test_what_is_not_set_is_left_out():
    assert cbor2.loads(encode(3, Verify(user_id="ann", capture=1))) == [
        7,
        3,
        {"user_id": "ann", "capture": 1},
    ]


def test_other_ways_to_write_the_same_are_read():
    body = b"\xa3\x67user_id\x63ann\x67capture\x1a\x00\x00\x00\x01\x63fmr\xfa\x3c\x00\x00\x00"
    assert decode(b"\x83\x18\x07\x19\x00\x03" + body) == (3, Verify(user_id="ann", capture=1, fmr=0.0078125))


def test_unknown_fields_are_for_later_versions():
    payload = cbor2.dumps([15, 1, {"language": "sw", "more": [1, {"deep": 2}]}])
    with pytest.raises(BadMessage):  # five levels: deeper than anything that is spoken here
        decode(cbor2.dumps([15, 1, {"more": [[[1]]]}]))
    assert decode(payload) == (1, Info())


@pytest.mark.parametrize(
    ("content", "number", "match"),
    [
        (17, 0, "no message"),
        ([15, 1], 0, "no message"),
        ([15, 1, {}, 0], 0, "no message"),
        ([15, -1, {}], 0, "without an id"),
        ([15, 2**32, {}], 0, "without an id"),
        ([15, True, {}], 0, "without an id"),
        ([99, 5, {}], 5, "unknown kind; received 99"),
        ([True, 5, {}], 5, "unknown kind"),
        ([7, 5, []], 5, "no map"),
        ([7, 5, {"user_id": "ann"}], 5, "lacks the field capture"),
        ([7, 5, {"user_id": 1, "capture": 1}], 5, "field user_id"),
        ([7, 5, {"user_id": "a" * 1025, "capture": 1}], 5, "1024 bytes"),
        ([7, 5, {"user_id": "ann", "capture": True}], 5, "field capture"),
        ([7, 5, {"user_id": "ann", "capture": 1, "fmr": float("nan")}], 5, "finite"),
        ([7, 5, {"user_id": "ann", "capture": 1, "fmr": float("inf")}], 5, "finite"),
        ([7, 5, {"user_id": "ann", "capture": 1, "fmr": None}], 5, "finite"),
        ([4, 0, {"capture": 1, "seq": 0, "x": [0] * 513, "y": [], "t": []}], 0, "at most 512"),
        ([4, 0, {"capture": 1, "seq": 0, "x": [0], "y": [0], "t": [0], "d": [1]}], 0, "field d"),
        ([4, 0, {"capture": 1, "seq": 0, "x": [0.5, float("nan")], "y": [], "t": []}], 0, "finite"),
        ([4, 0, {"capture": 1, "seq": 0, "x": [float("inf"), 1], "y": [], "t": []}], 0, "finite"),
        ([4, 0, {"capture": 1, "seq": 0, "x": [1, True], "y": [], "t": []}], 0, "finite"),
        ([4, 0, {"capture": 1, "seq": 0, "x": [1, "2"], "y": [], "t": []}], 0, "finite"),
        ([2, 5, {"proof": "text"}], 5, "bytes"),
    ],
)
def test_what_does_not_fit(content, number, match):
    with pytest.raises(BadMessage, match=match) as raised:
        decode(cbor2.dumps(content))
    assert raised.value.number == number
    assert raised.value.status == 71


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x83",
        b"\x83\x0f\x01\xa0\x00",
        b"\x9f\x0f\x01\xa0\xff",
        b"\x83\x0f\x01\xbf\xff",
        b"\xd9\xd9\xf7\x83\x0f\x01\xa0",
        b"\x83\x0f\xc2\x41\x01\xa0",
        b"\x83\x0f\x01\xa1\x61r\xd8\x23\x64(a+)",
        b"\x83\x0f\x01\xa2\x61a\x01\x61a\x02",
        b"\x83\x0f\x01\xa1\x01\x02",
        b"\x9a\xff\xff\xff\xff\x00",
        b"\x81" * 1000 + b"\x00",
        b"\x83\x0f\x01\xa1\x61\xff\x00",
    ],
    ids=[
        "empty", "cut", "trailing", "indefinite array", "indefinite map", "tagged", "bignum", "regex",
        "twice", "number as key", "long array", "deep", "no UTF-8",
    ],
)  # fmt: skip
def test_what_is_not_the_cbor_spoken_here(payload):
    with pytest.raises(BadMessage):
        decode(payload)


GOOD = [
    encode(1, Hello(version=1, max_payload=2048, name="pen")),
    encode(0, Begin(capture=2)),
    encode(
        0, Points(capture=1, seq=0, x=(1.0, 2.5), y=(0.0, -3.0), t=(0.0, 8.0), p=(1.0, 2.0), d=(True, False))
    ),
    encode(9, Matches(user_ids=("ann", "bob"), scores=(0.5, 0.25))),
]


@given(damaged(GOOD) | st.binary(max_size=100))
def test_any_bytes_are_a_message_or_bad(payload):
    with contextlib.suppress(BadMessage):
        number, message = decode(payload)
        assert decode(encode(number, message)) == (number, message)
