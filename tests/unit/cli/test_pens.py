"""`sigverify pens`, and the options that take what it makes."""

import json
import os
import re
import sys

import pytest

from sigverify.cli.app import main
from sigverify.cli.opening import capture_keys_from
from sigverify.protection.keys import Key
from sigverify.signed.capture_keys import CaptureKeys


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command line, and returns its code and what it said."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["sigverify", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, "".join(capsys.readouterr())

    return run


@pytest.fixture
def keys(tmp_path):
    return tmp_path / "pens.keys"


def test_a_key_for_firmware_and_for_python(run, keys, tmp_path):
    header, out = tmp_path / "pen_key.h", tmp_path / "pen-7.key"
    code, said = run("pens", "add", keys, "pen-7", "--header", header, "--out", out)
    assert code == 0, said
    key = CaptureKeys.from_source(keys)["pen-7"]
    assert key == Key.from_source(str(out))
    assert key.to_hex() not in said
    in_c = bytes(int(each, 16) for each in re.findall(r"0x(\w\w)", header.read_text()))
    assert in_c.hex() == key.to_hex()
    assert 'PEN_DEVICE[] = "pen-7"' in header.read_text()
    assert {each.stat().st_mode & 0o777 for each in (keys, header, out)} == {0o600}


def test_a_key_that_the_pen_has_already(run, keys, monkeypatch):
    monkeypatch.setenv("PEN", bytes(range(32)).hex())
    assert run("pens", "add", keys, "pen-7", "--key", "env:PEN")[0] == 0
    assert CaptureKeys.from_source(keys)["pen-7"] == Key(bytes(range(32)))


def test_one_key_a_pen_revoked_and_given_anew(run, keys):
    run("pens", "add", keys, "pen-7")
    before = CaptureKeys.from_source(keys)["pen-7"]
    code, said = run("pens", "add", keys, "pen-7")
    assert code == 4
    assert "has a key already" in said
    assert CaptureKeys.from_source(keys)["pen-7"] == before
    run("pens", "add", keys, "pen-8")
    assert run("pens", "revoke", keys, "pen-7")[0] == 0
    listed = json.loads(run("pens", "list", keys, "--json")[1])
    assert listed == {"pens": [{"pen": "pen-7", "revoked": True}, {"pen": "pen-8", "revoked": False}]}
    assert run("pens", "add", keys, "pen-7")[0] == 0
    assert CaptureKeys.from_source(keys)["pen-7"] not in (None, before)


@pytest.mark.parametrize(
    "arguments",
    [("add", "pen 7"), ("revoke", "pen-7"), ("list",)],
    ids=" ".join,
)
def test_what_cannot_be(run, keys, arguments):
    code, said = run("pens", arguments[0], keys, *arguments[1:])
    assert code == 4, said
    assert not keys.exists()


@pytest.mark.parametrize("out", ["there", "pens.keys", "pen_key.h"])
def test_no_pen_is_known_whose_copy_was_not_written(run, keys, tmp_path, out):
    (tmp_path / "there").write_text("")
    header = tmp_path / "pen_key.h"
    assert run("pens", "add", keys, "pen-7", "--header", header, "--out", tmp_path / out)[0] == 4
    assert [each.name for each in tmp_path.iterdir()] == ["there"], "nor any copy of a key that no list knows"


def test_a_header_replaces_an_older_one_alone(run, keys, tmp_path):
    header = tmp_path / "pen_key.h"
    for pen in ("pen-7", "pen-8"):
        code, said = run("pens", "add", keys, pen, "--header", header)
        assert code == 0, said
    assert "pen-8" in header.read_text()
    before = keys.read_bytes()
    for other in (keys, tmp_path / "k.pem"):
        (tmp_path / "k.pem").write_text("-----BEGIN PRIVATE KEY-----")
        assert run("pens", "add", keys, "pen-9", "--header", other)[0] == 4
        assert (keys.read_bytes(), (tmp_path / "k.pem").read_text()) == (
            before,
            "-----BEGIN PRIVATE KEY-----",
        )


def test_doctor_looks_at_them(run, keys):
    def finding():
        said = json.loads(run("doctor", "--capture-keys", keys, "--json")[1])
        (its,) = [each for each in said["findings"] if each["name"] == "pens"]
        return its["state"], its["found"]

    run("pens", "add", keys, "pen-7")
    assert finding() == ("ok", "1 may sign, 0 revoked; captures of no other are taken")
    run("pens", "revoke", keys, "pen-7")
    assert finding()[0] == "bad"
    keys.chmod(0o644)
    state, found = finding()
    assert state == "bad"
    assert "others may read" in found


def test_a_reload_reads_a_file_anew_and_a_descriptor_once(keys):
    CaptureKeys({"pen-7": Key(bytes(range(32)))}).to_file(keys)
    read = capture_keys_from(str(keys))
    assert read().devices == {"pen-7": True}
    CaptureKeys({"pen-7": None}).to_file(keys)
    assert read().devices == {"pen-7": False}
    reading, writing = os.pipe()
    os.write(writing, f"pen-7 {bytes(range(32)).hex()}".encode())
    os.close(writing)
    read = capture_keys_from(f"fd:{reading}")
    os.close(reading)  # whoever forks now has no more to read
    assert read() is read()
    assert read().devices == {"pen-7": True}
    assert capture_keys_from(None)() is None


@pytest.mark.parametrize("command", ["serve", "kiosk"])
def test_they_are_read_before_anything_listens(run, keys, tmp_path, command):
    options = ["--socket", tmp_path / "socket"] if command == "serve" else ["--port", "0"]
    code, said = run(command, "--store", tmp_path / "its.db", "--create", "--capture-keys", keys, *options)
    assert code == 4
    assert "cannot read the key file" in said
