"""`Line` and `Wire`: bytes both ways, for asyncio and for blocking calls; `Address` opens either.

A line is a socket or a serial line, or what another `Transport` opens.
"""

import asyncio
import contextlib
import os
import select
import socket
import ssl
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from firmware_bridge.transport.address import host_and_port
from firmware_bridge.transport.tls import client_context
from sigverify.errors import BridgeError, ConfigError, Disconnected, MissingExtra
from sigverify.protection.keys import Key

if TYPE_CHECKING:
    import serial

DEFAULT_BAUD: Final = 115_200
_CHUNK: Final = 65_536
_TCP: Final = ("tcp", "tls")
_CLOSE_S: Final = 1.0
"""For TLS to end the line properly."""


@dataclass(frozen=True, eq=False)
class Line:
    """An open line: a stream each way.

    Attributes:
        reader, writer: the streams.
        persistent: a serial line, which nobody can hang up: rubbish and silence are waited out.
        read_transport: the transport under `reader`, where closing `writer` does not close it.
        peer: who is at its other end: lines of one peer share what it may take.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    persistent: bool = False
    read_transport: asyncio.BaseTransport | None = None
    peer: str = ""

    def close(self) -> None:
        """Close both ways, after what is written already."""
        self.writer.close()
        if self.read_transport is not None:
            self.read_transport.close()

    def abort(self) -> None:
        """Close both ways at once; what is not written yet is lost."""
        self.writer.transport.abort()
        if self.read_transport is not None:
            self.read_transport.close()

    async def wait_closed(self) -> None:
        """Wait for the end of what `close` began, for a second at most: TLS ends a line by messages."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self.writer.wait_closed()


class Wire(Protocol):
    """A blocking line."""

    def write(self, data: bytes) -> None:
        """Write all of it; OSError when it broke."""

    def read(self, timeout_s: float) -> bytes:
        """Return what came, b"" at the end; TimeoutError: nothing came in time, other OSErrors: it broke."""

    def close(self) -> None:
        """Close it."""


class SocketWire:
    """A blocking socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._timeout_s = connected.gettimeout()

    def write(self, data: bytes) -> None:
        """See `Wire.write`."""
        self._socket.settimeout(self._timeout_s)
        self._socket.sendall(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Wire.read`."""
        self._socket.settimeout(timeout_s)
        return self._socket.recv(_CHUNK)

    def close(self) -> None:
        """See `Wire.close`."""
        self._socket.close()


class SerialWire:
    """A blocking serial line."""

    def __init__(self, port: "serial.Serial") -> None:
        self._port = port

    def write(self, data: bytes) -> None:
        """See `Wire.write`."""
        self._port.write(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Wire.read`."""
        if not select.select([self._port.fileno()], [], [], timeout_s)[0]:
            raise TimeoutError
        data: bytes = self._port.read(max(1, self._port.in_waiting))
        return data

    def close(self) -> None:
        """See `Wire.close`."""
        self._port.close()


class Transport(Protocol):
    """Opens lines to a daemon: an `Address`, or `firmware_bridge.testing.MemoryDaemon`."""

    def open_wire(self, timeout_s: float) -> Wire:
        """Open a line for blocking calls.

        Raises:
            Disconnected: nobody listens there.
        """

    async def open_line(self, timeout_s: float) -> Line:
        """Open a line for asyncio; see `open_wire`."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a daemon listens.

    Attributes:
        text: the path of a unix socket, "tcp:HOST:PORT", "tls:HOST:PORT" or "serial:DEVICE".
        token: the key of TLS.
        baud: speed of a serial line.
    """

    text: str
    token: Key | None = None
    baud: int = DEFAULT_BAUD

    def open_wire(self, timeout_s: float) -> Wire:
        """Connect, for blocking calls.

        Raises:
            Disconnected: nobody listens there, or, with TLS, nobody who has that token.
            BridgeError: there is no such serial line.
            ConfigError: this is no address, or there is no token for TLS.
            MissingExtra: this Python has no TLS by a shared key.
        """
        kind, _, rest = self.text.partition(":")
        if kind == "serial":
            return SerialWire(serial_port(rest, self.baud))
        try:
            if kind in _TCP:
                connected = _connected_tcp(*host_and_port(rest), self._context(kind), timeout_s)
            else:
                connected = _connected_unix(self._path, timeout_s)
        except OSError as error:
            raise self._unreachable(error) from error
        return SocketWire(connected)

    async def open_line(self, timeout_s: float) -> Line:
        """Connect, for asyncio; see `open_wire`."""
        kind, _, rest = self.text.partition(":")
        if kind == "serial":
            return await open_serial(rest, self.baud)
        try:
            async with asyncio.timeout(timeout_s):
                if kind in _TCP:
                    context = self._context(kind)
                    return Line(*await asyncio.open_connection(*host_and_port(rest), ssl=context))
                return Line(*await asyncio.open_unix_connection(self._path))
        except OSError as error:
            raise self._unreachable(error) from error

    @property
    def _path(self) -> str:
        return self.text.removeprefix("unix:")

    def _context(self, kind: str) -> ssl.SSLContext | None:
        if kind == "tcp":
            return None
        if self.token is None:
            raise ConfigError("TLS is by the daemon's token", expected="a token", received="none")
        return client_context(self.token)

    def _unreachable(self, error: OSError) -> Disconnected:
        return Disconnected(
            f"no daemon at {self.text}",
            received=error.strerror or str(error),
            hint="Start it with `sigverify serve --tls`, and give both the same token"
            if self.text.startswith("tls:")
            else "Start it with `sigverify serve`",
        )


async def open_serial(device: str, baud: int = DEFAULT_BAUD) -> Line:
    """Open a serial line for this process alone, 8 bits, no parity, one stop bit, no flow control.

    Raises:
        BridgeError: there is no such device, it is in use, or it knows no such speed.
    """
    port = serial_port(device, baud)
    loop = asyncio.get_running_loop()
    try:
        # A pipe transport closes the file it is given: each direction has one of its own.
        incoming, outgoing = (os.fdopen(os.dup(port.fileno()), mode, 0) for mode in ("rb", "wb"))
    finally:
        port.close()
    reader = asyncio.StreamReader()
    read_transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), incoming)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), outgoing
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    return Line(reader, writer, persistent=True, read_transport=read_transport)


def serial_port(device: str, baud: int) -> "serial.Serial":
    """Open a serial port with pyserial, whose reads do not wait; see `open_serial`."""
    try:
        import serial
    except ImportError as error:
        raise MissingExtra(
            "a serial line needs pyserial", hint="Install it with: pip install 'sigverify[bridge]'"
        ) from error
    try:
        return serial.Serial(device, baud, timeout=0, exclusive=True)
    except (OSError, ValueError, termios.error) as error:  # an adapter may be pulled out while it is opened
        raise BridgeError(f"cannot open the serial line {device}", received=str(error)) from error


def _connected_tcp(host: str, port: int, context: ssl.SSLContext | None, timeout_s: float) -> socket.socket:
    connected = socket.create_connection((host, port), timeout_s)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return connected
    try:
        return context.wrap_socket(connected, server_hostname=host)
    except OSError:
        connected.close()
        raise


def _connected_unix(path: str, timeout_s: float) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connected.settimeout(timeout_s)
    try:
        connected.connect(path)
    except OSError:
        connected.close()
        raise
    return connected
