"""`Admitting`: ASGI middleware that bounds what a request takes: time and bytes, and how often it comes."""

import asyncio
import contextlib
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firmware_bridge.admission import NOBODY, Admission, Visit
from firmware_bridge.kiosk.guard import refuse
from firmware_bridge.kiosk.page_files import PATHS
from firmware_bridge.kiosk.refusal import Refusal, Refused
from firmware_bridge.transport.address import peer_of

VISIT: Final = "sigverify.visit"
"""Under this name a connection's `Visit` is found in the state of a scope."""
_CLOSE: Final = 1013
"""The WebSocket is closed: try again later."""

_READ_ON_BYTES: Final = 16 * 2**20
_READ_ON_S: Final = 1.0
"""What is read of a body behind an answer that did not wait for it."""


class Admitting:
    """Lets requests in by one `Admission`, whichever server has taken the connection."""

    def __init__(self, app: ASGIApp, admission: Admission, max_body: int) -> None:
        """Hand to `app` what may come in; a body has `max_body` bytes at most, as `app` sees to."""
        self._app = app
        self._admission = admission
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        visit: Visit | None = scope.get("state", {}).get(VISIT)
        if visit is not None:
            await self._serve(_Request(self._admission, visit, receive, send), scope)
            visit.waiting = True
            return
        # Another server than `sigverify kiosk`'s has no visits: there each request is one by itself.
        visit = self._admission.enter(_peer(scope), _nothing)
        if visit is None:
            await refuse(Refused(Refusal.TOO_MUCH), scope, receive, send)
            return
        visit.waiting = False  # nobody could close it
        try:
            await self._serve(_Request(self._admission, visit, receive, send), scope)
        finally:
            self._admission.leave(visit)

    async def _serve(self, request: "_Request", scope: Scope) -> None:
        try:
            if scope["type"] == "websocket":
                await self._app(scope, request.next_message, request.send_message)
            else:
                await self._answer(scope, request)
        except ClientDisconnect:
            self._admission.note("a client of the page went away in the middle of a request")

    async def _answer(self, scope: Scope, request: "_Request") -> None:
        # A page is one question, whole: one that lacks a script for want of answers would be dead.
        cost = 1 / len(PATHS) if scope["path"] in PATHS else 1.0
        wait_s = self._admission.wait_s(request.visit.peer, cost)
        if wait_s > 0:
            refusal = Refused(Refusal.TOO_MANY_QUESTIONS, retry_after_s=wait_s)
            await refuse(refusal, scope, request.receive, request.send)
            return
        size = self._size(scope)
        if size > self._max_body:
            refusal = Refused(Refusal.NOT_SERVED, http=413, hint=f"A body has at most {self._max_body} bytes")
            await refuse(refusal, scope, request.receive, request.send)
            return
        if size == 0:
            request.is_whole()
        with self._admission.holding(request.visit, size) as room:
            if room:
                await self._app(scope, request.receive, request.send)
            else:
                self._admission.note("a request to the page was refused: too many bytes at once")
                await refuse(Refused(Refusal.TOO_MUCH), scope, request.receive, request.send)

    def _size(self, scope: Scope) -> int:
        """Return the bytes of a body: as announced, or where that is not said as many as there may be."""
        headers = Headers(scope=scope)
        if "transfer-encoding" in headers:
            return self._max_body
        announced = headers.get("content-length", "0")
        return int(announced) if announced.isdecimal() else self._max_body


class _Request:
    """What comes and goes for one request, and how long it may take."""

    def __init__(self, admission: Admission, visit: Visit, receive: Receive, send: Send) -> None:
        self.visit = visit
        self._admission = admission
        self._receive, self._send = receive, send
        self._begun = asyncio.get_running_loop().time()
        self._received = 0
        self._whole = False

    async def receive(self) -> Message:
        """Return the next piece of the body, which has to come in time."""
        if self._whole:
            return await self._receive()
        spent_s = asyncio.get_running_loop().time() - self._begun
        try:
            async with asyncio.timeout(max(0.0, self._admission.bounds.due_s(self._received) - spent_s)):
                message = await self._receive()
        except TimeoutError:
            self._admission.note("a request to the page came too slowly")
            raise Refused(Refusal.TOO_SLOW) from None
        self._received += len(message.get("body", b""))
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.is_whole()
        return message

    def is_whole(self) -> None:
        """Note that nothing more has to come: from here on the device is what takes time."""
        self._whole, self.visit.waiting = True, False

    async def send(self, message: Message) -> None:
        """Send a piece of the answer, which has to be read in time; the last one if the body is not whole."""
        if message["type"] == "http.response.start" and not self._whole:
            MutableHeaders(scope=message)["Connection"] = "close"  # what else would come is not used
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if is_last and not self._whole:
            await self._send_in_time({**message, "more_body": True})
            await self._read_on()
            message = {"type": "http.response.body"}
        await self._send_in_time(message)

    async def _send_in_time(self, message: Message) -> None:
        size = len(message.get("body", b""))
        try:
            async with asyncio.timeout(self._admission.bounds.due_s(size)):
                await self._send(message)
        except TimeoutError:
            self._admission.note("an answer of the page was read too slowly")
            self.visit.close()

    async def _read_on(self) -> None:
        """Read what is still coming, and drop it: the system answers a close before by a reset.

        Who sends all before they read, as many clients do, would lose the answer by that.
        """
        left = _READ_ON_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_READ_ON_S):
                while left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    async def send_message(self, message: Message) -> None:
        """Send a message of a WebSocket."""
        await self._send(message)

    async def next_message(self) -> Message:
        """Return the next message of a WebSocket; too many of them end it."""
        message = await self._receive()
        if message["type"] == "websocket.receive":
            self.visit.waiting = False
            if self._admission.wait_s(self.visit.peer) > 0:
                await self._send({"type": "websocket.close", "code": _CLOSE, "reason": "too many messages"})
                return {"type": "websocket.disconnect", "code": _CLOSE}
        return message


def _nothing() -> None:
    """Do nothing."""


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return peer_of(client[0] if client else NOBODY)
