"""The daemon among clients that are strange, slow, or many."""

import asyncio
import contextlib
import fcntl
import logging
import os
import random
import socket
import stat
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from builders import signature
from running_daemon import RunningDaemon, both_kinds, connected, eventually, opener

from firmware_bridge.capability import Capability, Grant
from firmware_bridge.client import Client
from firmware_bridge.daemon.metrics import Metrics
from firmware_bridge.daemon.metrics_page import MetricsPage
from firmware_bridge.daemon.session import Limits, Session
from firmware_bridge.daemon.systemd import Notifier
from firmware_bridge.daemon.untrusted import Terms
from firmware_bridge.protocol.daemon_connection import DaemonConnection
from firmware_bridge.protocol.framing import Deframer, frame
from firmware_bridge.protocol.messages import (
    Begin,
    BeginImage,
    End,
    Hello,
    Info,
    Users,
    Verify,
    decode,
    encode,
)
from firmware_bridge.protocol.picture import MAX_IMAGE_BYTES
from firmware_bridge.protocol.strokes import split
from firmware_bridge.transport.line import Line
from firmware_bridge.transport.listeners import TcpListener, UnixListener
from sigverify.audit import AuditLog
from sigverify.errors import (
    BridgeError,
    Busy,
    ConfigError,
    Disconnected,
    EnrollmentError,
    NotAllowed,
    StoreError,
)
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore

ALICE = [signature(0, repetition) for repetition in range(5)]
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is tested is that this needs a token
NOBODY = 65534
HELLO = frame(encode(1, Hello(version=1, max_payload=8192)))


def read_messages(its, count):
    deframer, found = Deframer(), []
    while len(found) < count:
        data = its.recv(4096)
        assert data, "the daemon hung up"
        found += [decode(payload) for payload in deframer.feed(data)]
    return found


def hung_up(its):
    """Whether the daemon closes this connection within its socket's timeout."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while its.recv(65536):
            pass
    return True


@pytest.fixture
def locked(path):
    """The folder of the socket, locked as by a daemon that opens its listener."""
    folder = os.open(path.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    yield folder
    os.close(folder)


class TestWhoComesIn:
    def test_the_sockets_mode(self, path):
        with RunningDaemon([UnixListener(path, mode=0o600)]):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not path.exists()

    def test_only_known_users(self, path, monkeypatch):
        listener = UnixListener(path, uids=frozenset({12345}))
        with RunningDaemon([listener]), Client(path) as client:
            assert client.users() == ()
            client.close()
            monkeypatch.setattr(listener, "_uids", {12345})
            with pytest.raises(Disconnected):
                client.users()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
    @pytest.mark.parametrize(("allowed", "comes_in"), [(frozenset(), False), (frozenset({NOBODY}), True)])
    def test_another_user(self, allowed, comes_in):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "socket"
            Path(folder).chmod(0o755)
            with RunningDaemon([UnixListener(path, mode=0o666, uids=allowed)]) as running:
                os.seteuid(NOBODY)
                try:
                    its = connected(path)
                finally:
                    os.seteuid(0)
                eventually(lambda: not comes_in or running.daemon.metrics.clients == 1)
                if comes_in:
                    its.sendall(HELLO)
                    assert type(read_messages(its, 1)[0][1]).__name__ == "Welcome"
                else:
                    assert hung_up(its)
                    assert running.daemon.metrics.clients == 0
                its.close()

    def test_a_socket_left_behind(self, path):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        with RunningDaemon([UnixListener(path)]), Client(path) as client:
            assert client.users() == ()
            with (
                pytest.raises(BridgeError, match=r"listens at .* already"),
                RunningDaemon([UnixListener(path)]),
            ):
                pass
            assert client.users() == ()

    def test_one_that_is_about_to_listen_is_waited_for(self, path, locked):
        async def opened():
            listener = asyncio.create_task(UnixListener(path).open(Line))
            await asyncio.sleep(0.05)
            other.listen()
            fcntl.flock(locked, fcntl.LOCK_UN)
            await listener

        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            with pytest.raises(BridgeError, match="already"):
                asyncio.run(opened())

    @pytest.mark.usefixtures("locked")
    def test_a_folder_that_stays_locked(self, path, monkeypatch):
        monkeypatch.setattr("firmware_bridge.transport.listeners._LOCK_S", 0.05)
        with pytest.raises(BridgeError, match="stays locked"), RunningDaemon([UnixListener(path)]):
            pass

    def test_one_that_hangs_is_there_too(self, path):
        with socket.socket(socket.AF_UNIX) as hanging, contextlib.ExitStack() as waiting:
            hanging.bind(str(path))
            hanging.listen(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    its = waiting.enter_context(socket.socket(socket.AF_UNIX))
                    its.setblocking(False)
                    its.connect(str(path))
            with pytest.raises(BridgeError, match="hangs"), RunningDaemon([UnixListener(path)]):
                pass

    def test_the_socket_of_another_daemon_stays(self, path):
        with RunningDaemon([UnixListener(path)]):
            path.unlink()
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(path))
        assert path.exists()

    def test_the_umask_says_nothing_about_the_mode(self, path):
        before = os.umask(0o077)
        try:
            with RunningDaemon([UnixListener(path, mode=0o666)]):
                assert stat.S_IMODE(path.stat().st_mode) == 0o666
        finally:
            os.umask(before)

    def test_many_refused_fill_no_log(self, path, monkeypatch, caplog):
        listener = UnixListener(path)
        with RunningDaemon([listener]):
            monkeypatch.setattr(listener, "_uids", {12345})
            for _ in range(20):
                with connected(path) as its:
                    assert hung_up(its)
        refusals = [record for record in caplog.messages if "refused a client" in record]
        assert len(refusals) == 5
        assert refusals[-1].endswith("(16 so far)")

    def test_a_tcp_client_that_lost_its_power_is_noticed(self):
        listener = TcpListener("127.0.0.1", 0)
        with RunningDaemon([listener]) as running, Client(f"tcp:127.0.0.1:{listener.port}") as client:
            client.users()
            [session] = running.daemon._sessions
            its = session._line.writer.get_extra_info("socket")
            assert its.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert its.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60

    def test_no_file_is_replaced(self, path):
        path.write_text("precious")
        with pytest.raises(BridgeError, match="no socket"), RunningDaemon([UnixListener(path)]):
            pass
        assert path.read_text() == "precious"

    def test_no_folder(self, tmp_path):
        listener = UnixListener(tmp_path / "none" / "socket")
        with pytest.raises(BridgeError, match="cannot listen"), RunningDaemon([listener]):
            pass

    def test_the_log_names_each_client_and_who_had_no_token(self, path):
        token, store = Key.generate(), path.parent / "its.db"
        with RunningDaemon([UnixListener(path)], token=token, open_verifier=opener(store)):
            for _ in range(3):
                wrong = Client(path, token=Key.generate(), name="stranger")
                with wrong as client, pytest.raises(NotAllowed):
                    client.users()
            with Client(path, token=token, name="pen 7") as client:
                client.enroll("alice", ALICE)
            with Client(path, token=token, name="\n" + "x" * 500) as client:
                client.forget("alice")
        uid = f"client uid {os.geteuid()}, "
        entries = [(entry.event.value, str(entry.actor)) for entry in AuditLog(SqliteStore(store)).entries()]
        assert entries == [
            ("token_refused", uid + "stranger"),
            ("token_refused", uid + "stranger"),
            ("enrolled", uid + "pen 7"),
            ("forgotten", uid + "?" + "x" * 63),
        ]

    def test_a_client_with_a_token_of_its_own_and_what_it_may_not(self, path):
        its, store = Key.generate(), path.parent / "its.db"
        grants = [Grant(name="pen", secret=its, may=frozenset({Capability.USERS}))]
        listeners = [UnixListener(path), TcpListener("127.0.0.1", 0)]
        with RunningDaemon(listeners, grants=grants, open_verifier=opener(store)) as running:
            for address in (path, f"tcp:127.0.0.1:{running.listeners[1].port}"):
                with Client(address, token=its, name="pen") as client:
                    assert client.users() == ()
                    for _ in range(2):
                        with pytest.raises(NotAllowed, match="may not forget"):
                            client.forget("alice")
                for other, token in (("pen", Key.generate()), ("python", its), ("python", None)):
                    with Client(address, token=token, name=other) as client, pytest.raises(NotAllowed):
                        client.users()
        entries = [
            (entry.event.value, str(entry.actor), entry.detail.get("capability"))
            for entry in AuditLog(SqliteStore(store)).entries()
        ]
        uid = f"client uid {os.geteuid()}, "
        assert entries == [
            ("not_allowed", uid + "pen", "forget"), ("not_allowed", uid + "pen", "forget"),
            ("token_refused", uid + "pen", None), ("token_refused", uid + "python", None),
            ("not_allowed", "client 127.0.0.1, pen", "forget"),
            ("token_refused", "client 127.0.0.1, python", None),
        ]  # fmt: skip

    def test_an_open_port_needs_a_token(self):
        with (
            pytest.raises(ConfigError, match="a token, or a loopback"),
            RunningDaemon([TcpListener(EVERYWHERE, 0)]),
        ):
            pass
        with RunningDaemon([TcpListener(EVERYWHERE, 0)], token=Key.generate()):
            pass

    def test_a_port_that_is_taken(self):
        first = TcpListener("127.0.0.1", 0)
        with (
            RunningDaemon([first]),
            pytest.raises(BridgeError, match="cannot listen"),
            RunningDaemon([TcpListener("127.0.0.1", first.port)]),
        ):
            pass

    def test_a_verifier_that_cannot_be_opened(self, path):
        def fail():
            raise StoreError("no store")

        with pytest.raises(StoreError), RunningDaemon([UnixListener(path)], open_verifier=fail):
            pass
        assert not path.exists()


class TestStrangers:
    """Each of them does its worst while `good` goes on being answered."""

    @pytest.fixture
    def good(self, address):
        with Client(address, timeout_s=2.0) as client:
            client.enroll("alice", ALICE)
            yield client

    def test_rubbish(self, good, path, daemon):
        noise = random.Random(1)
        strangers = [connected(path) for _ in range(8)]
        for number, its in enumerate(strangers):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(20):
                    its.sendall(noise.randbytes(5000))
            assert good.verify("alice", signature(0, 10 + number)).accepted
        for its in strangers:
            assert hung_up(its)
            its.close()
        eventually(lambda: daemon.daemon.metrics.clients == 1)

    def test_half_a_frame(self, good, path, daemon):
        its = connected(path)
        its.sendall(HELLO[:-4])
        assert good.verify("alice", signature(0, 10)).accepted
        assert hung_up(its)  # no handshake in time
        its.close()
        eventually(lambda: daemon.daemon.metrics.lines["no_handshake"] == 1)

    def test_one_that_does_not_read(self, good, path, daemon):
        its = connected(path)
        its.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        its.sendall(HELLO)
        its.settimeout(0.2)
        asks = b"".join(frame(encode(number, Info())) for number in range(2, 3000))
        with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
            while True:
                its.sendall(asks)
        assert good.verify("alice", signature(0, 10)).accepted
        eventually(lambda: daemon.daemon.metrics.lines["slow"] == 1)
        its.close()
        assert good.verify("alice", signature(0, 11)).accepted

    def test_one_that_sends_without_end_leaves_others_their_turn(self):
        """However much of it is at hand: it is taken in by small pieces, and others come in between."""

        class Deaf:
            def write(self, data):
                pass

            async def drain(self):
                pass

            def close(self):
                pass

            wait_closed = drain

        async def turns_of_others():
            reader = asyncio.StreamReader()
            reader.feed_data(HELLO + frame(encode(0, Begin(capture=1))) * 5000)
            reader.feed_eof()
            line = Line(reader, Deaf())
            session = asyncio.create_task(
                Session(line, DaemonConnection(), None, limits=Limits(), metrics=Metrics()).run()
            )
            turns = 0
            while not session.done():
                await asyncio.sleep(0)
                turns += 1
            return turns

        assert asyncio.run(turns_of_others()) > 5000 * 16 / 1024

    def test_one_that_vanishes_midway(self, good, path, daemon):
        for repetition in range(5):
            its = connected(path)
            its.sendall(HELLO + frame(encode(0, Begin(capture=1))))
            for piece in split(signature(0, 20 + repetition), 1, size=50):
                its.sendall(frame(encode(0, piece)))
            its.sendall(
                frame(encode(2, End(capture=1, pieces=3)))
                + frame(encode(3, Verify(user_id="alice", capture=1)))
            )
            its.close()
        assert good.verify("alice", signature(0, 10)).accepted
        eventually(lambda: daemon.daemon.metrics.clients == 1)
        assert good.health().waiting == 0

    def test_one_that_asks_all_at_once_gets_no_more_than_its_turn(self, good, path):
        its = connected(path)
        its.sendall(HELLO + b"".join(frame(encode(number, Users())) for number in range(2, 40)))
        answers = read_messages(its, 39)
        assert good.users() == ("alice",)
        its.close()
        kinds = [type(message).__name__ for _, message in answers[1:]]
        assert kinds.count("UserList") >= 8
        assert {message.status for _, message in answers if hasattr(message, "status")} <= {75}

    def test_one_that_says_hello_again_and_again(self, good, path):
        its = connected(path)
        ask = frame(encode(2, Users()))
        its.sendall((HELLO + ask) * 300)
        assert good.users() == ("alice",)
        its.shutdown(socket.SHUT_WR)
        assert hung_up(its)
        its.close()
        assert good.health().waiting == 0

    def test_too_many(self, path):
        limits = Limits(clients=2)
        with (
            RunningDaemon([UnixListener(path)], limits=limits),
            Client(path) as first,
            Client(path) as second,
        ):
            first.users()
            second.users()
            with Client(path) as third:
                with pytest.raises(Busy, match="too many clients"):
                    third.users()
                second.close()
                eventually(lambda: first.health().clients == 1)
                assert third.users() == ()

    @pytest.mark.parametrize("sent", [HELLO[:-4], b"\x01"], ids=["half a hello", "a byte"])
    def test_half_a_frame_after_the_handshake(self, path, sent):
        """It holds memory, and its line, for `sending_s`; nothing does for ever."""
        with RunningDaemon([UnixListener(path)], limits=Limits(sending_s=0.3)) as running:
            its = connected(path)
            its.sendall(HELLO)
            assert its.recv(1000)
            its.sendall(sent)
            start = time.monotonic()
            with contextlib.suppress(ConnectionError):
                while time.monotonic() - start < 3:
                    its.sendall(b"\x01")  # goes on, and far too slowly
                    time.sleep(0.01)
            assert time.monotonic() - start < 3
            its.close()
            eventually(lambda: running.daemon.metrics.lines["slow"] == 1)

    def test_one_that_is_idle_after_the_handshake_stays(self, path):
        with RunningDaemon([UnixListener(path)], limits=Limits(sending_s=0.1)), Client(path) as client:
            client.users()
            time.sleep(0.5)
            assert client.users() == ()

    def test_a_picture_that_is_announced_and_never_sent(self, path):
        """Eight of them took all the room that there is for pictures, for as long as they liked."""
        with (
            RunningDaemon(
                [UnixListener(path)], open_verifier=both_kinds, limits=Limits(sending_s=0.5)
            ) as running,
            contextlib.ExitStack() as stack,
        ):
            for _ in range(6):
                its = stack.enter_context(connected(path))
                its.sendall(HELLO)
                its.recv(1000)
                its.sendall(frame(encode(0, BeginImage(capture=1, size=MAX_IMAGE_BYTES))))

            def held():
                return sum(each.image_bytes for each in list(running.daemon._sessions))

            eventually(lambda: held() == 6 * MAX_IMAGE_BYTES)
            assert running.daemon._pictures_held(f"uid {os.geteuid()}") == 8 * MAX_IMAGE_BYTES, "its share"
            assert running.daemon._pictures_held("somebody else") == 6 * MAX_IMAGE_BYTES
            eventually(lambda: held() == 0)
            assert running.daemon.metrics.lines["slow"] == 6

    def test_who_says_no_hello_gives_way(self, path):
        limits = Limits(clients=4, handshake_s=60.0)
        with (
            RunningDaemon([UnixListener(path)], limits=limits),
            Client(path) as client,
            contextlib.ExitStack() as stack,
        ):
            client.users()
            silent = [stack.enter_context(connected(path)) for _ in range(50)]
            with Client(path) as other:
                assert other.users() == ()
            assert client.users() == (), "who said hello stays"
            assert hung_up(silent[0])

    def test_one_peer_leaves_room_for_others(self, path):
        """Lines of one user of the machine are one peer's."""
        limits = Limits(clients=4)
        with (
            RunningDaemon([UnixListener(path), TcpListener("127.0.0.1", 0)], limits=limits) as running,
            contextlib.ExitStack() as stack,
        ):
            for _ in range(3):
                stack.enter_context(Client(path)).users()
            with Client(path) as one_more, pytest.raises(Busy, match="at most 4, of one peer 3"):
                one_more.users()
            other = stack.enter_context(Client(str(running.listeners[1])))
            assert other.users() == ()

    def test_questions_of_who_is_not_trusted_are_bounded(self, path):
        opening = opener(policy=Policy.kiosk())
        with (
            RunningDaemon([UnixListener(path)], open_verifier=opening, untrusted=Terms()),
            Client(path) as client,
        ):
            with pytest.raises(Busy, match="too many questions"):
                all(client.health() for _ in range(2000))
            time.sleep(0.2)
            assert client.health()

    def test_files_that_run_out_fill_no_log(self, path, caplog):
        """asyncio writes a traceback whenever it cannot accept a connection."""
        error = OSError(24, "Too many open files")
        with RunningDaemon([UnixListener(path)]), caplog.at_level(logging.ERROR):
            for _ in range(100):
                logging.getLogger("asyncio").error("socket.accept() failed", exc_info=error)
        assert len(caplog.records) == 7
        assert caplog.text.count("OSError: [Errno 24]") == 1


class TestLife:
    def slow_down(self, daemon, monkeypatch, seconds=0.3):
        store, begun = daemon.verifier.store, threading.Event()
        page = store.page

        def slow(*after, **limit):
            begun.set()
            time.sleep(seconds)
            return page(*after, **limit)

        monkeypatch.setattr(store, "page", slow)
        return begun

    def test_what_was_asked_is_answered_before_the_end(self, daemon, path, monkeypatch):
        begun = self.slow_down(daemon, monkeypatch)
        answers = []
        with Client(path) as client:
            asking = threading.Thread(target=lambda: answers.append(client.users()))
            asking.start()
            assert begun.wait(5)
            daemon.stop()
            asking.join(5)
            assert answers == [()]
            with pytest.raises(Disconnected):
                client.users()

    def test_who_comes_while_it_stops_is_told_so(self, daemon, path, monkeypatch):
        begun = self.slow_down(daemon, monkeypatch)
        with Client(path) as client, Client(path) as late:
            asking = threading.Thread(target=client.users)
            asking.start()
            assert begun.wait(5)
            stopping = threading.Thread(target=daemon.stop)
            stopping.start()
            eventually(daemon.daemon._stop.is_set)
            with pytest.raises(Busy, match="the daemon is stopping"):
                late.users()
            asking.join(5)
            stopping.join(5)

    def test_health_is_answered_while_the_worker_is_busy(self, daemon, path, monkeypatch):
        begun = self.slow_down(daemon, monkeypatch, 1.0)
        with Client(path) as busy, Client(path) as other:
            other.health()
            asking = threading.Thread(target=busy.users)
            asking.start()
            assert begun.wait(5)
            start = time.monotonic()
            assert other.health().ready
            assert time.monotonic() - start < 0.5
            asking.join(5)

    def test_reload(self, path, tmp_path):
        opening = opener(tmp_path / "store.db")
        with RunningDaemon([UnixListener(path)], open_verifier=opening) as running, Client(path) as client:
            client.enroll("alice", ALICE)
            before = running.verifier
            enrollment = client.enrollment("bob", references=1)
            assert running.reload()
            assert running.verifier is not before
            assert client.users() == ("alice",)
            with pytest.raises(EnrollmentError, match="no enrollment is under way"):
                enrollment.commit()

    @pytest.mark.parametrize("error", [StoreError("no such file"), ValueError("x = 12.75"), MemoryError()])
    def test_a_reload_that_fails_changes_nothing(self, daemon, path, monkeypatch, caplog, error):
        def fail():
            raise error

        monkeypatch.setattr(daemon, "open_verifier", fail)
        with Client(path) as client:
            client.enroll("alice", ALICE)
            assert not daemon.reload()
            assert client.users() == ("alice",)
        assert "cannot reload" in caplog.text
        assert "12.75" not in caplog.text

    def test_a_crash_in_one_request_is_an_answer_and_tells_nothing(self, daemon, path, monkeypatch, caplog):
        def crash(*_, **__):
            raise RuntimeError("x = 12.75, y = 3.5")

        monkeypatch.setattr(daemon.verifier.store, "page", crash)
        with Client(path) as client:
            with pytest.raises(BridgeError, match="failed at this request"):
                client.users()
            assert client.health().ready
        assert "RuntimeError" in caplog.text
        assert "12.75" not in caplog.text

    def test_what_is_wrong_with_the_device_is_the_operators_to_know(self, daemon, path, monkeypatch, caplog):
        def fail(*_, **__):
            raise StoreError("cannot read /var/lib/sigverify/kiosk.db")

        monkeypatch.setattr(daemon.verifier.store, "page", fail)
        with Client(path) as client:
            for _ in range(20):
                with pytest.raises(StoreError) as raised:
                    client.users()
                assert str(raised.value) == "The template store cannot be read or written."
        said = [record for record in caplog.messages if "kiosk.db" in record]
        assert said[0] == "a request failed: cannot read /var/lib/sigverify/kiosk.db (1 so far)"
        assert len(said) == 5  # of twenty: the 1st, 2nd, 4th, 8th, 16th

    def test_a_line_that_dies_is_broken(self, path, monkeypatch):
        async def dead(*_):
            raise TimeoutError(110, "DaemonConnection timed out")

        with RunningDaemon([UnixListener(path)]) as running, Client(path) as client:
            client.health()
            monkeypatch.setattr("asyncio.StreamReader.read", dead)
            with contextlib.suppress(Disconnected):
                client.health()  # a reading that waited already may take this in; the next is of a dead line
            eventually(lambda: running.daemon.metrics.lines["broken"] == 1)
            monkeypatch.undo()

    def test_a_crash_at_one_line_is_no_crash_of_others(self, address, monkeypatch, caplog):
        def crash(*_):
            raise RuntimeError("x = 12.75, y = 3.5")

        with Client(address) as before, Client(address) as client:
            before.health()
            monkeypatch.setattr("firmware_bridge.protocol.daemon_connection.DaemonConnection.receive", crash)
            with pytest.raises(Disconnected):
                client.users()
            monkeypatch.undo()
            assert before.health().ready
            assert client.users() == ()
        assert "line failed: RuntimeError" in caplog.text
        assert "12.75" not in caplog.text

    def test_nothing_that_the_pen_wrote_is_logged(self, address, caplog):
        caplog.set_level("DEBUG")
        with Client(address) as client:
            client.enroll("alice", ALICE)
            client.verify("alice", signature(0, 9))
        eventually(lambda: "left" in caplog.text)
        assert f"{ALICE[0].x[3]:.4f}"[:7] not in caplog.text
        assert "alice" not in caplog.text


class TestServiceManager:
    def heard(self, its):
        its.setblocking(False)
        said = []
        with contextlib.suppress(BlockingIOError):
            while True:
                said.append(its.recv(200).decode())
        return said

    def test_ready_alive_reloading_stopping(self, path, tmp_path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(tmp_path / "notify"))
            environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
            with RunningDaemon([UnixListener(path)], environment=environment) as running:
                said, deadline = [], time.monotonic() + 10
                while said.count("WATCHDOG=1") < 3 and time.monotonic() < deadline:
                    time.sleep(0.02)
                    said += self.heard(manager)
                running.reload()
            said += self.heard(manager)
        states = [each.split("\n")[0] for each in said]
        assert states[0] in ("READY=1", "WATCHDOG=1")
        assert states.count("WATCHDOG=1") >= 3
        assert states.index("RELOADING=1") < len(states) - 1 - states[::-1].index("READY=1")
        assert "STOPPING=1" in states[-2:]  # the last sign of life may have been on its way
        reloading = next(each for each in said if each.startswith("RELOADING"))
        assert reloading.split("MONOTONIC_USEC=")[1].isdecimal()

    def test_a_worker_that_hangs_is_not_alive(self, path, tmp_path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(tmp_path / "notify"))
            environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
            with RunningDaemon([UnixListener(path)], environment=environment) as running:
                hanging, end = threading.Event(), threading.Event()
                running.daemon._workers._pool._lanes[0].worker.thread.submit(
                    lambda: (hanging.set(), end.wait(10))
                )
                assert hanging.wait(10)
                time.sleep(0.15)  # a sign of life may be on its way
                self.heard(manager)
                time.sleep(0.3)
                said = self.heard(manager)
                end.set()
                assert said == []

    def test_a_manager_that_does_not_listen_is_not_waited_for(self, tmp_path):
        address = str(tmp_path / "notify")
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full,
        ):
            manager.bind(address)
            full.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    full.sendto(b"x", address)
            start = time.monotonic()
            Notifier({"NOTIFY_SOCKET": address}).ready()
            assert time.monotonic() - start < 3

    def test_an_abstract_address(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("\0sigverify-test-" + str(os.getpid()))
            Notifier({"NOTIFY_SOCKET": f"@sigverify-test-{os.getpid()}"}).alive()
            assert self.heard(manager) == ["WATCHDOG=1"]

    def test_without_one(self):
        for environment in ({}, {"NOTIFY_SOCKET": "/nowhere/socket"}, {"NOTIFY_SOCKET": "relative"}):
            Notifier(environment).ready()
        assert Notifier({"WATCHDOG_USEC": "x"}).watchdog_s is None
        assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s is None
        ours = {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}
        assert Notifier(ours).watchdog_s == 1.0


class TestMetrics:
    @pytest.fixture
    def page(self):
        return MetricsPage("127.0.0.1", 0)

    def read(self, page, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{page.port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def test_what_is_counted(self, path, page):
        with RunningDaemon([UnixListener(path)], page=page), Client(path) as client:
            client.enroll("alice", ALICE)
            client.verify("alice", signature(0, 9))
            client.verify("alice", signature(7, 9))
            with pytest.raises(StoreError):
                client.forget("nobody")
            lines = self.read(page, "/metrics").splitlines()
            assert 'sigverify_requests_total{operation="verify",status="0"} 2.0' in lines
            assert 'sigverify_requests_total{operation="forget",status="41"} 1.0' in lines
            assert 'sigverify_decisions_total{outcome="accept"} 1.0' in lines
            assert 'sigverify_decisions_total{outcome="reject"} 1.0' in lines
            assert "sigverify_clients 1.0" in lines
            assert 'sigverify_request_seconds_bucket{le="+Inf",operation="verify"} 2.0' in lines
            assert 'sigverify_request_seconds_count{operation="verify"} 2.0' in lines
            assert "alice" not in "".join(lines)
            assert self.read(page, "/health") == "ok\n"

    def ask(self, page, head):
        with socket.create_connection(("127.0.0.1", page.port), 5) as its:
            its.sendall(head + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = b""
            while data := its.recv(65_536):
                received += data
        return received.partition(b"\r\n\r\n")

    def test_heads_and_queries(self, path, page):
        with RunningDaemon([UnixListener(path)], page=page):
            whole = self.ask(page, b"GET /health")
            assert whole[2] == b"ok\n"
            assert self.ask(page, b"GET /health?at=once") == whole
            assert self.ask(page, b"HEAD /health") == (*whole[:2], b"")
            head, _, body = self.ask(page, b"HEAD /metrics?name[]=up")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert not body
            assert self.ask(page, b"HEAD /nothing")[0].startswith(b"HTTP/1.1 404 ")
            head, _, body = self.ask(page, b"POST /health")
            assert head.startswith(b"HTTP/1.1 405 ")
            assert b"\r\nAllow: GET, HEAD" in head
            assert body

    def test_whatever_else_is_asked(self, path, page):
        with RunningDaemon([UnixListener(path)], page=page):
            with pytest.raises(urllib.error.HTTPError, match="404") as raised:
                self.read(page, "/etc/passwd")
            raised.value.close()
            for rubbish in (b"\r\n\r\n", b"\xff" * 10_000, b"GET"):
                with socket.create_connection(("127.0.0.1", page.port), 5) as its:
                    its.sendall(rubbish)
                    its.shutdown(socket.SHUT_WR)
                    hung_up(its)
            assert self.read(page, "/health") == "ok\n"

    def test_many_at_once_take_no_files_from_clients(self, path, page):
        with RunningDaemon([UnixListener(path)], page=page), contextlib.ExitStack() as idle:
            visitors = [
                idle.enter_context(socket.create_connection(("127.0.0.1", page.port), 2)) for _ in range(40)
            ]
            assert self.read(page, "/health") == "ok\n", "who is silent gives way"
            assert all(hung_up(its) for its in visitors[:-6])
            for its in visitors:
                its.close()
            eventually(lambda: page._admission.visits == 0)
            assert self.read(page, "/health") == "ok\n"

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("127.0.0.1", 200),
            ("localhost:1", 200),
            ("[::1]", 200),
            ("evil.example", 421),
            ("[", 421),
        ],
    )
    def test_another_ones_name_is_not_answered(self, path, page, host, status):
        """A web page elsewhere that points its own name at this machine reads nothing here."""
        with RunningDaemon([UnixListener(path)], page=page):
            for path_ in (b"/metrics", b"/health"):
                with socket.create_connection(("127.0.0.1", page.port), 5) as its:
                    its.sendall(b"GET %s HTTP/1.1\r\nX: y\r\nHOST: %s\r\n\r\n" % (path_, host.encode()))
                    assert its.recv(100).startswith(b"HTTP/1.1 %d " % status)

    def test_without_a_host(self, path, page):
        with (
            RunningDaemon([UnixListener(path)], page=page),
            socket.create_connection(("127.0.0.1", page.port), 5) as its,
        ):
            its.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert its.recv(100).startswith(b"HTTP/1.1 421 ")

    def test_a_worker_that_is_stuck(self, path, page):
        with RunningDaemon([UnixListener(path)], page=page) as running, Client(path) as client:
            assert client.health().ready
            running.daemon.metrics.busy_since[0] = time.monotonic() - 11
            assert not client.health().ready
            assert "sigverify_ready 0.0" in self.read(page, "/metrics")
            with pytest.raises(urllib.error.HTTPError, match="503") as raised:
                self.read(page, "/health")
            raised.value.close()

    def test_a_port_that_is_taken(self, path, page):
        with RunningDaemon([UnixListener(path)], page=page):
            second = MetricsPage("127.0.0.1", page.port)
            with pytest.raises(BridgeError, match="cannot show metrics"), RunningDaemon([], page=second):
                pass
