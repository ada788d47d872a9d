"""`MetricsPage`: `GET /metrics` for Prometheus, and `GET /health`, over plain HTTP."""

import asyncio
import contextlib
import re
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from firmware_bridge.admission import NOBODY, Admission, Bounds
from firmware_bridge.daemon.metrics import Metrics
from firmware_bridge.transport.address import host_name, is_own_name, peer_of
from sigverify.errors import BridgeError

_MAX_HEAD_BYTES: Final = 4096
_END: Final = b"\r\n\r\n"
"""Of a head."""
_HOST: Final = re.compile(rb"\r\nhost:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_BOUNDS: Final = Bounds(connections=8, head_s=5.0)
"""Few at once, so that the files which the daemon may open are left to its clients."""


class MetricsPage:
    """Answers one request a connection; whatever it cannot read gets no answer."""

    def __init__(self, host: str, port: int) -> None:
        self._metrics = Metrics()
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._admission = Admission(_BOUNDS)

    def __str__(self) -> str:
        return f"http://{self._host}:{self.port}/metrics"

    @property
    def port(self) -> int:
        """The port, once open of the one that the system chose for 0."""
        return self._port if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def open(self, metrics: Metrics) -> None:
        """Begin to show these.

        Raises:
            BridgeError: the port is taken.
        """
        self._metrics = metrics
        try:
            self._server = await asyncio.start_server(
                self._serve, self._host, self._port, limit=_MAX_HEAD_BYTES
            )
        except OSError as error:
            raise BridgeError(
                f"cannot show metrics at {self._host}:{self._port}", received=error.strerror or str(error)
            ) from error

    def close(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = peer_of((writer.get_extra_info("peername") or (NOBODY,))[0])
        visit = self._admission.enter(peer, writer.transport.abort)
        try:
            if visit is not None and self._admission.wait_s(peer) <= 0:
                await self._answer(reader, writer)
        finally:
            if visit is not None:
                self._admission.leave(visit)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, OSError, ValueError, EOFError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_BOUNDS.head_s):
                head = await reader.readuntil(_END)
                writer.write(self._page(head))
                await writer.drain()

    def _page(self, head: bytes) -> bytes:
        host = _HOST.search(head)
        if host is None or not is_own_name(host_name(host[1].decode("latin-1")), self._host):
            return _response("421 Misdirected Request", "asked for by a name that is not this machine's\n")
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "this page is only read\n", allow="GET, HEAD")
        page = self._at(path)
        return page if method == b"GET" else page.partition(_END)[0] + _END

    def _at(self, path: bytes) -> bytes:
        if path == b"/metrics":
            return _response("200 OK", self._metrics.text())
        if path == b"/health":
            if self._metrics.ready:
                return _response("200 OK", "ok\n")
            return _response("503 Service Unavailable", "the worker is stuck\n")
        return _response("404 Not Found", "there is only /metrics and /health\n")


def _response(status: str, text: str, *, allow: str = "") -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE_PLAIN_0_0_4}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close"
    )
    allowed = f"\r\nAllow: {allow}" if allow else ""
    return (head + allowed).encode() + _END + body
