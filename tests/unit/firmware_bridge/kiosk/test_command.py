import json
import socket
import sys

import pytest

from sigverify.cli.app import main


def test_without_the_extra(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "firmware_bridge.kiosk.server", raising=False)
    monkeypatch.delattr("firmware_bridge.kiosk.server", raising=False)
    arguments = ["sigverify", "kiosk", "--store", str(tmp_path / "kiosk.db"), "--create", "--json"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        main()
    said = json.loads(capsys.readouterr().out)
    assert ended.value.code == 4
    assert said["error"] == "MissingExtra"
    assert "pip install 'sigverify[kiosk]'" in said["message"]


def test_an_address_that_is_taken():
    pytest.importorskip("uvicorn")
    from firmware_bridge.kiosk.server import address, listen
    from firmware_bridge.kiosk.settings import Settings
    from sigverify.errors import ConfigError

    with listen("127.0.0.1", 0) as taken:
        assert taken.proto == socket.IPPROTO_TCP, "asyncio would not set TCP_NODELAY"
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="cannot listen"):
            listen("127.0.0.1", port)
        assert address(taken, Settings()) == f"http://127.0.0.1:{port}/"
        secret = Settings(token="sixteen characters")  # noqa: S106
        assert address(taken, secret, tls=True) == f"https://127.0.0.1:{port}/#token=sixteen%20characters"


def test_a_certificate_that_cannot_be_used(tmp_path):
    pytest.importorskip("uvicorn")
    from firmware_bridge.kiosk.server import check_certificate
    from sigverify.errors import ConfigError

    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    for certificate, key in ((junk, junk), (junk, None), (None, junk), (tmp_path / "none.pem", junk)):
        with pytest.raises(ConfigError, match="certificate"):
            check_certificate(certificate, key)
    check_certificate(None, None)


@pytest.mark.parametrize("command", ["kiosk", "serve"])
def test_a_mistyped_store_is_not_begun(command, monkeypatch, capsys, tmp_path):
    pytest.importorskip("uvicorn")
    monkeypatch.setattr("firmware_bridge.kiosk.server.run", lambda *_: None)
    place = {"kiosk": ["--port", "0"], "serve": ["--socket", str(tmp_path / "socket")]}[command]
    monkeypatch.setattr(sys, "argv", ["sigverify", command, "-s", str(tmp_path / "tpyo.db"), *place])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    assert "--create" in capsys.readouterr().err
    assert not (tmp_path / "tpyo.db").exists()


@pytest.mark.parametrize("rate", ["5", "-1", "0", "nan", "0.5", "1e-9"])
@pytest.mark.parametrize("command", ["kiosk", "serve"])
def test_a_rate_that_never_works_is_refused_at_the_start(command, rate, monkeypatch, capsys, tmp_path):
    pytest.importorskip("uvicorn")
    monkeypatch.setattr("firmware_bridge.kiosk.server.run", lambda *_: None)
    place = {"kiosk": ["--port", "0"], "serve": ["--socket", str(tmp_path / "socket")]}[command]
    words = [command, "-s", str(tmp_path / "store.db"), "--create", "--fmr", rate, *place]
    monkeypatch.setattr(sys, "argv", ["sigverify", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    assert "false-match rate" in capsys.readouterr().err
