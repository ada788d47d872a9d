"""The keys of stations by the command line."""

import pytest
from builders import template

from sigverify.protection.keys import Key
from sigverify.store import SqliteStore


@pytest.fixture
def options(tmp_path):
    Key.generate().to_file(tmp_path / "store.key")
    with SqliteStore(tmp_path / "s.db", key=Key.from_file(tmp_path / "store.key")) as store:
        store.put(template("alice", 2))
        store.put(template("bob", 1))
    return ["--store", tmp_path / "s.db", "--key", tmp_path / "store.key"]


@pytest.fixture
def made(answer, tmp_path):
    """The key of a station, and a list of it."""
    code, content = answer("station", "new-key", tmp_path / "station.key", "--name", "counter 1")
    assert code == 0
    (tmp_path / "stations").write_text(content["line"] + "\n")
    return ["--stations", tmp_path / "stations", "--station-key", tmp_path / "station.key"]


def test_a_key_is_private_and_never_over_another(answer, made, tmp_path):
    del made
    path = tmp_path / "station.key"
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert answer("station", "new-key", path)[0] == 4
    assert path.read_bytes() == before


def test_a_key_under_a_passphrase(answer, options, tmp_path, monkeypatch):
    path = tmp_path / "station.key"
    new = ("station", "new-key", path, "--passphrase-env", "CHOSEN")
    assert answer(*new)[1]["error"] == "ConfigError"
    assert not path.exists()
    monkeypatch.setenv("CHOSEN", "five words of a song")
    assert answer(*new)[0] == 0
    assert b"ENCRYPTED" in path.read_bytes()
    sign = ("station", "sign", *options, "--station-key", path)
    for wrong in (None, "four words"):
        if wrong is not None:
            monkeypatch.setenv("SIGVERIFY_STATION_PASSPHRASE", wrong)
        assert answer(*sign)[1]["error"] == "ConfigError"
    monkeypatch.setenv("SIGVERIFY_STATION_PASSPHRASE", "five words of a song")
    assert answer(*sign) == (0, {"templates": 2})


def test_signing_checking_and_rekeying(answer, made, options, monkeypatch):
    check = ("store", "check", *options, *made[:2])
    code, content = answer(*check)
    assert code == 4
    assert [(each["row"], each["damage"], each["detail"]) for each in content["findings"]] == [
        ("alice", "untrusted", "no_signature"), ("bob", "untrusted", "no_signature"),
    ]  # fmt: skip
    monkeypatch.setenv("SIGVERIFY_STATION_PASSPHRASE", "")
    assert answer("station", "sign", *options, *made, "--user", "alice") == (0, {"templates": 1})
    assert answer("station", "sign", *options, *made) == (0, {"templates": 1})
    assert answer(*check)[0] == 0
    code, content = answer("store", "rekey", *options)
    assert (code, content["error"]) == (4, "ConfigError")
    assert answer("store", "rekey", *options, *made)[0] == 0
    assert answer(*check)[0] == 0
    entries = answer("audit", "show", *options)[1]["entries"]
    assert [each["event"] for each in entries] == ["template_signed", "template_signed", "rekeyed"]
    assert {each["actor"]["kind"] for each in entries} == {"command"}


def test_a_key_that_others_may_read_and_a_list_that_others_may_write(answer, made, options):
    made[3].chmod(0o644)
    assert answer("station", "sign", *options, *made)[1]["error"] == "ConfigError"
    made[3].chmod(0o600)
    made[1].chmod(0o666)
    assert answer("station", "sign", *options, *made)[1]["error"] == "ConfigError"
