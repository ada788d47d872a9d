"""What a pen signs, by the RFC's vectors and by plain HMAC, and that no other bytes pass for it."""

import hashlib
import hmac
import struct

import pytest
from builders import signature

from sigverify.errors import InvalidSignature
from sigverify.protection.keys import Key
from sigverify.signed.content import Form, pack
from sigverify.signed.signed_capture import Purpose, SignedCapture
from sigverify.signed.signer import CaptureSigner

KEY = Key(bytes(range(32)))
NONCE = bytes(range(16, 32))


def signed(capture=None, *, counter=7, device="pen-7", key=KEY, purpose=Purpose.DECIDE):
    signer = CaptureSigner(device, key, lambda: counter)
    return signer.sign(signature() if capture is None else capture, NONCE, purpose)


def altered(its, **fields):
    return SignedCapture(**{**vars(its), **fields})


def test_what_is_signed():
    its = signed()
    digest = hashlib.sha256(pack(signature())[1]).digest()
    text = b"sigverify capture 1\0" + NONCE + struct.pack(">IBBI", 7, 1, 2, 150) + digest + b"pen-7"
    assert its.signed() == text
    assert its.mac == hmac.digest(bytes(range(32)), text, "sha256")
    assert its.is_by(KEY)
    assert its.read() == signature()


@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
    ],
)
def test_the_mac_is_that_of_rfc_4231(key, data, expected):
    # `Key` takes 32 bytes; HMAC puts zeros behind a shorter key anyway (RFC 2104, section 2).
    assert Key(key.ljust(32, b"\0")).mac(data).hex() == expected


def test_no_other_key_signed_it():
    assert not signed().is_by(Key(bytes(range(1, 33))))


def test_a_wrong_bit_of_any_byte_of_the_content_shows():
    its = signed(signature(samples=12))
    for place in range(len(its.content)):
        content = bytearray(its.content)
        content[place] ^= 1
        assert not altered(its, content=bytes(content)).is_by(KEY), place


@pytest.mark.parametrize("field", ["nonce", "mac"])
def test_a_wrong_bit_of_any_byte_of_nonce_and_signature_shows(field):
    its = signed()
    for place in range(len(getattr(its, field))):
        value = bytearray(getattr(its, field))
        value[place] ^= 0x80
        assert not altered(its, **{field: bytes(value)}).is_by(KEY), place


@pytest.mark.parametrize(
    "fields",
    [
        {"counter": 8},
        {"purpose": Purpose.ENROLL},
        {"device": "pen-8"},
        {"device": "pen-77"},
        {"form": Form.PICTURE},
    ],
    ids=str,
)
def test_everything_else_is_signed_too(fields):
    assert not altered(signed(), **fields).is_by(KEY)


def test_samples_cannot_pass_for_others_of_another_form():
    """25 samples with pressure have as many bytes as 33 without."""
    its = signed(signature(samples=25))
    assert not altered(its, form=Form.STROKES).is_by(KEY)


@pytest.mark.parametrize(
    "fields",
    [
        {"counter": 0},
        {"counter": 2**32},
        {"counter": True},
        {"counter": "7"},
        {"nonce": bytes(15)},
        {"nonce": "n" * 16},
        {"mac": bytes(33)},
        {"device": ""},
        {"device": "p" * 33},
        {"device": "pen 7"},
        {"device": "pén"},
        {"device": "pen\n"},
        {"device": 7},
        {"purpose": "look"},
        {"form": 4},
        {"content": "text"},
        {"content": bytes(34)},
    ],
    ids=str,
)
def test_what_is_no_signed_capture(fields):
    with pytest.raises(InvalidSignature):
        altered(signed(), **fields)


def test_neither_samples_nor_signature_are_shown():
    its = signed()
    assert "content" not in repr(its)
    assert "mac" not in repr(its)


def test_only_captures_are_signed():
    with pytest.raises(InvalidSignature, match="nothing to sign"):
        signed([1, 2, 3])
