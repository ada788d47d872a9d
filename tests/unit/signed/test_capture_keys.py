"""The file of the pens' keys."""

import os

import pytest

from sigverify.errors import KeyUnavailable
from sigverify.protection.keys import Key
from sigverify.signed.capture_keys import MAX_BYTES, CaptureKeys, key_id

ONE, OTHER = bytes(range(32)), bytes(range(1, 33))
TEXT = f"# pens of the counter\npen-7 {ONE.hex()}\n\npen-8 revoked  # lost in May\n".encode()


def test_a_file_of_them():
    keys = CaptureKeys.parse(TEXT)
    assert keys.devices == {"pen-7": True, "pen-8": False}
    assert keys["pen-7"] == Key(ONE)
    assert keys["pen-8"] is None
    assert "pen-8" in keys
    assert "pen-9" not in keys
    assert ONE.hex() not in repr(keys)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# none\n",
        b"pen-7\n",
        b"pen-7 00\n",
        b"pen-7 " + b"00" * 32,
        b"pen-7 " + ONE.hex().encode() + b" more",
        b"pen-7 revoked\npen-7 revoked",
        b"p/7 revoked",
        "pén revoked".encode(),
        f"a {ONE.hex()}\nb {ONE.hex()}".encode(),
        b"pen-7 revoked\n" + b"#" * MAX_BYTES,
    ],
)
def test_what_is_no_file_of_them(text):
    with pytest.raises(KeyUnavailable) as raised:
        CaptureKeys.parse(text)
    assert ONE.hex() not in str(raised.value)


def test_no_error_quotes_a_key():
    with pytest.raises(KeyUnavailable) as raised:
        CaptureKeys.parse(f"{ONE.hex()} pen-7".encode())
    assert ONE.hex()[:16] not in str(raised.value)


def test_they_are_kept_as_keys_are(tmp_path):
    path = tmp_path / "pens.keys"
    CaptureKeys.parse(TEXT).with_key("pen-9", Key(OTHER)).to_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert CaptureKeys.from_source(str(path)).devices == {"pen-7": True, "pen-8": False, "pen-9": True}
    path.chmod(0o640)
    with pytest.raises(KeyUnavailable, match="others may read"):
        CaptureKeys.from_source(str(path))
    tmp_path.chmod(0o777)
    path.chmod(0o600)
    with pytest.raises(KeyUnavailable, match="put another file in place"):
        CaptureKeys.from_source(str(path))
    with pytest.raises(KeyUnavailable, match="put another file in place"):
        CaptureKeys.parse(TEXT).to_file(path)


def test_from_elsewhere(monkeypatch):
    monkeypatch.setenv("PENS", TEXT.decode())
    assert CaptureKeys.from_source("env:PENS").devices
    reading, writing = os.pipe()
    os.write(writing, TEXT)
    os.close(writing)
    assert CaptureKeys.from_source(f"fd:{reading}").devices
    os.close(reading)


def test_a_key_is_revoked_and_replaced():
    keys = CaptureKeys.parse(TEXT).revoking("pen-7")
    assert keys["pen-7"] is None
    with pytest.raises(KeyUnavailable, match="no pen of that name"):
        keys.revoking("pen-9")
    assert keys.with_key("pen-7", Key(OTHER))["pen-7"] == Key(OTHER)
    assert key_id(Key(OTHER)) != key_id(Key(ONE))
