"""The WebSocket /api/live: strokes in as the pen lifts, and how good the capture is so far.

A page can say "go on" or "that will do" while somebody writes. Messages are JSON objects::

    → {"type": "hello", "token": …}          the first; with the token where one is needed
    ← {"type": "ready"}
    → {"type": "stroke", "points": [...]}    one more stroke, points as for REST (pressure is ignored)
    ← {"type": "quality", "strokes", "samples", "duration_ms", "complexity", "flaw", "repairs"}   of tokens
    → {"type": "clear"}                      begin a new signature
    ← {"type": "cleared"}
    ← {"type": "error", …}                   as REST's errors; the signature so far stays as it was

`Quality` has no network in it: it is plain geometry, and nothing that it says depends on anybody enrolled.
"""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from firmware_bridge.admission import NOBODY, Admission, Bounds
from firmware_bridge.kiosk.guard import WithoutToken, check_token
from firmware_bridge.kiosk.reading import read_body
from firmware_bridge.kiosk.refusal import Refusal, Refused, described
from firmware_bridge.kiosk.schemas import TEXT, Schema, optional, shape
from firmware_bridge.kiosk.settings import Settings
from firmware_bridge.transport.address import peer_of
from sigverify.errors import FormatError, InvalidSignature, SigverifyError
from sigverify.formats.signature_pad import NAMES, from_groups
from sigverify.modality.pen.assessment import assess
from sigverify.modality.quality import Flaw, Quality

MAX_MESSAGE: Final = 2**20
"""Bytes; a stroke of ten seconds at 240 Hz takes 150 kB."""
MAX_POINTS: Final = 20_000
"""Of one signature shown here: 80 seconds at 240 Hz."""
MAX_CONNECTIONS: Final = 16
"""Connections at one time."""
IDLE_S: Final = 600.0
HELLO_S: Final = 10.0
POLICY_VIOLATION: Final = 1008
TRY_LATER: Final = 1013

Point = dict[str, float]

_HELLO: Final = optional(shape(type={"const": "hello"}, token=TEXT), "token")
_MESSAGES: Final[dict[str, Schema]] = {
    "stroke": shape(type={"const": "stroke"}, points={"type": "array"}),
    "clear": shape(type={"const": "clear"}),
}
_ANY: Final[Schema] = {"properties": {"type": {"type": "string"}, "points": {}}, "required": ["type"]}

_log = logging.getLogger(__name__)


class Live:
    """The endpoint; counts its connections."""

    def __init__(self, settings: Settings, without_token: WithoutToken) -> None:
        """Ask for the token of `settings`; tell `without_token` of who has not shown it."""
        self._settings = settings
        self._without_token = without_token
        self._admission = Admission(Bounds(connections=MAX_CONNECTIONS))

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one connection until it ends."""
        await websocket.accept()
        closing: set[asyncio.Task[None]] = set()

        def give_way() -> None:
            closing.add(asyncio.create_task(websocket.close(TRY_LATER, "too many connections")))

        # All of them wait, for the next stroke: the one that was opened first gives way to another.
        peer = NOBODY if websocket.client is None else peer_of(websocket.client.host)
        visit = self._admission.enter(peer, give_way)
        if visit is None:
            await websocket.close(TRY_LATER, "too many connections")
            return
        try:
            await self._receive_hello(websocket)
            await _answer_messages(websocket)
        except (WebSocketDisconnect, TimeoutError, Refused, FormatError) as error:
            if isinstance(error, Refused) and error.reason is Refusal.NO_TOKEN:
                await self._without_token(peer)
            if not closing:
                await _close(websocket, error)
        except RuntimeError:  # it gave way while an answer was made
            if not closing:
                raise
        finally:
            self._admission.leave(visit)
            await asyncio.gather(*closing, return_exceptions=True)

    async def _receive_hello(self, websocket: WebSocket) -> None:
        hello = read_body(await _receive(websocket, HELLO_S), _HELLO)
        check_token(self._settings, hello.get("token", ""))
        await websocket.send_json({"type": "ready"})


class Draft:
    """The strokes of one signature so far."""

    def __init__(self) -> None:
        """Begin without any."""
        self._strokes: list[list[Point]] = []

    def take(self, message: str) -> dict[str, Any]:
        """Return the answer to a message.

        Raises:
            FormatError: not one of the messages above, or too long a signature.
        """
        kind = read_body(message, _ANY)["type"]
        if kind not in _MESSAGES:
            raise FormatError("an unknown message", expected=", ".join(_MESSAGES))
        given = read_body(message, _MESSAGES[kind])
        if kind == "clear":
            self._strokes = []
            return {"type": "cleared"}
        return self._add(given["points"])

    def _add(self, points: list[Any]) -> dict[str, Any]:
        samples = sum(map(len, self._strokes)) + len(points)
        if samples > MAX_POINTS:
            raise FormatError("too long for a signature", expected=f"at most {MAX_POINTS} points")
        number = len(self._strokes) + 1
        stroke = [_checked_point(point, f"stroke {number}, point {at}") for at, point in enumerate(points, 1)]
        strokes = [*self._strokes, stroke] if stroke else self._strokes
        content = {"type": "quality", "strokes": len(strokes), "samples": samples} | _quality(strokes)
        self._strokes = strokes
        return content


def _checked_point(point: object, where: str) -> Point:
    """Return what counts of a point: it may hold a megabyte of anything else.

    Raises:
        FormatError: no point, or one without a number of each name.
    """
    if not isinstance(point, Mapping) or not all(_is_number(point.get(name)) for name in NAMES):
        raise FormatError(f"{where}: not a point", expected='{"x": ..., "y": ..., "time": ...}')
    try:
        return {name: float(point[name]) for name in NAMES}
    except OverflowError:
        raise FormatError(f"{where}: a number is too large") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _quality(strokes: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    try:
        quality = assess(from_groups(strokes))
    except InvalidSignature:
        if not all(_finite(point) for stroke in strokes[-1:] for point in stroke):
            raise
        quality = Quality(flaw=Flaw.TOO_SHORT, duration_ms=0.0, complexity=0.0)
    return quality.to_dict()


def _finite(point: Mapping[str, Any]) -> bool:
    """Whether a point that `from_groups` has read is of finite numbers."""
    return all(math.isfinite(point[name]) for name in NAMES)


async def _answer_messages(websocket: WebSocket) -> None:
    draft = Draft()
    while True:
        message = await _receive(websocket, IDLE_S)
        try:
            answer = await run_in_threadpool(draft.take, message)
        except SigverifyError as error:
            answer = {"type": "error"} | described(error)
        await websocket.send_json(answer)


async def _receive(websocket: WebSocket, timeout_s: float) -> str:
    async with asyncio.timeout(timeout_s):
        message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    if not isinstance(text, str):
        raise FormatError("a message of bytes", expected="JSON text")
    return text


async def _close(websocket: WebSocket, error: Exception) -> None:
    """Say why, where the other side is still there."""
    if not isinstance(error, WebSocketDisconnect):
        _log.debug("a live connection ended: %s", type(error).__name__)
        await websocket.close(POLICY_VIOLATION, str(error)[:100])
