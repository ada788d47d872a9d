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
