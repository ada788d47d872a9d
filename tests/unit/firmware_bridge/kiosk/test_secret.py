"""Tokens and codes come from files, the environment and descriptors."""

import os

import pytest

from firmware_bridge.kiosk.secret import read_secret
from sigverify.errors import ConfigError

SECRET = "a secret of sixteen"  # noqa: S105 - of this test


@pytest.fixture
def file(tmp_path):
    its = tmp_path / "code"
    its.write_text(SECRET + "\n")
    its.chmod(0o600)
    return its


def test_where_it_comes_from(file, monkeypatch):
    monkeypatch.setenv("HERE", SECRET)
    monkeypatch.delenv("DEFAULT", raising=False)
    assert read_secret("code", None, "DEFAULT") is None
    assert read_secret("code", None, "HERE") == SECRET
    assert read_secret("code", "env:HERE", "DEFAULT") == SECRET
    assert read_secret("code", str(file), "DEFAULT") == SECRET
    reader, writer = os.pipe()
    os.write(writer, SECRET.encode())
    os.close(writer)
    assert read_secret("code", f"fd:{reader}", "DEFAULT") == SECRET
    os.close(reader)


@pytest.mark.parametrize(
    "source", [SECRET, "24681357", "env:NOT_SET_ANYWHERE", "fd:999", "/dev/null", "a\0b", ""]
)
def test_what_is_none_is_refused_and_never_shown(source):
    with pytest.raises(ConfigError) as refused:
        read_secret("code", source, "DEFAULT")
    assert "env:NAME" in str(refused.value)
    assert source not in str(refused.value) or not source


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_may_read(file, mode):
    file.chmod(mode)
    with pytest.raises(ConfigError, match="others may read"):
        read_secret("code", str(file), "DEFAULT")


def test_no_text(file):
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="no text"):
        read_secret("code", str(file), "DEFAULT")


def test_a_file_that_others_could_replace(file):
    file.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="others could put another file in place"):
        read_secret("code", str(file), "DEFAULT")
    file.parent.chmod(0o1777)
    assert read_secret("code", str(file), "DEFAULT")
