"""`sigverify serve` from the outside: the model that ships, a real process, real signals."""

import itertools
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from builders import signature
from running_daemon import answering, eventually

from firmware_bridge.client import Client
from sigverify.cli.app import main
from sigverify.errors import Disconnected, NotAllowed
from sigverify.protection.keys import Key

ALICE = [signature(0, repetition) for repetition in range(5)]


def test_a_day_of_a_kiosk(serve, path, log, tmp_path):
    key = tmp_path / "store.key"
    Key.generate().to_file(key)
    process = serve("--socket", path, "--key", "fd:0", key=key)  # as the systemd unit does
    with Client(path) as client:
        eventually(lambda: answering(client), 20)
        client.enroll("ann", ALICE)
        assert client.verify("ann", signature(0, 9), fmr=0.05).accepted
        assert not client.verify("ann", signature(5, 9)).accepted
        assert client.info().model == "base"

        process.send_signal(signal.SIGHUP)
        eventually(lambda: "reloaded" in log(), 10)
        assert client.users() == ("ann",)

        process.kill()  # mid-life, as a power cut would
        process.wait()
        with pytest.raises(Disconnected):
            client.users()
        again = serve("--socket", path, "--key", "fd:0", key=key)
        eventually(lambda: answering(client), 20)
        assert client.users() == ("ann",)
        assert not client.verify("ann", signature(0, 9), fmr=0.05).accepted  # it remembers: a copy

        again.send_signal(signal.SIGTERM)
        assert again.wait(10) == 0
    assert not path.exists()
    assert "'ann'" not in log()


def verify_for_ever(client):
    for repetition in itertools.count():
        client.verify("ann", signature(0, repetition))


def test_killed_in_the_middle_of_requests(serve, path):
    process = serve("--socket", path)
    with Client(path) as client:
        eventually(lambda: answering(client), 20)
        client.enroll("ann", ALICE)
        killer = threading.Timer(0.3, process.kill)
        killer.start()
        with pytest.raises(Disconnected):
            verify_for_ever(client)
        killer.join()
        serve("--socket", path)
        eventually(lambda: answering(client), 20)
        assert client.users() == ("ann",)


def test_a_reload_while_the_store_is_away_makes_no_empty_one(serve, path, log, tmp_path):
    process = serve("--socket", path)
    with Client(path) as client:
        eventually(lambda: answering(client), 20)
        client.enroll("ann", ALICE)
        for each in tmp_path.glob("store.db*"):
            each.rename(tmp_path / f"away.{each.name}")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "cannot reload" in log(), 10)
        assert not (tmp_path / "store.db").exists()
        for each in tmp_path.glob("away.*"):
            each.rename(tmp_path / each.name.removeprefix("away."))
        assert client.users() == ("ann",)


SLOW_TO_OPEN = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[1])
from running_daemon import opener
from firmware_bridge.daemon.daemon import Daemon
from firmware_bridge.transport.listeners import UnixListener

def slow():
    print("opening", flush=True)
    time.sleep(0.5)
    return opener()()

asyncio.run(Daemon(slow).run([UnixListener(sys.argv[2])], announce=lambda: print("open", flush=True)))
"""


def test_a_reload_that_comes_too_early_ends_nothing(path):
    support = Path(__file__).parents[1] / "support"
    command = [sys.executable, "-c", SLOW_TO_OPEN, support, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "opening\n"
        process.send_signal(signal.SIGHUP)
        assert {process.stdout.readline() for _ in range(2)} == {"open\n", "opening\n"}
        with Client(path) as client:
            assert client.users() == ()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_port_a_token_and_few_rights(serve, tmp_path, log):
    Key.generate().to_file(tmp_path / "token")
    serve(
        "--tcp",
        "127.0.0.1:0",
        "--token",
        tmp_path / "token",
        "--allow",
        "users",
        "--json",
        "--metrics",
        "127.0.0.1:0",
    )
    eventually(lambda: "}" in log(), 20)
    said = log()
    told = json.loads(said[said.index("{") : said.rindex("}") + 1])
    [address] = told["listening"]
    with Client(address, token=Key.from_file(tmp_path / "token")) as client:
        assert client.users() == ()
        with pytest.raises(NotAllowed):
            client.forget("ann")
    with urllib.request.urlopen(told["metrics"], timeout=5) as page:  # noqa: S310 - our own
        assert b"sigverify_clients" in page.read()
    with Client(address) as client, pytest.raises(NotAllowed):
        client.users()


def test_a_client_by_name_with_a_token_of_its_own(serve, tmp_path, log):
    for name in ("pen", "desk"):
        Key.generate().to_file(tmp_path / name)
    clients = [f"--client=pen:verify:{tmp_path / 'pen'}", f"--client=desk:users,forget:{tmp_path / 'desk'}"]
    serve("--tcp", "127.0.0.1:0", *clients, "--json")
    eventually(lambda: "}" in log(), 20)
    said = log()
    [address] = json.loads(said[said.index("{") : said.rindex("}") + 1])["listening"]
    with Client(address, token=Key.from_file(tmp_path / "desk"), name="desk") as client:
        assert client.users() == ()
    pen = Client(address, token=Key.from_file(tmp_path / "pen"), name="pen")
    with pen as client, pytest.raises(NotAllowed, match="may not users"):
        client.users()
    for name, token in (("desk", "pen"), ("python", "desk")):
        stranger = Client(address, token=Key.from_file(tmp_path / token), name=name)
        with stranger as client, pytest.raises(NotAllowed, match="token"):
            client.users()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "nowhere to listen"),
        (["--tcp", "7117"], "no address"),
        (["--tcp", "127.0.0.1:7117", "--tls"], "encrypts a port by a token"),
        (["--tcp", "0.0.0.0:7117"], "a token, or a loopback"),
        (["--tcp", "a..b:7117"], "no address"),
        (["--socket", "s", "--metrics", "a..b:9000"], "no address"),
        (["--socket", "s", "--fpir", "0.001"], "--untrusted too; received --fpir"),
        (["--socket", "s", "--references", "3"], "--untrusted too; received --references"),
        (["--socket", "s", "--untrusted", "--fpir", "2"], "rate out of range"),
        (["--socket", "s", "--mode", "0999"], "no file mode"),
        (["--socket", "s", "--allow", "everything"], "unknown capability"),
        (["--socket", "s", "--allow", "unlock"], "unknown capability"),
        (["--socket", "s", "--client", "pen:verify"], "this grants nothing"),
        (["--socket", "s", "--stations", "none"], "cannot read the list of stations"),
        (["--serial", "/dev/none"], "cannot open the serial line"),
    ],
)
def test_what_cannot_be_served(monkeypatch, capsys, tmp_path, options, said):
    """Refused before anything is served, so that no process of its own is needed."""
    command = ["sigverify", "serve", "--store", str(tmp_path / "store.db"), "--create", *options]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    assert said in " ".join("".join(capsys.readouterr()).split())
