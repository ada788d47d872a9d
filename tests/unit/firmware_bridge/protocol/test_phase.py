"""Both clients and the daemon move between phases as the tables say, and no other way."""

import itertools
from dataclasses import replace

import pytest
from handshakes import CLIENT_EVENTS, CLIENT_PATHS, TOKEN, Daemon, has_token

from firmware_bridge.protocol.client_connection import ClientConnection
from firmware_bridge.protocol.daemon_connection import MAX_FAULTS, DaemonConnection
from firmware_bridge.protocol.framing import MAX_PAYLOAD, Deframer, frame
from firmware_bridge.protocol.handshake import NONCE_BYTES, Side, proof, transcript
from firmware_bridge.protocol.messages import Authenticate, Hello, Welcome, decode, encode
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
    client, daemon = ClientConnection(token=TOKEN if has_token(phase, event) else None), Daemon()

    def meet(event):
        if event is Event.HELLO:
            client.hello()
        else:
            try:
                client.receive(frame(encode(*daemon.say(event))))
            except SigverifyError:
                assert event in (Event.REFUSAL, Event.RESTART)
        daemon.hear(Deframer().feed(client.outgoing()))

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
        self._hello = self._welcome = b""

    def meet(self, event):
        """Send what makes this event."""
        if event is Event.RUBBISH:
            self.daemon.receive(b"rubbish\0" * (MAX_FAULTS + 1))
            return
        # Without a token in the daemon its welcome has no nonce.
        token = None if event is Event.WELCOME else TOKEN
        self.daemon._anybody = replace(self.daemon._anybody, secret=token)
        self._number += 1
        payload = encode(self._number, self._message(event))
        if event in (Event.CHALLENGE, Event.WELCOME):
            self._hello = payload
        self.daemon.receive(frame(payload))
        for answer in Deframer().feed(self.daemon.outgoing()):
            if isinstance(decode(answer)[1], Welcome):
                self._welcome = answer

    def _message(self, event):
        if event in (Event.PROVED, Event.WRONG_PROOF):
            right = proof(TOKEN, transcript(self._hello, self._welcome), Side.CLIENT)
            return Authenticate(proof=right if event is Event.PROVED else bytes(32))
        version = 0 if event is Event.OTHER_PROTOCOL else 1
        return Hello(version=version, max_payload=MAX_PAYLOAD, nonce=bytes(NONCE_BYTES))


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
