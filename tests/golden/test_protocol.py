"""The wire protocol, read from protocol.json as a stranger would."""

import hashlib
import hmac
import json
import zlib
from pathlib import Path

import cbor2
import pytest
from cobs import cobs

from firmware_bridge.protocol.daemon_connection import DaemonConnection
from firmware_bridge.protocol.fields import from_map
from firmware_bridge.protocol.framing import Deframer, Fault, frame
from firmware_bridge.protocol.handshake import Side, proof, transcript
from firmware_bridge.protocol.messages import KINDS, Hello, Kind, decode, encode
from sigverify.protection.keys import Key

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "protocol.json").read_text())


def body_of(vector):
    return {
        name: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
        for name, value in vector["body"].items()
    }


def message_of(vector):
    return from_map(KINDS[Kind(vector["kind"])], body_of(vector))


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda vector: vector["name"])
class TestMessages:
    def test_the_bytes_are_cobs_and_crc_and_canonical_cbor(self, vector):
        payload = bytes.fromhex(vector["payload"])
        assert cbor2.loads(payload) == [vector["kind"], vector["id"], body_of(vector)]
        checked = payload + zlib.crc32(payload).to_bytes(4, "little")
        assert bytes.fromhex(vector["frame"]) == cobs.encode(checked) + b"\0"

    def test_they_are_read_and_written_so(self, vector):
        payload = bytes.fromhex(vector["payload"])
        assert Deframer().feed(bytes.fromhex(vector["frame"])) == [payload]
        assert decode(payload) == (vector["id"], message_of(vector))
        assert frame(payload).hex() == vector["frame"]
        assert decode(encode(vector["id"], message_of(vector))) == decode(payload)


def test_every_kind_is_there():
    assert {vector["kind"] for vector in VECTORS["messages"]} == set(Kind)


def test_runs_of_254_bytes_and_more():
    for each in VECTORS["lengths"]:
        assert frame(b"\x01" * each["payload_bytes"]).hex() == each["frame"]


@pytest.mark.parametrize("name", ["stuffing", "checksum"])
def test_faults(name):
    assert Deframer().feed(bytes.fromhex(VECTORS["faults"][name])) == [Fault[name.upper()]]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["why"])
def test_what_is_no_message(vector):
    daemon = DaemonConnection()
    daemon.receive(frame(encode(1, Hello(version=1, max_payload=8192))))
    daemon.outgoing()
    assert daemon.receive(frame(bytes.fromhex(vector["payload"]))) == []
    [answer] = Deframer().feed(daemon.outgoing())
    number, error = decode(answer)
    assert number in (0, 2)
    assert error.status == 71


def test_the_proofs_of_a_token():
    """Both sides prove it, by what was said: once by the code, once by plain HMACs."""
    token = bytes.fromhex(VECTORS["token"])
    hello, welcome, client, daemon = (bytes.fromhex(each["payload"]) for each in VECTORS["messages"][:4])
    said = transcript(hello, welcome)
    assert said.hex() == VECTORS["transcript"]
    assert said == hashlib.sha256(hashlib.sha256(hello).digest() + welcome).digest()
    for side, message in ((Side.CLIENT, client), (Side.DAEMON, daemon)):
        expected = bytes.fromhex(VECTORS["proofs"][side.value])
        assert proof(Key(token), said, side) == expected
        key = hmac.digest(said, token, "sha256")
        assert hmac.digest(key, f"sigverify bridge {side.value}".encode() + b"\x01", "sha256") == expected
        assert decode(message)[1].proof == expected
    assert VECTORS["proofs"]["client"] != VECTORS["proofs"]["daemon"]
