"""Signed captures, made again from protocol.json with nothing but HMAC and SHA-256."""

import hashlib
import hmac
import json
import struct
from pathlib import Path

import pytest

from firmware_bridge.protocol.messages import decode
from sigverify.protection.keys import Key
from sigverify.signed.signed_capture import SignedCapture

VECTORS = json.loads((Path(__file__).parent / "protocol.json").read_text())
SIGNED = VECTORS["signed"]
KEY = bytes.fromhex(SIGNED["key"])


@pytest.mark.parametrize("vector", SIGNED["captures"], ids=lambda vector: f"form {vector['form']}")
def test_what_is_signed_and_its_signature(vector):
    content = bytes.fromhex(vector["content"])
    size = len(content) // {1: 25, 2: 33, 3: 1}[vector["form"]]
    text = b"sigverify capture 1\0" + bytes.fromhex(vector["nonce"]) + struct.pack(">I", vector["counter"])
    text += bytes([{"decide": 1, "enroll": 2}[vector["purpose"]], vector["form"]]) + struct.pack(">I", size)
    text += hashlib.sha256(content).digest() + vector["device"].encode()
    assert vector["text"] == text.hex()
    assert vector["mac"] == hmac.digest(KEY, text, "sha256").hex()
    assert taken(vector).is_by(Key(KEY))


def taken(vector):
    """The capture of a vector."""
    fields = {name: value for name, value in vector.items() if name != "text"}
    return SignedCapture(
        **fields | {name: bytes.fromhex(fields[name]) for name in ("nonce", "content", "mac")}
    )


def test_the_samples_on_the_wire_are_those_that_were_signed():
    said = [decode(bytes.fromhex(each["payload"]))[1] for each in VECTORS["messages"]]
    signed = SIGNED["captures"][0]
    pieces = [each for each in said if getattr(each, "capture", 0) == 7 and hasattr(each, "x")]
    rows = [
        struct.pack("<4dB", x, y, t, p, ink)
        for piece in pieces
        for x, y, t, p, ink in zip(
            piece.x, piece.y, piece.t, piece.p, piece.d or (True,) * len(piece.x), strict=True
        )
    ]
    assert b"".join(rows).hex() == signed["content"]
    (end,) = [each for each in said if getattr(each, "mac", None)]
    assert end.mac.hex() == signed["mac"]
