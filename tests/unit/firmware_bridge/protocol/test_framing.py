import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.protocol.framing import MAX_PAYLOAD, Deframer, Fault, frame, longest_frame
from sigverify.errors import Misuse

PAYLOADS = st.binary(min_size=1, max_size=700)


def plain_cobs(data):
    """COBS by its definition: each run up to a zero, 254 bytes at most, behind the run's length plus one."""
    encoded, run = bytearray(), bytearray()
    for byte in data:
        if byte:
            run.append(byte)
        if not byte or len(run) == 254:
            encoded += bytes([len(run) + 1]) + run
            full = len(run) == 254
            run.clear()
            if full and not byte:
                encoded.append(1)
    return bytes(encoded + bytes([len(run) + 1]) + run)


@given(st.lists(PAYLOADS, max_size=5))
def test_whole_byte_by_byte_and_in_pieces(payloads):
    stream = b"".join(map(frame, payloads))
    assert Deframer().feed(stream) == payloads
    slowly = Deframer()
    assert [found for byte in stream for found in slowly.feed(bytes([byte]))] == payloads
    cut = random.Random(len(stream)).randint(0, len(stream))
    pieces = Deframer()
    assert pieces.feed(stream[:cut]) + pieces.feed(stream[cut:]) == payloads


@given(st.binary(min_size=1, max_size=250))
def test_a_frame_is_what_the_specification_says(payload):
    checksum = zlib.crc32(payload).to_bytes(4, "little")
    assert frame(payload) == plain_cobs(payload + checksum) + b"\0"


def test_what_trails_is_kept_for_later():
    deframer = Deframer()
    first, second = frame(b"first"), frame(b"second")
    assert deframer.feed(first + second[:3]) == [b"first"]
    assert deframer.held == 3
    assert deframer.feed(second[3:]) == [b"second"]
    assert deframer.held == 0


def test_empty_frames_mean_nothing():
    assert Deframer().feed(bytes(5) + frame(b"x") + bytes(5)) == [b"x"]


@given(PAYLOADS, st.data())
def test_a_flipped_bit_is_a_fault_and_the_next_frame_is_read(payload, data):
    damaged = bytearray(frame(payload)[:-1])
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    found = Deframer().feed(bytes(damaged) + b"\0" + frame(b"next"))
    assert found[-1] == b"next"
    assert all(isinstance(each, Fault) for each in found[:-1])


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_any_bytes_yield_payloads_or_faults_and_the_next_frame_is_read(pieces):
    deframer = Deframer(limit=64)
    for piece in pieces:
        for found in deframer.feed(piece):
            assert isinstance(found, Fault | bytes)
        assert deframer.held <= longest_frame(64)
    assert deframer.feed(b"\0" + frame(b"next"))[-1] == b"next"


def test_an_endless_frame_takes_no_memory():
    deframer = Deframer()
    for _ in range(1000):
        assert deframer.feed(b"\x01" * 4096) == []
        assert deframer.held <= longest_frame(MAX_PAYLOAD)
    assert deframer.feed(b"\0" + frame(b"x")) == [Fault.TOO_LONG, b"x"]


@pytest.mark.parametrize("size", [1, 253, 254, 255, 508, MAX_PAYLOAD])
def test_the_longest_payload_passes_and_one_more_byte_does_not(size):
    for payload in (b"\x01" * size, bytes(size)):
        whole = frame(payload, limit=size)
        assert len(whole) - 1 <= longest_frame(size)
        assert Deframer(size).feed(whole) == [payload]
        longer = frame(payload + b"\x01", limit=size + 1)
        assert Deframer(size).feed(longer) == [Fault.TOO_LONG]


def test_own_mistakes():
    for payload in (b"", bytes(MAX_PAYLOAD + 1)):
        with pytest.raises(Misuse, match="fits no frame"):
            frame(payload)
