"""The daemon at a serial line: a pair of pseudo terminals, at the pace of 115,200 baud."""

import asyncio
import random
import termios
import time

import pytest
from builders import signature
from running_daemon import RunningDaemon, eventually
from serial_pair import SerialPair

from firmware_bridge.client import AsyncClient, Client
from firmware_bridge.transport.line import open_serial, serial_port
from firmware_bridge.transport.listeners import SerialListener
from sigverify.errors import BridgeError, Disconnected
from sigverify.protection.keys import Key

ALICE = [signature(0, repetition) for repetition in range(3)]


def whole_numbers(its):
    """A signature as a digitizer gives it: whole units, 1,024 steps of pressure."""
    return type(its)(its.x.round(), its.y.round(), its.time_ms.round(), (its.pressure * 500).round(), its.ink)


def test_at_115200_baud():
    with SerialPair() as cable, RunningDaemon([SerialListener(cable.first)]):
        with Client(f"serial:{cable.second}") as client:
            client.enroll("alice", ALICE)
            before, start = cable.carried, time.monotonic()
            assert client.verify("alice", whole_numbers(signature(0, 9))).accepted
            elapsed, carried = time.monotonic() - start, cable.carried - before
        assert carried < 3000  # 150 samples; a quarter of a second of the line
        assert elapsed >= 0.9 * carried / 11_520


def test_asyncio_and_a_token():
    token = Key.generate()

    async def main(device):
        async with AsyncClient(f"serial:{device}", token=token) as client:
            await client.enroll("alice", ALICE)
            return await client.users()

    with SerialPair(baud=921_600) as cable, RunningDaemon([SerialListener(cable.first)], token=token):
        assert asyncio.run(main(cable.second)) == ("alice",)


def test_a_client_that_reboots_begins_anew():
    with SerialPair(baud=921_600) as cable, RunningDaemon([SerialListener(cable.first)]):
        port = serial_port(cable.second, 115_200)
        port.write(b"half a fra")
        port.close()
        with Client(f"serial:{cable.second}") as client:
            assert client.users() == ()
        with Client(f"serial:{cable.second}") as client:
            assert client.users() == ()


def test_rubbish_for_a_long_time_is_waited_out():
    with SerialPair(baud=921_600) as cable, RunningDaemon([SerialListener(cable.first)]):
        port = serial_port(cable.second, 115_200)
        port.write(random.Random(0).randbytes(20_000))
        port.close()
        with Client(f"serial:{cable.second}") as client:
            assert client.users() == ()


def test_a_noisy_line_loses_nothing():
    """Every second signature is hit: requests are asked again, signatures with gaps sent again."""
    with (
        SerialPair(baud=921_600, noise=4001) as cable,
        RunningDaemon([SerialListener(cable.first)]) as running,
        Client(f"serial:{cable.second}", timeout_s=0.3) as client,
    ):
        client.enroll("alice", [whole_numbers(its) for its in ALICE])
        for repetition in range(10, 18):
            its = whole_numbers(signature(0, repetition))
            score = running.verifier.score("alice", its)
            assert client.verify("alice", its).score == score
        assert client.users() == ("alice",)


def test_one_line_one_daemon():
    with (
        SerialPair() as cable,
        RunningDaemon([SerialListener(cable.first)]),
        pytest.raises(BridgeError, match="cannot open the serial line"),
    ):
        serial_port(cable.first, 115_200)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), termios.error(5, "Input/output error")])
def test_an_adapter_pulled_out_while_it_is_opened(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("serial.Serial", fail)
    with pytest.raises(BridgeError, match="Input/output error"):
        serial_port("/dev/ttyUSB0", 115_200)


def test_a_line_that_goes_away_and_comes_back(monkeypatch):
    """Whatever opening it raises meanwhile."""
    monkeypatch.setattr("firmware_bridge.transport.listeners._REOPEN_S", 0.05)
    with (
        SerialPair(baud=921_600) as cable,
        RunningDaemon([SerialListener(cable.first)]) as running,
        Client(f"serial:{cable.second}") as client,
    ):
        assert client.users() == ()
        with monkeypatch.context() as patch:
            patch.setattr("serial.Serial", gone)
            [session] = running.daemon._sessions
            running.call(session.stop)
            time.sleep(0.3)
        eventually(lambda: len(running.daemon._sessions) == 1)
        client.close()
        assert client.users() == ()


@pytest.mark.parametrize(
    "stale",
    [
        lambda client: client.users(),
        lambda client: client.verify("ann", ALICE[0]),
        lambda client: client.verify("ann", signature(0, samples=2000)),
    ],
    ids=["a request", "a signature", "more than the credit"],
)
def test_a_daemon_that_was_started_anew_is_greeted(stale):
    """Nothing breaks the line: the first call is told that nobody said hello."""
    with SerialPair(baud=921_600) as cable, Client(f"serial:{cable.second}") as client:
        with RunningDaemon([SerialListener(cable.first)]):
            assert client.users() == ()
        with RunningDaemon([SerialListener(cable.first)]):
            with pytest.raises(Disconnected, match="started anew"):
                stale(client)
            assert client.users() == ()


def gone(*_, **__):
    raise termios.error(5, "Input/output error")


def test_no_such_line(tmp_path):
    with pytest.raises(BridgeError, match="cannot open the serial line"):
        asyncio.run(open_serial(str(tmp_path / "ttyS9")))
