import base64
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sigverify.errors import KeyUnavailable
from sigverify.protection.keys import Key, default_path, hkdf

SECRET = bytes(range(32))
LIKE_BASE64 = base64.b64encode(SECRET)


@pytest.mark.parametrize(
    "content",
    [
        SECRET,
        SECRET.hex().encode(),
        SECRET.hex().upper().encode() + b"\r\n",
        b"  " + LIKE_BASE64 + b"\n",
        LIKE_BASE64.rstrip(b"="),
        base64.urlsafe_b64encode(SECRET),
    ],
)
def test_forms_of_one_key(content):
    assert Key.parse(content) == Key(SECRET)


def test_url_safe_and_plain_base64_agree():
    high = bytes(range(224, 256))
    assert base64.urlsafe_b64encode(high) != base64.b64encode(high)
    assert Key.parse(base64.urlsafe_b64encode(high)) == Key.parse(base64.b64encode(high)) == Key(high)


@pytest.mark.parametrize(
    "content",
    [b"", b"short", bytes(33), b"z" * 64, b"0" * 63, 2 * SECRET.hex().encode(), bytes(32), b"\xff" * 32],
)
def test_not_a_key(content):
    with pytest.raises(KeyUnavailable) as caught:
        Key.parse(content)
    assert content.hex() not in str(caught.value) or not content


def test_file(tmp_path):
    path = tmp_path / "store.key"
    key = Key.generate()
    key.to_file(path)
    assert Key.from_file(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        Key.generate().to_file(path)
    assert Key.from_file(path) == key
    assert [each.name for each in tmp_path.iterdir()] == ["store.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "store.key"
    Key.generate().to_file(path)
    path.chmod(mode)
    with pytest.raises(KeyUnavailable, match="others may read"):
        Key.from_file(path)


def test_no_such_file_or_a_folder(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(KeyUnavailable, match="cannot read the key file"):
            Key.from_file(path)


def test_no_place_to_write(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KeyUnavailable, match="cannot write the key file"):
        Key.generate().to_file(tmp_path / "file" / "store.key")


def test_environment(monkeypatch):
    with pytest.raises(KeyUnavailable, match="environment variable SIGVERIFY_KEY"):
        Key.from_environment()
    monkeypatch.setenv("SIGVERIFY_KEY", SECRET.hex())
    monkeypatch.setenv("OTHER", "no key")
    assert Key.from_environment() == Key(SECRET)
    with pytest.raises(KeyUnavailable, match="this is no key"):
        Key.from_environment("OTHER")


def test_descriptor():
    reading, writing = os.pipe()
    os.write(writing, SECRET[:10])
    os.write(writing, SECRET[10:])
    os.close(writing)
    assert Key.from_descriptor(reading) == Key(SECRET)
    os.close(reading)
    with pytest.raises(KeyUnavailable, match="file descriptor"):
        Key.from_descriptor(reading)


def test_an_endless_descriptor_ends():
    with Path("/dev/zero").open("rb") as zero, pytest.raises(KeyUnavailable):
        Key.from_descriptor(zero.fileno())


def test_callback():
    assert Key.from_callback(lambda: bytearray(SECRET)) == Key(SECRET)
    with pytest.raises(KeyUnavailable, match="callback"):
        Key.from_callback(SECRET.hex)
    with pytest.raises(ZeroDivisionError):
        Key.from_callback(lambda: 1 // 0)


def test_default_is_made_once_for_its_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(KeyUnavailable, match="no key at"):
        Key.default(create=False)
    key = Key.default()
    assert Key.default() == Key.default(create=False) == key
    assert default_path() == tmp_path / "sigverify" / "store.key"
    assert stat.S_IMODE(default_path().parent.stat().st_mode) == 0o700


def test_a_relative_state_home_is_ignored_as_its_standard_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path() == tmp_path / ".local" / "state" / "sigverify" / "store.key"


def test_many_processes_that_need_the_first_key_agree(tmp_path):
    script = "from sigverify.protection.keys import Key; print(Key.default().derive(b'', b'').hex())"
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    several = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(6)]
    assert len({process.communicate(timeout=60)[0] for process in several}) == 1
    assert len(list((tmp_path / "sigverify").iterdir())) == 1


def test_a_key_is_never_shown():
    key = Key(SECRET)
    assert repr(key) == str(key) == f"{key}" == "<Key>"
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(key)


def test_equality():
    assert Key(SECRET) == Key(SECRET)
    assert hash(Key(SECRET)) == hash(Key(SECRET))
    assert Key(SECRET) != Key.generate()
    assert Key(SECRET) != SECRET


def test_hkdf_by_the_standards_own_example():
    """RFC 5869, appendix A.1, the first of its blocks."""
    found = hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)))
    assert found.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"


def test_hkdf_against_cryptography():
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    theirs = HKDF(SHA256(), length=32, salt=b"salt", info=b"purpose").derive(SECRET)
    assert Key(SECRET).derive(b"purpose", b"salt") == theirs


def test_a_key_that_others_could_replace_is_not_read(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    Key.generate().to_file(folder / "store.key")
    folder.chmod(0o777)
    with pytest.raises(KeyUnavailable, match="others could put another file in place of the key"):
        Key.from_file(folder / "store.key")
    folder.chmod(0o1777)
    Key.from_file(folder / "store.key")


def test_no_key_is_made_where_others_could_replace_it(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    folder.chmod(0o777)
    for path in (folder / "store.key", folder / "new" / "store.key"):
        with pytest.raises(KeyUnavailable, match="mode 0777"):
            Key.generate().to_file(path)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("home", ["", "here", "./here", "../here"])
def test_a_home_that_depends_on_where_one_is_holds_no_key(monkeypatch, tmp_path, home):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    with pytest.raises(KeyUnavailable, match="no absolute path"):
        Key.default()
    assert list(tmp_path.iterdir()) == []
