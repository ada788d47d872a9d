"""`create_app`: the ASGI application."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from firmware_bridge.kiosk.guard import HEADERS, OPERATOR_HEADER, Guard
from firmware_bridge.kiosk.kiosk import Kiosk
from firmware_bridge.kiosk.live import Live
from firmware_bridge.kiosk.openapi import description
from firmware_bridge.kiosk.operations import OPERATIONS, Answer, Call, Operation, Role
from firmware_bridge.kiosk.page_files import page_routes
from firmware_bridge.kiosk.reading import check, read_body
from firmware_bridge.kiosk.refusal import Refusal, Refused, described, http_status
from firmware_bridge.kiosk.schemas import shape
from firmware_bridge.kiosk.settings import Settings
from sigverify.errors import SigverifyError
from sigverify.verifier import Verifier

MAX_BODY = 4 * 2**20
"""Bytes; a signature of a minute at 240 Hz takes 1 MB."""

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(verifier: Verifier, settings: Settings | None = None) -> Starlette:
    """Return the application that serves the page and what is behind it.

    Args:
        verifier: under its policy visitors verify: `Policy.kiosk()` for those that are not trusted. It is not
            closed here.
        settings: who may reach the page, and who may do more than verify; None: everybody on this machine
            may do everything.
    """
    settings = settings or Settings()
    kiosk = Kiosk(verifier, settings)
    routes = [
        Route(each.path, _endpoint(kiosk, each), methods=[each.method], max_body_size=MAX_BODY)
        for each in OPERATIONS
    ]
    return Starlette(
        routes=[
            *routes,
            WebSocketRoute("/api/live", Live(settings).serve),
            Route("/openapi.json", _openapi),
            *page_routes(),
        ],
        middleware=[Middleware(Guard, settings=settings)],
        exception_handlers={SigverifyError: _refused, HTTPException: _http_error, Exception: _crashed},
    )


def _endpoint(kiosk: Kiosk, operation: Operation) -> Endpoint:
    """Return what starlette calls: read, check, do in a thread, answer."""

    async def answer(request: Request) -> Response:
        body = await request.body()

        def work() -> Answer:
            return operation.do(kiosk, _call(kiosk, operation, request, body))

        return JSONResponse(await run_in_threadpool(work))

    return answer


def _call(kiosk: Kiosk, operation: Operation, request: Request, body: bytes) -> Call:
    session = request.headers.get(OPERATOR_HEADER)
    operator = kiosk.operators.has(session)
    if operation.role is Role.OPERATOR and not operator:
        raise Refused(Refusal.OPERATORS_ONLY, hint="Sign in with the operator's code")
    query = check(dict(request.query_params), shape(**operation.query))
    given = read_body(body, operation.takes or shape())
    return Call(given=given | query | request.path_params, operator=operator, session=session)


async def _openapi(_request: Request) -> Response:
    return JSONResponse(description())


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SigverifyError)
    return JSONResponse(described(error), status_code=http_status(error))


async def _http_error(_request: Request, error: Exception) -> Response:
    """Say what starlette itself refuses (no such path, no such method, too large) as all else is said."""
    assert isinstance(error, HTTPException)
    return JSONResponse(
        described(Refused(Refusal.NOT_SERVED, http=error.status_code, hint=error.detail)),
        status_code=error.status_code,
        headers=error.headers,
    )


async def _crashed(_request: Request, _error: Exception) -> Response:
    """Say nothing of a fault of ours but that it is one; starlette answers this outside of the guard."""
    content = described(SigverifyError("the device failed", hint="Its log says why"))
    return JSONResponse(content, status_code=500, headers=HEADERS)
