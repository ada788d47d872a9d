"""`create_app`: the ASGI application."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from operator import methodcaller

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from firmware_bridge.admission import Admission, Bounds
from firmware_bridge.kiosk.admitting import Admitting
from firmware_bridge.kiosk.asked import Asked
from firmware_bridge.kiosk.failures import Failure
from firmware_bridge.kiosk.guard import HEADERS, OPERATOR_HEADER, Guard, peer, shown_token
from firmware_bridge.kiosk.kiosk import Kiosk
from firmware_bridge.kiosk.live import Live
from firmware_bridge.kiosk.openapi import description
from firmware_bridge.kiosk.operations import OPERATIONS, Answer, Operation
from firmware_bridge.kiosk.page_files import page_routes
from firmware_bridge.kiosk.reading import once
from firmware_bridge.kiosk.refusal import Refusal, Refused, described, http_status
from firmware_bridge.kiosk.settings import Settings
from firmware_bridge.kiosk.worker import Answered
from firmware_bridge.pool.pool import Pool
from sigverify.actor import Actor, ActorKind
from sigverify.audit import Event
from sigverify.errors import BridgeError, SigverifyError
from sigverify.verifier import Verifier

MAX_BODY = 4 * 2**20
"""Bytes; a signature of a minute at 240 Hz takes 1 MB."""
BOUNDS = Bounds(held_bytes=2 * MAX_BODY)
"""Of one page: two of the largest bodies at once, as each takes several times its size once it is parsed."""

_log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(
    verifier: Verifier,
    settings: Settings | None = None,
    admission: Admission | None = None,
    pool: Pool | None = None,
) -> Starlette:
    """Return the application that serves the page and what is behind it.

    Args:
        verifier: under its policy visitors verify: `Policy.kiosk()` for those that are not trusted. It is not
            closed here.
        settings: who may reach the page, and who may do more than verify; None: everybody on this machine
            may do everything.
        admission: what strangers may take, shared with the server that takes connections; None: `BOUNDS`.
        pool: workers (`firmware_bridge.kiosk.worker`) for what needs nothing kept from earlier requests, with
            the same settings; its owner begins and closes it. None: all is done in threads of this process.
    """
    settings = settings or Settings()
    admission = Admission(BOUNDS) if admission is None else admission
    kiosk = Kiosk(verifier, settings)

    async def without_token(peer: str) -> None:
        await run_in_threadpool(kiosk.refused, Event.TOKEN_REFUSED, Actor(ActorKind.VISITOR, peer))

    routes = [
        Route(each.path, _endpoint(kiosk, each, pool), methods=[each.method], max_body_size=MAX_BODY)
        for each in OPERATIONS
    ]
    app = Starlette(
        routes=[
            *routes,
            WebSocketRoute("/api/live", Live(settings, without_token).serve),
            Route("/openapi.json", _openapi),
            *page_routes(),
        ],
        middleware=[
            Middleware(Admitting, admission=admission, max_body=MAX_BODY),
            Middleware(Guard, settings=settings, without_token=without_token),
        ],
        exception_handlers={SigverifyError: _refused, HTTPException: _http_error, Exception: _crashed},
    )
    app.router.redirect_slashes = False  # a path with a slash too many is none of ours
    return app


def _endpoint(kiosk: Kiosk, operation: Operation, pool: Pool | None) -> Endpoint:
    """Return what starlette calls: read, carry out in a thread or another process, answer."""

    async def answer_here(request: Request) -> Response:
        asked = _asked(kiosk, operation, request, await request.body())

        def work() -> Answer:
            try:
                answer = operation.carry_out(kiosk, asked)
            except Refused as refusal:
                kiosk.note_refusal(asked.actor, refusal.reason, refusal.capability)
                raise
            except SigverifyError as error:
                kiosk.failures.note(Failure.of(error))
                raise
            if operation.writes:
                kiosk.recover()
            return answer

        return JSONResponse(await run_in_threadpool(work))

    async def answer_elsewhere(pool: Pool, request: Request) -> Response:
        asked = _asked(kiosk, operation, request, await request.body())
        try:
            answered: Answered = await pool.ask(methodcaller("answer", asked))
        except BridgeError as error:
            _log.error("a request failed in a worker: %s", error)
            raise SigverifyError("the device failed") from error
        kiosk.failures.note(answered.failure)
        if answered.http == HTTPStatus.OK and operation.writes and kiosk.failures.of_store():
            await run_in_threadpool(kiosk.recover)
        if answered.refusal is not None:
            await run_in_threadpool(kiosk.note_refusal, asked.actor, answered.refusal, answered.capability)
        return JSONResponse(answered.content, status_code=answered.http)

    return answer_here if pool is None or not operation.alone else partial(answer_elsewhere, pool)


def _asked(kiosk: Kiosk, operation: Operation, request: Request, body: bytes) -> Asked:
    session, token = request.headers.get(OPERATOR_HEADER), shown_token(request.headers)
    return Asked(
        operation=operation.name,
        body=body,
        query=once(request.query_params.multi_items()),
        path=request.path_params,
        actor=kiosk.actor(peer(request.scope), token, session),
        operator=kiosk.operators.has(session),
        may=kiosk.may(token, session),
        session=session,
    )


async def _openapi(_request: Request) -> Response:
    return JSONResponse(description())


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, SigverifyError):
        return await _crashed(request, error)
    return JSONResponse(described(error), status_code=http_status(error))


async def _http_error(request: Request, error: Exception) -> Response:
    """Say what starlette itself refuses (no such path, no such method, too large) as all else is said."""
    if not isinstance(error, HTTPException):
        return await _crashed(request, error)
    return JSONResponse(
        described(Refused(Refusal.NOT_SERVED, http=error.status_code, hint=error.detail)),
        status_code=error.status_code,
        headers=error.headers,
    )


async def _crashed(_request: Request, _error: Exception) -> Response:
    """Say nothing of a fault of ours but that it is one; starlette answers this outside of the guard."""
    content = described(SigverifyError("the device failed"))
    return JSONResponse(content, status_code=500, headers=HEADERS)
