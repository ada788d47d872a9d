"""`Guard`: what every request has to pass before anything else looks at it, and headers on every answer.

A web page elsewhere can make a browser send requests here. It cannot set a header of its own (the browser
asks first, and the answer is no), forge `Origin`, or read a token that only this page has. Where its owner
points a name of theirs at this machine, `Host` shows that name.
"""

import hmac
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firmware_bridge.admission import NOBODY
from firmware_bridge.kiosk.refusal import Refusal, Refused, described
from firmware_bridge.kiosk.settings import Settings, find
from firmware_bridge.transport.address import host_name, is_loopback

REQUEST_HEADER: Final = "Sigverify-Request"
"""On every request to /api; no form and no image can send it."""
OPERATOR_HEADER: Final = "Sigverify-Operator"
OPEN: Final = ("/api/health",)
"""What monitoring may ask without token or header."""

WithoutToken = Callable[[str], Awaitable[None]]
"""Is told the address of who asked without the token."""

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware: refuses requests from elsewhere, and adds `HEADERS` to every answer."""

    def __init__(self, app: ASGIApp, settings: Settings, without_token: WithoutToken) -> None:
        """Check what is sent to `app`; tell `without_token` of who has not shown it."""
        self._app = app
        self._settings = settings
        self._without_token = without_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
        except Refused as refusal:
            if refusal.reason is Refusal.NO_TOKEN:
                await self._without_token(peer(scope))
            await refuse(refusal, scope, receive, send)
            return
        await self._app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        check_host(headers, self._settings)
        path = scope["path"]
        if not path.startswith("/api/") or path in OPEN:
            return
        check_origin(headers)
        # Browsers set no headers on a WebSocket: there the first message has the token.
        if scope["type"] == "http":
            if headers.get(REQUEST_HEADER) != "1":
                raise Refused(Refusal.NO_HEADER, hint=f"Send {REQUEST_HEADER}: 1")
            check_token(self._settings, shown_token(headers))


def check_host(headers: Headers, settings: Settings) -> None:
    """Refuse a name that somebody else pointed at this machine; with a token it is of no use to them.

    Raises:
        Refused: the page is for this machine, and was asked for by another one's name.
    """
    is_open = settings.token is None and is_loopback(settings.host)
    if is_open and not is_loopback(host_name(headers.get("Host", ""))):
        raise Refused(Refusal.OTHER_NAME, hint="Use 127.0.0.1 or localhost")


def check_origin(headers: Headers) -> None:
    """Refuse what another page's script asked for.

    Raises:
        Refused: a browser says that the request comes from elsewhere.
    """
    origin = headers.get("Origin")
    if origin is not None and _place(origin) != headers.get("Host"):
        raise Refused(Refusal.OTHER_PAGE)
    if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Refused(Refusal.OTHER_PAGE)


def _place(origin: str) -> str | None:
    """Return host and port of an origin; None: it is malformed, so that it is nobody's."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def shown_token(headers: Headers) -> str:
    """Return the token that a request shows; "" for none. The scheme's name has no case (RFC 9110, 11.1)."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip(" ") if scheme.lower() == "bearer" else ""


def check_token(settings: Settings, token: str) -> None:
    """Refuse who has no token, where one is needed.

    Raises:
        Refused: none, or a wrong one.
    """
    wanted = settings.token is not None or not is_loopback(settings.host)
    right = settings.token is not None and hmac.compare_digest(token.encode(), settings.token.encode())
    if wanted and not right and find(settings.clients, token) is None:
        raise Refused(Refusal.NO_TOKEN, hint="Open the address that `sigverify kiosk` printed")


def peer(scope: Scope) -> str:
    """Return the address of who asks, as far as the server tells."""
    client = scope.get("client")
    return str(client[0]) if client else NOBODY


async def refuse(refusal: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request, or close a WebSocket, with a refusal."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4403, "reason": str(refusal)})
        return
    headers = {"WWW-Authenticate": "Bearer"} if refusal.http == HTTPStatus.UNAUTHORIZED else None
    response: Response = JSONResponse(described(refusal), status_code=refusal.http, headers=headers)
    await response(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
