from pathlib import Path

import pytest
from builders import model, signature

from sigverify.formats import plain_csv


@pytest.fixture
def keys(tmp_path, answer):
    code, content = answer("model", "keygen", "--out", tmp_path / "key.pem")
    assert code == 0
    return content


@pytest.fixture
def file(tmp_path):
    model(name="kiosk").write(tmp_path / "kiosk.sigmodel")
    return tmp_path / "kiosk.sigmodel"


def test_sign_and_verify(keys, file, answer):
    code, signed = answer("model", "sign", file, "--key", keys["private_key"], "--release", 3)
    assert code == 0
    assert signed["signature"] == f"{file}.sig"
    code, checked = answer("model", "verify", file, "--trust", keys["public_key_file"])
    assert (code, checked["trusted"], checked["release"]) == (0, True, 3)
    code, refused = answer(
        "model", "verify", file, "--trust", keys["public_key_file"], "--minimum-release", 4
    )
    assert (code, refused["error"], refused["status"]) == (4, "UntrustedModel", 23)


def test_an_altered_model_is_refused(keys, file, answer):
    answer("model", "sign", file, "--key", keys["private_key"], "--release", 3)
    model(name="kiosk", encoder="other").write(file)
    code, refused = answer("model", "verify", file, "--trust", keys["public_key_file"])
    assert (code, refused["error"]) == (4, "UntrustedModel")


def test_an_unsigned_model_is_refused(keys, file, answer):
    assert answer("model", "verify", file, "--trust", keys["public_key_file"])[0] == 4


def test_a_model_that_is_not_there(keys, tmp_path, answer):
    code, refused = answer("model", "verify", tmp_path / "none", "--trust", keys["public_key_file"])
    assert (code, refused["error"]) == (4, "ModelError")
    assert "signature" not in refused["message"]


def test_a_model_that_ships_is_signed_as_a_copy(tmp_path, keys, answer):
    code, refused = answer("model", "sign", "base", "--key", keys["private_key"], "--release", 1)
    assert (code, refused["error"]) == (4, "ConfigError")
    assert "add --out base.sigmodel" in refused["message"]
    copy = tmp_path / "base.sigmodel"
    arguments = ("model", "sign", "base", "--key", keys["private_key"], "--release", 1, "--out", copy)
    assert answer(*arguments)[0] == 0
    assert answer("model", "verify", copy, "--trust", keys["public_key_file"])[0] == 0


def test_a_key_under_a_passphrase(tmp_path, file, answer, monkeypatch):
    monkeypatch.setenv("KIOSK_PASSPHRASE", "correct horse")
    key = tmp_path / "locked.pem"
    locked = ("--passphrase-env", "KIOSK_PASSPHRASE")
    assert answer("model", "keygen", "--out", key, *locked)[0] == 0
    assert answer("model", "sign", file, "--key", key, "--release", 1)[0] == 4
    assert answer("model", "sign", file, "--key", key, "--release", 1, *locked)[0] == 0
    monkeypatch.delenv("KIOSK_PASSPHRASE")
    assert answer("model", "sign", file, "--key", key, "--release", 1, *locked)[0] == 4


def test_keygen_overwrites_no_key(keys, answer):
    before = Path(keys["private_key"]).read_bytes()
    code, refused = answer("model", "keygen", "--out", keys["private_key"])
    assert (code, refused["error"]) == (4, "ConfigError")
    assert Path(keys["private_key"]).read_bytes() == before


def test_people_read_it_too(keys, file, run):
    code, printed = run("model", "sign", file, "--key", keys["private_key"], "--release", 3)
    assert code == 0
    assert "Signed" in printed
    assert keys["public_key"] in printed


def test_a_device_that_runs_signed_models_only(tmp_path, keys, answer):
    copy, probe = tmp_path / "base.sigmodel", tmp_path / "alice.csv"
    probe.write_bytes(plain_csv.encode(signature(0, 1)))
    enroll = ("enroll", "--store", tmp_path / "kiosk.db", "--user", "alice", "--quality", "record", probe)
    trust = ("--trust", keys["public_key_file"])
    code, refused = answer(*enroll, *trust)
    assert (code, refused["error"]) == (4, "UntrustedModel")
    answer("model", "sign", "base", "--key", keys["private_key"], "--release", 1, "--out", copy)
    assert answer(*enroll, *trust, "--model", copy)[0] == 0
    entries = answer("audit", "show", "--store", tmp_path / "kiosk.db")[1]["entries"]
    assert [entry["event"] for entry in entries] == ["model_refused", "model_trusted", "enrolled"]
    assert entries[-1]["user_id"] == "alice"


def test_operations_of_the_model_that_ships(run, answer):
    code, content = answer("model", "operations", "base")
    embeds, pair = content["networks"]
    assert code == 0
    assert embeds["maps_whole"]
    assert pair["maps_whole"]
    assert embeds["macs"] == sum(each["macs"] for each in embeds["operations"]) > 1_000_000
    assert embeds["constant_bytes"] < embeds["bytes"]
    code, printed = run("model", "operations", "base")
    assert code == 0
    assert "CONV_2D" in printed
    assert "takes it" in printed
