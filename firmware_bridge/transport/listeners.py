"""Listeners: where clients connect: a unix socket, a TCP port, a serial line."""

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
import ssl
import stat
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from firmware_bridge.admission import NOBODY, Admission, Bounds
from firmware_bridge.log_thinning import is_notable
from firmware_bridge.transport.address import peer_of
from firmware_bridge.transport.line import DEFAULT_BAUD, Line, open_serial
from firmware_bridge.transport.tls import server_context
from sigverify.errors import BridgeError
from sigverify.protection.keys import Key

_log = logging.getLogger(__name__)

_REOPEN_S: Final = 1.0
"""Between tries to open a serial line that went away."""
_LOCK_S: Final = 5.0
"""For a daemon that begins to listen in the same folder."""
_CREDENTIALS: Final = struct.Struct("3i")
_KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A client that lost its power is noticed after two minutes; the system's own default is two hours."""

_TLS: Final = Bounds(connections=32, head_s=10.0)
"""Handshakes at once, each with an open file, and the time of each: for a client to prove it has the key."""

Serve = Callable[[Line], Awaitable[None]]
"""What a listener does with a line: it returns when the client is gone."""


class Listener(Protocol):
    """Where clients connect. `str` names it for the log."""

    async def open(self, serve: Serve) -> None:
        """Begin to hand lines to `serve`.

        Raises:
            BridgeError: the address is taken, or cannot be used.
        """

    async def close(self) -> None:
        """Accept no more clients."""


class UnixListener:
    """A unix socket. The file's mode says who may connect; the kernel says which user it is."""

    def __init__(self, path: str | Path, *, mode: int = 0o660, uids: frozenset[int] = frozenset()) -> None:
        """Accept this process's own user, root, and `uids`."""
        self._path = Path(path)
        self._mode = mode
        self._uids = uids | {os.geteuid(), 0}
        self._server: asyncio.Server | None = None
        self._file: tuple[int, int] | None = None
        self._refused = Counter[int]()

    def __str__(self) -> str:
        return f"unix:{self._path}"

    async def open(self, serve: Serve) -> None:
        """See `Listener.open`."""
        async with _locked(self._path.parent):
            _remove_stale(self._path)
            bound = self._listen()

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            uid = _uid(writer)
            if self._is_allowed(uid):
                await serve(Line(reader, writer, peer=f"uid {uid}"))
            else:
                writer.transport.abort()

        self._server = await asyncio.start_unix_server(enter, sock=bound)

    async def close(self) -> None:
        """See `Listener.close`."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                if _identity(self._path) == self._file:  # else it is another daemon's by now
                    self._path.unlink()

    def _listen(self) -> socket.socket:
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bound.bind(str(self._path))
            self._path.chmod(self._mode)
            bound.listen()  # nobody can connect before this, whatever the umask made of the mode
            self._file = _identity(self._path)
        except OSError as error:
            bound.close()
            raise _listen_error(self._path, error) from error
        return bound

    def _is_allowed(self, uid: int) -> bool:
        if uid in self._uids:
            return True
        self._refused[uid] += 1
        if is_notable(self._refused[uid]):
            _log.warning("refused a client of uid %d at %s (%d so far)", uid, self, self._refused[uid])
        return False


class TcpListener:
    """A TCP port. With a token, TLS by it; without, nothing is encrypted."""

    def __init__(self, host: str, port: int, *, tls: Key | None = None) -> None:
        """Listen there once `open`.

        Raises:
            MissingExtra: TLS is wanted, and this Python has none by a shared key.
        """
        self._host, self._port = host, port
        self._context = None if tls is None else server_context(tls)
        self._handshakes = Admission(_TLS)
        self._server: asyncio.Server | None = None

    def __str__(self) -> str:
        return f"{'tcp' if self._context is None else 'tls'}:{self._host}:{self.port}"

    @property
    def host(self) -> str:
        """The address listened at."""
        return self._host

    @property
    def port(self) -> int:
        """The port, once open of the one that the system chose for 0."""
        return self._port if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def open(self, serve: Serve) -> None:
        """See `Listener.open`."""

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected = writer.get_extra_info("socket")
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for level, option, value in _KEEPALIVE:
                connected.setsockopt(level, option, value)
            peer = peer_of((writer.get_extra_info("peername") or (NOBODY,))[0])
            if self._context is None or await self._encrypt(writer, self._context, peer):
                await serve(Line(reader, writer, peer=peer))

        try:
            self._server = await asyncio.start_server(enter, self._host, self._port)
        except OSError as error:
            raise _listen_error(self, error) from error

    async def close(self) -> None:
        """See `Listener.close`."""
        if self._server is not None:
            self._server.close()

    async def _encrypt(self, writer: asyncio.StreamWriter, context: ssl.SSLContext, peer: str) -> bool:
        """Encrypt the line; False: it is closed. Strangers hold no more files than there are handshakes."""
        visit = self._handshakes.enter(peer, writer.transport.abort)
        if visit is not None:
            try:
                await writer.start_tls(context, ssl_handshake_timeout=_TLS.head_s)
            except OSError:  # TimeoutError is one, too
                pass
            else:
                return True
            finally:
                self._handshakes.leave(visit)
        writer.transport.abort()
        return False


class SerialListener:
    """A serial line with one client at its other end; opened again when it comes back."""

    def __init__(self, device: str, *, baud: int = DEFAULT_BAUD) -> None:
        self._device, self._baud = device, baud
        self._task: asyncio.Task[None] | None = None

    def __str__(self) -> str:
        return f"serial:{self._device}"

    async def open(self, serve: Serve) -> None:
        """See `Listener.open`."""
        line = await open_serial(self._device, self._baud)  # a wrong name is an error at once
        self._task = asyncio.create_task(self._serve_again(serve, line))

    async def close(self) -> None:
        """See `Listener.close`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _serve_again(self, serve: Serve, line: Line | None) -> None:
        while True:
            if line is not None:
                await serve(line)
            await asyncio.sleep(_REOPEN_S)
            with contextlib.suppress(BridgeError):
                line = None
                line = await open_serial(self._device, self._baud)


def _uid(writer: asyncio.StreamWriter) -> int:
    """Return the user at the other end of a unix socket, as the kernel names them."""
    peer = writer.get_extra_info("socket")
    _, uid, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


def _listen_error(where: object, error: OSError) -> BridgeError:
    return BridgeError(f"cannot listen at {where}", received=error.strerror or str(error))


@contextlib.asynccontextmanager
async def _locked(folder: Path) -> AsyncIterator[None]:
    """Lock the folder: a socket not listened at yet looks stale to a daemon that starts beside this one."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _listen_error(folder, error) from error
    try:
        deadline = asyncio.get_running_loop().time() + _LOCK_S
        while not _lock(descriptor):
            if asyncio.get_running_loop().time() > deadline:
                raise BridgeError(f"{folder} stays locked", expected="nothing else that locks this folder")
            await asyncio.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: daemons must not be started at once there
        return True
    return True


def _remove_stale(path: Path) -> None:
    """Remove the socket of a daemon that was killed; anything else that lies there stays."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise BridgeError(f"{path} is there and is no socket", hint="Name another path")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # one that hangs, its backlog full, is there too
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except BlockingIOError as error:
            raise BridgeError(f"a daemon listens at {path} already, and hangs") from error
        except OSError as error:
            raise _listen_error(path, error) from error
        else:
            raise BridgeError(f"a daemon listens at {path} already")
