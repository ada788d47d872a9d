import asyncio
import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import signature
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from running_daemon import RunningDaemon

from firmware_bridge.client import AsyncClient, Client
from firmware_bridge.transport.listeners import TcpListener
from firmware_bridge.transport.tls import client_context, server_context
from sigverify.errors import ConfigError, Disconnected, MissingExtra
from sigverify.protection.keys import Key

TOKEN = Key.generate()
needs_psk = pytest.mark.skipif(
    not getattr(ssl, "HAS_PSK", False), reason="no TLS by a shared key: Python 3.13 has it"
)


class Tap:
    """Passes on what goes between a client and a port, and keeps it."""

    def __init__(self, port):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port, self.port = port, self._listener.getsockname()[1]
        self.heard = bytearray()
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(10)

    def _accept(self):
        with (
            self._listener,
            self._listener.accept()[0] as one,
            socket.create_connection(("127.0.0.1", self._port)) as other,
        ):
            back = threading.Thread(target=self._pass_on, args=(other, one))
            back.start()
            self._pass_on(one, other)
            back.join(10)

    def _pass_on(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                self.heard += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def listener():
    its = TcpListener("127.0.0.1", 0, tls=TOKEN)
    with RunningDaemon([its], token=TOKEN):
        yield its


@needs_psk
def test_all_that_is_asked_is_answered(listener):
    assert str(listener) == f"tls:127.0.0.1:{listener.port}"
    with Client(str(listener), token=TOKEN) as client:
        client.enroll("alice", [signature(0, number) for number in range(5)])
        assert client.verify("alice", signature(0, 9)).accepted


@needs_psk
def test_for_asyncio_too(listener):
    async def ask(token):
        async with AsyncClient(str(listener), token=token, timeout_s=1) as client:
            return await client.users()

    assert asyncio.run(ask(TOKEN)) == ()
    with pytest.raises(Disconnected):
        asyncio.run(ask(Key.generate()))


@needs_psk
@pytest.mark.parametrize(("encrypted", "expected"), [(True, False), (False, True)])
def test_a_listener_hears_nothing(encrypted, expected):
    listener = TcpListener("127.0.0.1", 0, tls=TOKEN if encrypted else None)
    with RunningDaemon([listener], token=TOKEN):
        scheme = "tls" if encrypted else "tcp"
        with Tap(listener.port) as tap, Client(f"{scheme}:127.0.0.1:{tap.port}", token=TOKEN) as client:
            client.enroll("marguerite", [signature(0, number) for number in range(5)])
    assert (b"marguerite" in tap.heard) is expected


@needs_psk
@pytest.mark.parametrize(
    ("scheme", "token"), [("tls", Key.generate()), ("tcp", TOKEN)], ids=["another token", "in the clear"]
)
def test_who_has_no_key_is_refused(listener, scheme, token):
    with (
        Client(f"{scheme}:127.0.0.1:{listener.port}", token=token, timeout_s=1) as client,
        pytest.raises(Disconnected),
    ):
        client.users()
    with Client(str(listener), token=TOKEN) as client:
        assert client.users() == ()


@needs_psk
def test_strangers_who_say_nothing_hold_few_files(listener):
    with Client(str(listener), token=TOKEN) as client, contextlib.ExitStack() as silent:
        assert client.users() == ()
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(200):
            silent.enter_context(socket.create_connection(("127.0.0.1", listener.port)))
        assert client.users() == ()
        held = len(list(Path("/proc/self/fd").iterdir())) - before - 200  # our own ends are in this process
        assert held <= 40
    with Client(str(listener), token=TOKEN) as client:
        assert client.users() == ()


@needs_psk
def test_a_daemon_with_a_certificate_and_no_key_is_refused(tmp_path):
    """Else whoever sits in between would need no key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    heard = []

    def answer():
        with listener.accept()[0] as one:
            try:
                with context.wrap_socket(one, server_side=True) as its:
                    heard.append(its.recv(100))
            except OSError as error:
                heard.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        address = f"tls:127.0.0.1:{listener.getsockname()[1]}"
        with (
            Client(address, token=TOKEN, timeout_s=2) as client,
            pytest.raises(Disconnected, match="certificate"),
        ):
            client.users()
        thread.join()
    assert isinstance(heard[0], OSError)


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    its = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "its.pem"
    path.write_bytes(
        its.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, *form)
    )
    return path


@pytest.mark.parametrize("make", [server_context, client_context])
def test_a_python_that_cannot_says_so(monkeypatch, make):
    monkeypatch.setattr(ssl, "HAS_PSK", False, raising=False)
    with pytest.raises(MissingExtra, match=r"expected Python 3\.13 .* tunnel"):
        make(TOKEN)


def test_tls_without_a_token():
    with Client("tls:127.0.0.1:1") as client, pytest.raises(ConfigError, match="expected a token"):
        client.users()
