"""What a pen signs is what the daemon checks: no way over the wire changes a bit of it."""

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.protocol.captures import Captures
from firmware_bridge.protocol.messages import End, decode, encode
from firmware_bridge.protocol.strokes import split
from sigverify.errors import InvalidSignature
from sigverify.modality.pen.signature import Signature
from sigverify.protection.keys import Key
from sigverify.signed.content import pack
from sigverify.signed.signer import CaptureSigner

NUMBERS = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9).map(float) | st.floats(-60000, 60000, width=16)
ROWS = st.lists(
    st.tuples(NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1e9), st.booleans()), min_size=12, max_size=80
)
KEY = Key(bytes(range(32)))


def signature_of(rows, *, pressure):
    columns = [np.array(each, float) for each in zip(*rows, strict=True)]
    return Signature(*columns[:3], columns[3] if pressure else None, columns[4])


def received(pieces, ended):
    """What the daemon takes, of payloads as they come off the wire."""
    captures = Captures(signed_only=True)
    captures.begin(1)
    for payload in pieces:
        captures.add(decode(payload)[1])
    captures.end(decode(encode(1, ended))[1])
    return captures.take(1)


@given(ROWS, st.booleans(), st.integers(1, 64), st.booleans())
def test_the_signed_bytes_outlive_every_cut_and_encoding(rows, pressure, size, canonical):
    try:
        its = signature_of(rows, pressure=pressure)
    except InvalidSignature:
        return
    signed = CaptureSigner("pen-7", KEY, lambda: 5).sign(its, bytes(16))
    messages = split(its, 1, size=size)
    # Another implementation may write each number wider than it need be.
    pieces = [encode(0, each) for each in messages]
    pieces = [cbor2.dumps(cbor2.loads(each), canonical=canonical) for each in pieces]
    taken = received(pieces, End(capture=1, pieces=len(pieces), **signed.proof()))
    assert taken.content == pack(its)[1]
    assert taken.is_by(KEY)


@pytest.mark.parametrize("signed_only", [True, False])
def test_what_carries_no_signature_stays_as_it_is(signed_only):
    its = signature_of([(at, at * at, 8 * at, 0.5, True) for at in range(12)], pressure=True)
    captures = Captures(signed_only=signed_only)
    captures.begin(1)
    for piece in split(its, 1, size=5):
        captures.add(piece)
    captures.end(End(capture=1, pieces=3))
    assert captures.take(1) == its
