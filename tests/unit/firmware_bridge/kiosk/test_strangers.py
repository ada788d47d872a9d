"""Real sockets, and what strangers try with them: the page stays there for others."""

import contextlib
import http.client
import json
import logging
import socket
import threading
import time
import tracemalloc
import urllib.error
import urllib.request

import pytest

pytest.importorskip("uvicorn")

from builders import arithmetic_matcher

from firmware_bridge.admission import Bounds
from firmware_bridge.kiosk import server as module
from firmware_bridge.kiosk.page_files import PATHS
from firmware_bridge.kiosk.reading import read_body
from firmware_bridge.kiosk.schemas import shape
from firmware_bridge.kiosk.settings import Settings
from firmware_bridge.log_thinning import thinned
from sigverify.errors import FormatError
from sigverify.policy import Policy
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

QUICK = Bounds(head_s=0.5, sending_s=0.5, least_rate=100_000, held_bytes=8 * 2**20)
POST = b"POST /api/verify HTTP/1.1\r\nHost: 127.0.0.1\r\nSigverify-Request: 1\r\n"


class Page:
    """A page at a port of this machine."""

    def __init__(self, verifier):
        self.listening = module.bind("127.0.0.1", 0)
        self.port = self.listening.getsockname()[1]
        self.server = module.make_server(verifier, Settings(code="123456"))
        self._thread = threading.Thread(target=module.run, args=(self.server, self.listening), daemon=True)

    def __enter__(self):
        self._thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.server.should_exit = True
        self._thread.join(15)
        assert not self._thread.is_alive()

    def connect(self):
        its = socket.create_connection(("127.0.0.1", self.port), 10)
        its.settimeout(10)
        return its

    def answers(self, timeout_s=5.0):
        """Return whether the page answers somebody else."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=timeout_s) as answer:
            return json.load(answer) == {"healthy": True}


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(module, "BOUNDS", QUICK)
    # `run` is for the main thread, whose signals it handles.
    monkeypatch.setattr(module.signal, "signal", lambda *_: None)
    monkeypatch.setattr("uvicorn.Server.capture_signals", lambda _self: contextlib.nullcontext())
    with (
        Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy.kiosk()) as verifier,
        Page(verifier) as its,
    ):
        yield its


def ended(its, within_s=5.0):
    """Return what came until the page closed the connection."""
    its.settimeout(within_s)
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := its.recv(65_536):
            received += data
    return received


def test_silent_connections_keep_nobody_out(page, monkeypatch):
    monkeypatch.setattr(page.server.config.http_protocol_class.door, "bounds", Bounds(head_s=60.0))
    silent = [page.connect() for _ in range(120)]
    assert all(page.answers() for _ in range(5))
    for its in silent:
        its.close()


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_who_does_not_say_what_they_want_is_left(page, sent):
    with page.connect() as its:
        its.sendall(sent)
        start = time.monotonic()
        assert ended(its) == b""
        assert time.monotonic() - start < 3


def test_a_head_in_tiny_pieces(page):
    with page.connect() as its, contextlib.suppress(ConnectionError):
        start = time.monotonic()
        for byte in b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 1000:
            its.sendall(bytes([byte]))
            time.sleep(0.05)
            assert time.monotonic() - start < 3


def test_a_second_head_in_tiny_pieces_after_a_good_request(page):
    with page.connect() as its, contextlib.suppress(ConnectionError):
        its.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert its.recv(65_536).startswith(b"HTTP/1.1 200")
        start = time.monotonic()
        while True:
            its.sendall(b"G")
            time.sleep(0.05)
            assert time.monotonic() - start < 3


def test_a_body_that_comes_too_slowly(page):
    with page.connect() as its, contextlib.suppress(BrokenPipeError):
        its.sendall(POST + b"Content-Length: 1000\r\n\r\n")
        its.sendall(b"{")
        received = ended(its)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["reason"] == "too_slow"


def test_a_body_dribbled_behind_a_refusal(page):
    """The answer comes before the body: what goes on coming holds nothing."""
    with page.connect() as its, contextlib.suppress(ConnectionError):
        its.sendall(b"POST /api/verify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n")
        start = time.monotonic()
        while True:
            its.sendall(b" ")
            time.sleep(0.05)
            assert time.monotonic() - start < 3


@pytest.mark.parametrize("header", [b"Sigverify-Request: 1\r\n", b""])
def test_who_sends_all_before_they_read_sees_the_refusal(page, header):
    """A connection that is closed over unread bytes is reset, and the answer lost."""
    body = b"x" * 5_000_000
    for _ in range(5):
        with page.connect() as its:
            its.sendall(b"POST /api/verify HTTP/1.1\r\nHost: 127.0.0.1\r\n" + header)
            its.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            head, _, said = ended(its).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413")
        assert json.loads(said)["reason"] == "not_served"


def test_bytes_of_all_at_once_are_bounded(page, monkeypatch):
    bounds = Bounds(held_bytes=8 * 2**20, sending_s=30.0, head_s=30.0)
    monkeypatch.setattr(page.server.config.http_protocol_class.door, "bounds", bounds)
    size = 4_000_000
    door = page.server.config.http_protocol_class.door
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(page.connect()) for _ in range(4)]
        for its in senders:
            its.sendall(POST + b"Content-Length: %d\r\n\r\n" % size)
            time.sleep(0.2)
            assert sum(visit.held for visit in door._visits.values()) == size
        assert all(ended(its) == b"" for its in senders[:3]), "what is only announced gives way"
        with page.connect() as its:  # somebody who sends what they announce
            its.sendall(POST + b"Content-Length: 3000000\r\n\r\n" + b" " * 2_999_998 + b"{}")
            assert ended(its, 10).startswith(b"HTTP/1.1 422"), "read, and no name in it"
        assert ended(senders[3]) == b""
        assert page.answers()


def test_bodies_that_are_worked_on_do_not_give_way(page, monkeypatch):
    bounds = Bounds(held_bytes=100, sending_s=30.0, head_s=30.0)
    monkeypatch.setattr(page.server.config.http_protocol_class.door, "bounds", bounds)
    with page.connect() as its:
        its.sendall(POST + b"Content-Length: 80\r\n\r\n" + b" " * 80)
        assert json.loads(ended(its).partition(b"\r\n\r\n")[2])["reason"] == "too_much"


def test_questions_are_bounded(page, monkeypatch):
    bounds = Bounds(questions_a_second=1.0, questions_at_once=5)
    monkeypatch.setattr(page.server.config.http_protocol_class.door, "bounds", bounds)
    assert all(page.answers() for _ in range(5))
    with pytest.raises(urllib.error.HTTPError, match="429") as refused:
        page.answers()
    content = json.load(refused.value)
    assert content["reason"] == "too_many_questions"
    assert 0 < content["retry_after_s"] <= 1.1
    time.sleep(1.2)
    assert page.answers()


def test_a_page_with_all_its_files_is_one_question(page, monkeypatch):
    bounds = Bounds(questions_a_second=1e-3, questions_at_once=5)
    monkeypatch.setattr(page.server.config.http_protocol_class.door, "bounds", bounds)
    its = http.client.HTTPConnection("127.0.0.1", page.port, timeout=5)
    with contextlib.closing(its):
        for path in [*PATHS] * 5:
            its.request("GET", path)
            answer = its.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True), path
        its.request("GET", "/")
        assert its.getresponse().status == 429


def test_more_than_there_is_room_for_are_told_so(page, monkeypatch):
    monkeypatch.setattr(page.server.config.http_protocol_class.door, "bounds", Bounds(connections=4))
    door = page.server.config.http_protocol_class.door
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(page.connect())
        time.sleep(0.2)
        for visit in list(door._visits.values()):
            visit.waiting = False
        one_more = stack.enter_context(page.connect())
        assert ended(one_more).startswith(b"HTTP/1.1 503 ")
    deadline = time.monotonic() + 5
    while door.visits and time.monotonic() < deadline:
        time.sleep(0.01)
    assert door.visits == 0, "who has gone has left"


@pytest.mark.parametrize(
    "last",
    [b"\r\n\r\n", b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"],
    ids=["no WebSocket", "a WebSocket"],
)
def test_who_came_for_a_websocket_leaves_too(page, last):
    door = page.server.config.http_protocol_class.door
    upgrade = b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    for _ in range(3):
        with page.connect() as its:
            its.sendall(upgrade + last)
            assert its.recv(65_536).startswith(b"HTTP/1.1 ")
    deadline = time.monotonic() + 5
    while door.visits and time.monotonic() < deadline:
        time.sleep(0.01)
    assert door.visits == 0


def test_live_connections_give_way_to_others(page):
    """Sixteen of them, whose owners went away, kept the page without its live word for ten minutes."""
    client = pytest.importorskip("websockets.sync.client")
    with contextlib.ExitStack() as stack:

        def greeted():
            its = stack.enter_context(client.connect(f"ws://127.0.0.1:{page.port}/api/live", proxy=None))
            its.send('{"type": "hello"}')
            return its, json.loads(its.recv(5))["type"]

        opened = [greeted() for _ in range(14)]
        assert [ready for _, ready in opened] == ["ready"] * 14
        with pytest.raises(Exception, match="too many connections"):
            opened[0][0].recv(5)
        its, _ = opened[-1]
        its.send('{"type": "clear"}')
        assert json.loads(its.recv(5)) == {"type": "cleared"}
        assert page.answers()


def test_what_four_hundred_sockets_write_into_the_log(page, caplog):
    """Each left a traceback of 7 kB: the client went away amidst its body."""
    with caplog.at_level(logging.WARNING), thinned("uvicorn.error"):
        for number in range(400):
            with page.connect() as its:
                if number % 2:
                    its.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
                else:
                    its.sendall(b"rubbish\r\n\r\n")
                    its.recv(1000)
        time.sleep(0.3)
        assert page.answers()
    assert "Traceback" not in caplog.text
    assert 0 < len(caplog.records) < 40
    assert len(caplog.text) < 10_000


ANY = shape(a={})
MB = 2**20


def repeated(unit, size=4 * MB):
    return (b'{"a":[' + unit * ((size - 10) // len(unit)))[:-1] + b"]}"


@pytest.mark.parametrize(
    "body",
    [
        *map(repeated, (b"{},", b"[],", b"[0],", b'{"":0},', b"0,", b'"a",', b'{"a":{"b":[]}},')),
        b"[" * (4 * MB),
        b'{"a":"' + "\U0001f600".encode() * (MB - 10) + b'"}',
        b'{"a":{' + b",".join(b'"%x":%d' % (number, number) for number in range(300_000)) + b"}}",
        b'{"a":[' + b",".join([b'{"x":1.5,"y":2.5,"time":3.5,"pressure":0.5}'] * 60_000) + b"]}",
    ],
    ids=lambda body: repr(body[:16]),
)
def test_a_body_of_4_mb_takes_little_memory(body):
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            read_body(body, ANY)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 24 * MB, f"{most / MB:.0f} MB, where it was up to 225 MB"


def test_the_longest_signature_that_is_taken_fits(strokes):
    from builders import signature

    body = json.dumps({"a": strokes(signature(0, samples=20_000))}).encode()
    assert read_body(body, ANY)["a"]
