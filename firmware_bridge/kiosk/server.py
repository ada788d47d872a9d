"""`serve`: the application on a socket, until a signal ends it."""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

import uvicorn

from firmware_bridge.admission import Admission
from firmware_bridge.kiosk.app import BOUNDS, create_app
from firmware_bridge.kiosk.connections import connection_class
from firmware_bridge.kiosk.live import MAX_MESSAGE
from firmware_bridge.kiosk.settings import Settings
from firmware_bridge.kiosk.worker import Worker
from firmware_bridge.log_thinning import thinned
from firmware_bridge.pool.pool import Pool
from firmware_bridge.pool.worker_process import WorkerGone
from sigverify.errors import ConfigError, one_line
from sigverify.verifier import Verifier

_log = logging.getLogger(__name__)

_BACKLOG = 64
_LOGGERS = ("asyncio", "uvicorn.error", "websockets.server")
"""Which write a line, or a whole traceback, for whatever a stranger does."""


def bind(host: str, port: int) -> socket.socket:
    """Return a socket at that address, to which nobody can connect before `listen`; port 0 takes a free one.

    Raises:
        ConfigError: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small answers at once; otherwise they wait 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError, UnicodeError) as error:  # the last: a name that none can have
        bound.close()
        raise _cannot_listen(host, port, error) from error
    return bound


def listen(bound: socket.socket) -> None:
    """Let callers connect; they wait until `run` answers.

    Raises:
        ConfigError: another process, which was bound to the same address, listens there meanwhile.
    """
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _cannot_listen(host, port, error) from error


def _cannot_listen(host: str, port: int, error: Exception) -> ConfigError:
    return ConfigError(
        f"cannot listen on {host}:{port}", received=str(error), hint="Try another --port, or 0 for any"
    )


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Refuse a certificate that nobody could be served with, before anything listens.

    Raises:
        ConfigError: no certificate, no key, one of another certificate, or one under a passphrase.
    """
    if certificate is None:
        if key is not None:
            raise ConfigError("a key without its certificate", expected="--tls-cert too")
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Never ask for a passphrase: nobody may sit at the terminal. An empty one does not fit.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ConfigError(
            "the certificate and its key cannot be used",
            expected="two PEM files that belong together, the key without a passphrase",
            received=f"{certificate} and {key or 'no --tls-key'}: {one_line(error)}",
        ) from error


def make_server(
    verifier: Verifier,
    settings: Settings,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    pool: Pool | None = None,
) -> uvicorn.Server:
    """Return a server for `bind`'s socket; `run` runs it, with the same `pool` (see `make_pool`)."""
    admission = Admission(BOUNDS)
    return uvicorn.Server(
        uvicorn.Config(
            create_app(verifier, settings, admission, pool),
            http=connection_class(admission),
            lifespan="off",
            access_log=False,  # it would hold user ids
            log_config=None,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            ws_max_size=MAX_MESSAGE,
            ws_max_queue=4,
            ws_per_message_deflate=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )


def make_pool(open_verifier: Callable[[], Verifier], settings: Settings, workers: int) -> Pool | None:
    """Begin processes that answer, each with a verifier of its own; None: one worker is this process itself.

    To be called before anything is opened: they are forked. `run` has them open the store, which is there by
    then, and ends them; where it does not come to that, `Pool.end_now` does.

    Raises:
        ConfigError: the system cannot fork.
        BridgeError: it has no room for as many processes.
    """
    return Pool(lambda: Worker(open_verifier, settings), workers) if workers > 1 else None


def run(server: uvicorn.Server, listening: socket.socket, pool: Pool | None = None) -> None:
    """Serve until SIGINT or SIGTERM, answer what is under way, and return. For the main thread.

    uvicorn raises the signal once more when it has stopped, which would end the process before its store is
    closed.

    Raises:
        BridgeError: a worker's process ended by itself.
        SigverifyError: a worker cannot open its verifier.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with thinned(*_LOGGERS), asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(_serve(server, listening, pool))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _serve(server: uvicorn.Server, listening: socket.socket, pool: Pool | None) -> None:
    if pool is None:
        await server.serve(sockets=[listening])
        return
    ended: list[WorkerGone] = []

    def lost(gone: WorkerGone) -> None:
        """End, without a worker: a service manager starts anew, with all of them."""
        _log.error("%s", gone)
        ended.append(gone)
        server.should_exit = True

    await pool.begin()
    pool.watch(lost)
    try:
        await pool.all(methodcaller("open"))
        await server.serve(sockets=[listening])
    finally:
        await pool.close()
    if ended:
        raise ended[0]


class _Loop(asyncio.SelectorEventLoop):
    """Gives TLS as long to begin as a request's head; else a silent connection is held for a minute."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = BOUNDS.head_s
        return await super().create_server(*args, **options)


def address(listening: socket.socket, settings: Settings, *, tls: bool = False) -> str:
    """Return what to open in a browser; the token is in the part that is never sent."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    fragment = "" if settings.token is None else f"#token={quote(settings.token, safe='')}"
    return f"http{'s' if tls else ''}://{shown}:{port}/{fragment}"
