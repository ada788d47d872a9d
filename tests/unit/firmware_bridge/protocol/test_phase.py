"""Both clients and the daemon move between phases as the tables say, and no other way."""

import itertools

import pytest
from handshakes import CLIENT_EVENTS, CLIENT_PATHS, TOKEN, message_of

from firmware_bridge.protocol.client_connection import ClientConnection
from firmware_bridge.protocol.daemon_connection import MAX_FAULTS, DaemonConnection
from firmware_bridge.protocol.framing import MAX_PAYLOAD, Deframer, frame
from firmware_bridge.protocol.handshake import proof
from firmware_bridge.protocol.messages import Authenticate, Hello, decode, encode
from firmware_bridge.protocol.phase import CLIENT, CLOSED, DAEMON, DAEMON_SERIAL, Event, Phase
from sigverify.errors import SigverifyError

OPEN = (Phase.IDLE, Phase.PROVING, Phase.READY)


def test_the_tables_name_every_event_and_end_where_nothing_follows():
    assert {event for _, event in CLIENT} == set(CLIENT_EVENTS)
    assert {event for _, event in CLIENT} | {event for _, event in DAEMON} == set(Event)
    assert {phase for phase, _ in CLIENT} | {phase for phase, _ in DAEMON} == set(Phase) - CLOSED
    assert not CLOSED & set(DAEMON_SERIAL.values())


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(CLIENT_PATHS, CLIENT_EVENTS)))
def test_a_client(phase, event):
    client = ClientConnection(token=TOKEN)

    def meet(event):
        if event is Event.HELLO:
            client.hello()
            return
        try:
            client.receive(frame(encode(*message_of(event, client._handshake))))
        except SigverifyError:
            assert event in (Event.REFUSAL, Event.RESTART)

    for each in CLIENT_PATHS[phase]:
        meet(each)
    assert client.phase is phase
    meet(event)
    assert client.phase is CLIENT.get((phase, event), phase)


class Peer:
    """A client that makes a daemon meet events."""

    def __init__(self, persistent):
        self.daemon = DaemonConnection(token=TOKEN, persistent=persistent)
        self._number = 0
        self._nonce = bytes(16)

    def meet(self, event):
        """Send what makes this event."""
        if event is Event.RUBBISH:
            self.daemon.receive(b"rubbish\0" * (MAX_FAULTS + 1))
            return
        # Without a token in the daemon its welcome has no nonce.
        self.daemon._token = None if event is Event.WELCOME else TOKEN
        self._number += 1
        self.daemon.receive(frame(encode(self._number, self._message(event))))
        for payload in Deframer().feed(self.daemon.outgoing()):
            self._nonce = getattr(decode(payload)[1], "nonce", None) or self._nonce

    def _message(self, event):
        if event in (Event.PROVED, Event.WRONG_PROOF):
            return Authenticate(proof=proof(TOKEN, self._nonce) if event is Event.PROVED else bytes(32))
        return Hello(version=0 if event is Event.OTHER_PROTOCOL else 1, max_payload=MAX_PAYLOAD)


@pytest.mark.parametrize("event", sorted({event for _, event in DAEMON}))
@pytest.mark.parametrize("phase", OPEN)
@pytest.mark.parametrize(("persistent", "table"), [(False, DAEMON), (True, DAEMON_SERIAL)])
def test_a_daemon(persistent, table, phase, event):
    peer = Peer(persistent)
    for each in {Phase.IDLE: [], Phase.PROVING: [Event.CHALLENGE], Phase.READY: [Event.WELCOME]}[phase]:
        peer.meet(each)
    assert peer.daemon.phase is phase
    peer.meet(event)
    assert peer.daemon.phase is table.get((phase, event), phase)
    assert peer.daemon.closing is (peer.daemon.phase in CLOSED)
