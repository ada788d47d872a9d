"""Whatever arrives over a line: memory is bounded, nothing is raised, and the next good frame is read."""

import contextlib

from builders import signature
from damage import damaged
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.protocol.client_connection import ClientConnection
from firmware_bridge.protocol.framing import MAX_PAYLOAD, Deframer, frame, longest_frame
from firmware_bridge.protocol.messages import Begin, Done, End, Hello, Users, Verify, Welcome, decode, encode
from firmware_bridge.protocol.strokes import MAX_SAMPLES, split
from firmware_bridge.testing import ConnectionPair
from sigverify.errors import NotAllowed, ProtocolError

CONVERSATION = [
    (0, Begin(capture=1)),
    *((0, points) for points in split(signature(samples=40), 1, size=16)),
    (7, End(capture=1, pieces=3)),
    (8, Verify(user_id="ann", capture=1)),
    (9, Users()),
]
GOOD = b"".join(frame(encode(number, message)) for number, message in CONVERSATION)
HELLO = Hello(version=1, max_payload=MAX_PAYLOAD)


@given(st.lists(damaged([GOOD]) | st.binary(max_size=80), max_size=5), st.booleans())
def test_a_client_that_sends_anything(pieces, persistent):
    daemon = ConnectionPair(persistent=persistent).handshake().daemon
    for piece in [*pieces, b"\0"]:  # the zero ends what is left, which may be a whole request
        for asked in daemon.receive(piece):
            daemon.answer(asked, Done())
        assert daemon.held <= longest_frame(MAX_PAYLOAD) + MAX_SAMPLES
    for payload in Deframer().feed(daemon.outgoing()):
        assert decode(payload)
    assert daemon.receive(frame(encode(99, HELLO))) == []
    said = Deframer().feed(daemon.outgoing())
    if daemon.closing:
        assert not persistent
    else:
        assert decode(said[-1])[0] == 99


@given(st.lists(damaged([encode(number, message) for number, message in CONVERSATION]), max_size=8))
def test_a_client_whose_frames_are_whole_and_whose_messages_are_not(payloads):
    daemon = ConnectionPair().handshake().daemon
    for payload in payloads:
        for asked in daemon.receive(frame(payload) if payload else b""):
            daemon.answer(asked, Done())
    for payload in Deframer().feed(daemon.outgoing()):
        assert decode(payload)


ANSWERS = [
    frame(encode(1, Welcome(version=1, max_payload=8192, window=8, credit=16))),
    frame(encode(1, Welcome(version=1, max_payload=8192, window=8, credit=16, nonce=bytes(16)))),
    frame(encode(1, Done())),
]


@given(st.lists(damaged(ANSWERS) | st.binary(max_size=200), max_size=5))
def test_a_daemon_that_sends_anything(pieces):
    client = ClientConnection()
    client.hello()
    for piece in pieces:
        with contextlib.suppress(ProtocolError, NotAllowed):
            assert isinstance(client.receive(piece), list)
