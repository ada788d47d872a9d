"""The C client signs as Python does: HMAC by its RFC's vectors, captures by ours, and every rule."""

import json
import subprocess
from pathlib import Path

import pytest

from firmware_bridge.protocol.framing import Deframer, frame
from firmware_bridge.protocol.messages import Challenged, Points, Welcome, decode, encode
from sigverify.modality.pen.signature import Signature
from sigverify.protection.keys import Key
from sigverify.signed.content import Form, pack, unpack
from sigverify.signed.signed_capture import SignedCapture

VECTORS = json.loads((Path(__file__).parents[3] / "golden" / "protocol.json").read_text())
SIGNED = VECTORS["signed"]
KEY = Key(bytes.fromhex(SIGNED["key"]))
MISUSE, DISCONNECTED, BUSY = 72, 73, 75

RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    (b"\xaa" * 131, (b"This is a test using a larger than block-size key and a larger than block-size "
     b"data. The key needs to be hashed before being used by the HMAC algorithm."),
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
]  # fmt: skip
"""Section 4 of the RFC; the fifth case there cuts its result."""


@pytest.mark.parametrize(("key", "data", "expected"), RFC_4231)
def test_the_hmac_is_that_of_rfc_4231(hmac_path, key, data, expected):
    done = subprocess.run([hmac_path, key.hex(), data.hex()], capture_output=True, text=True, check=True)
    assert done.stdout == expected


def give(driver, number, message):
    return driver.say(f"feed {frame(encode(number, message)).hex()}")


@pytest.fixture
def ready(drive):
    """A client with a pen, and a capture begun; its requests have the ids from 2 on."""
    its = drive()
    its.say("hello -")
    give(its, 1, Welcome(version=1, max_payload=8192, window=8, credit=16, signed_only=True))
    its.say(f"pen pen-7 {SIGNED['key']}")
    return its


def challenge(its, number=2, nonce=bytes(range(32, 48))):
    assert its.say("challenge") == 0
    give(its, number, Challenged(nonce=nonce, life_s=120))


def ended(its):
    assert its.say("end") == 0
    return message_of(its)


def message_of(its):
    (payload,) = Deframer().feed(bytes.fromhex(its.written))
    return decode(payload)[1]


def row(x, y, t, p=0, ink=1):
    return f"{float(x)!r},{float(y)!r},{float(t)!r},{float(p)!r},{int(ink)}"


@pytest.mark.parametrize("vector", SIGNED["captures"], ids=lambda vector: f"form {vector['form']}")
def test_each_form_is_signed_as_the_vectors_are(ready, vector):
    content, form = bytes.fromhex(vector["content"]), Form(vector["form"])
    if form is Form.PICTURE:
        ready.say(f"begin-image 7 {len(content)}")
        for start in range(0, len(content), 100):
            assert ready.say(f"image {content[start : start + 100].hex()}") == 0
    else:
        its = unpack(form, content)
        ready.say(f"begin 7 {int(its.pressure is not None)}")
        pressure = its.time_ms if its.pressure is None else its.pressure  # of no meaning there
        rows = [row(*each) for each in zip(its.x, its.y, its.time_ms, pressure, its.ink, strict=True)]
        for start in range(0, len(rows), 3):
            assert ready.say(f"points {' '.join(rows[start : start + 3])}") == 0
    challenge(ready, nonce=bytes.fromhex(vector["nonce"]))
    assert ready.say(f"sign {vector['counter']} {1 if vector['purpose'] == 'decide' else 2}") == 0
    end = ended(ready)
    assert (end.device, end.counter, end.purpose) == ("pen-7", vector["counter"], vector["purpose"])
    assert (end.nonce.hex(), end.mac.hex()) == (vector["nonce"], vector["mac"])


def test_what_a_broken_line_lost_is_signed_once(ready):
    rows = [row(10 * at, -0.0 if at == 1 else at * at, 8 * at, ink=at != 0) for at in range(9)]
    ready.say("begin 7 0")
    assert ready.say(f"points {' '.join(rows[:4])}") == 0
    ready.say("room 4")
    assert ready.say(f"points {' '.join(rows[4:])}") == DISCONNECTED
    ready.say("room -")
    assert ready.say(f"points {' '.join(rows[4:])}") == 0
    challenge(ready)
    assert ready.say("sign 9 1") == 0
    columns = [list(map(float, each)) for each in zip(*(each.split(",") for each in rows), strict=True)]
    form, content = pack(Signature(*columns[:3], None, columns[4]))
    its = SignedCapture(form=form, content=content, **vars_of(ended(ready)))
    assert its.is_by(KEY)


def vars_of(end):
    return {name: getattr(end, name) for name in ("device", "counter", "nonce", "purpose", "mac")}


def test_a_challenge_is_answered_once(ready):
    ready.say("begin 7 0")
    ready.say(f"points {row(1, 2, 3)}")
    assert ready.say("sign 1 1") == BUSY
    challenge(ready)
    assert ready.say("sign 1 1") == 0
    assert ready.say("sign 2 1") == BUSY


def test_a_challenge_of_before_the_hello_is_none(ready):
    challenge(ready)
    ready.say("hello -")
    give(ready, 3, Welcome(version=1, max_payload=8192, window=8, credit=16))
    ready.say("begin 7 0")
    assert ready.say("sign 1 1") == BUSY


@pytest.mark.parametrize("nonce", [b"", bytes(15), bytes(17)])
def test_a_challenge_of_another_size_is_none(ready, nonce):
    challenge(ready, nonce=nonce)
    ready.say("begin 7 0")
    assert ready.say("sign 1 1") == BUSY


def test_one_that_nobody_asked_for_is_none(ready):
    give(ready, 9, Challenged(nonce=bytes(16), life_s=1))
    ready.say("begin 7 0")
    assert ready.say("sign 1 1") == BUSY


@pytest.mark.parametrize(
    ("device", "order"),
    [
        ("pen-7", "sign 0 1"),
        ("pen-7", "sign 1 0"),
        ("pen-7", "sign 1 3"),
        ("p" * 33, "sign 1 1"),
        ("pen/7", "sign 1 1"),
        ("Stift-Ä", "sign 1 1"),
    ],
)
def test_what_cannot_be_signed(ready, device, order):
    ready.say(f"pen {device} {SIGNED['key']}")
    ready.say("begin 7 0")
    challenge(ready)
    assert ready.say(order) == MISUSE


def test_nothing_to_sign(ready):
    challenge(ready)
    assert ready.say("sign 1 1") == MISUSE


def test_without_a_pen_nothing_is_signed(ready):
    ready.say("pen - -")
    ready.say("begin 7 0")
    ready.say(f"points {row(1, 2, 3)}")
    ready.say(f"pen pen-7 {SIGNED['key']}")  # for captures to come
    challenge(ready)
    assert ready.say("sign 1 1") == MISUSE
    assert ended(ready).mac is None


def test_a_signature_is_of_one_capture(ready):
    ready.say("begin 7 0")
    challenge(ready)
    assert ready.say("sign 1 1") == 0
    ready.say("begin 8 0")
    assert ended(ready).mac is None


def test_samples_go_out_as_before(ready):
    ready.say("begin 7 0")
    assert ready.say(f"points {row(1.5, 2, 3)}") == 0
    assert message_of(ready) == Points(capture=7, seq=0, x=(1.5,), y=(2,), t=(3,))
