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
    from firmware_bridge.kiosk.server import address, bind, listen
    from firmware_bridge.kiosk.settings import Settings
    from sigverify.errors import ConfigError

    with bind("127.0.0.1", 0) as taken, bind("127.0.0.1", taken.getsockname()[1]) as beside:
        listen(taken)
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1:"):
            listen(beside)
        assert taken.proto == socket.IPPROTO_TCP, "asyncio would not set TCP_NODELAY"
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="cannot listen"):
            bind("127.0.0.1", port)
        with pytest.raises(ConfigError, match="cannot listen"):
            bind("a..b", 0)
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
    assert not (tmp_path / "store.db").exists(), "nothing was begun for it"


@pytest.mark.parametrize("options", [["--fmr", "0.9"], ["--refer", "0.9"], ["--model", "none"]])
def test_what_the_model_does_not_know_is_refused_before_anything_listens(
    options, monkeypatch, capsys, tmp_path
):
    pytest.importorskip("uvicorn")
    listened = []
    monkeypatch.setattr("firmware_bridge.kiosk.server.bind", lambda *where: listened.append(where))
    command = ["sigverify", "kiosk", "-s", str(tmp_path / "store.db"), "--create", "--port", "0", *options]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    assert capsys.readouterr().err
    assert not listened
    assert not (tmp_path / "store.db").exists()


@pytest.mark.parametrize("command", ["kiosk", "serve"])
@pytest.mark.parametrize(
    "options", [["--stations", "none.txt"], ["--trust", "none.pem"], ["--runtime", "none"]]
)
def test_what_is_only_found_to_be_wrong_while_opening_is_refused_before_anybody_can_connect(
    command, options, monkeypatch, capsys, tmp_path
):
    pytest.importorskip("uvicorn")
    listened = []
    monkeypatch.setattr(socket.socket, "listen", lambda *_: listened.append("listened"))
    place = {"kiosk": ["--port", "0"], "serve": ["--tcp", "127.0.0.1:0"]}[command]
    words = [command, "-s", str(tmp_path / "store.db"), "--create", *place, *options]
    monkeypatch.setattr(sys, "argv", ["sigverify", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    assert "none" in capsys.readouterr().err
    assert not listened


@pytest.fixture
def settings_of(monkeypatch, capsys, tmp_path):
    """Return a function from options of `sigverify kiosk` to the page's settings, or the error printed."""
    pytest.importorskip("uvicorn")

    def settings_of(*options):
        made = []
        monkeypatch.setattr(
            "firmware_bridge.kiosk.server.make_server", lambda _, settings, **__: made.append(settings)
        )
        monkeypatch.setattr("firmware_bridge.kiosk.server.run", lambda *_: None)
        arguments = ["kiosk", "-s", str(tmp_path / "k.db"), "--create", "--port", "0", "--json", *options]
        monkeypatch.setattr(sys, "argv", ["sigverify", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        said = json.loads(capsys.readouterr().out)
        return made[0] if made else said["error"]

    return settings_of


def test_operators_and_programs_by_name(settings_of, monkeypatch, tmp_path):
    (tmp_path / "nights").write_text("24681357\n")
    (tmp_path / "nights").chmod(0o600)
    monkeypatch.setenv("TILL", "a token of the till")
    settings = settings_of(
        "--operator", f"nights:unlock,users:{tmp_path / 'nights'}", "--client", "till:verify,users:env:TILL"
    )
    assert settings.code is None, "with operators by name nobody else is made one"
    ((nights,), (till,)) = settings.operators, settings.clients
    assert (nights.name, nights.secret, sorted(nights.may)) == ("nights", "24681357", ["unlock", "users"])
    assert (till.name, till.secret) == ("till", "a token of the till")
    assert sorted(settings_of("--allow", "enroll", "--allow", "users").operator_may) == ["enroll", "users"]


@pytest.mark.parametrize(
    "options",
    [
        ["--operator", "nights:unlock:24681357"],
        ["--operator", "nights:sing:env:PATH"],
        ["--client", "till:users:env:NOTHING_THERE"],
        ["--allow", "everything"],
        ["--everybody-operates", "--operator", "nights:unlock:env:PATH"],
        ["--everybody-operates", "--allow", "users"],
    ],
)
def test_what_grants_nothing_is_refused(settings_of, options):
    assert settings_of(*options) == "ConfigError"
