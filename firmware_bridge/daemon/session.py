"""`Session`: one client of the daemon, from the moment its line is open until it is closed."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_bridge.daemon.metrics import Metrics
from firmware_bridge.protocol.captures import is_picture
from firmware_bridge.protocol.daemon_connection import WINDOW, DaemonConnection, Request
from firmware_bridge.protocol.errors import to_message
from firmware_bridge.protocol.messages import Condition, DecisionMade, Error, Health, Message
from firmware_bridge.protocol.phase import Phase
from firmware_bridge.transport.line import Line
from sigverify.errors import Busy

_log = logging.getLogger(__name__)

_CHUNK: Final = 8192
"""Bytes read at once: a signature comes in one or two."""
_PIECE: Final = 1024
"""Bytes taken at once of what was read: a client that sends much is answered, and so slowed down, piece by
piece, and others have their turn in between."""

_LEAST_RATE: Final = 1024.0
"""Bytes a second that what is half sent must come with: a tenth of a serial line of 115,200 baud."""

_CLOSE_S: Final = 1.0
"""For what is written already to go out."""


class Ending(StrEnum):
    """How a session ended."""

    CLOSED = "closed"
    STOPPED = "stopped"
    RUBBISH = "rubbish"
    NO_HANDSHAKE = "no_handshake"
    SLOW = "slow"
    BROKEN = "broken"
    REFUSED = "refused"


_ENDINGS: Final = {Phase.REFUSED: Ending.REFUSED, Phase.FAULTED: Ending.RUBBISH}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one client may take.

    Attributes:
        clients: lines open at once; of one peer three quarters.
        handshake_s: seconds until the handshake is done; on a serial line, without end.
        sending_s: seconds until a frame is whole, and a picture asked about, beside what it needs at 1 kB a
            second; on a serial line, without end.
        write_s: seconds in which a client has to read what it is sent.
        grace_s: seconds for requests under way when the daemon stops.
    """

    clients: int = 64
    handshake_s: float = 10.0
    sending_s: float = 30.0
    write_s: float = 10.0
    grace_s: float = 5.0


CarryOut = Callable[[Request], Awaitable[Message]]


class Session:
    """Reads requests, has them carried out one after the other, and writes the answers."""

    def __init__(
        self,
        line: Line,
        connection: DaemonConnection,
        carry_out: CarryOut,
        *,
        limits: Limits,
        metrics: Metrics,
        greeted: Callable[[], None] = lambda: None,
        wait_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Serve the client at `line`.

        `greeted` is called once the handshake is done, `wait_s` before each request: where that says to wait,
        the request is not carried out.
        """
        self._greeted = greeted
        self._wait_s = wait_s
        self._line = line
        self._connection = connection
        self._carry_out = carry_out
        self._limits = limits
        self._metrics = metrics
        self._handshake = 0
        self._queue: asyncio.Queue[tuple[Request, float] | None] = asyncio.Queue(2 * WINDOW)
        self._writing = asyncio.Lock()
        self._reading: asyncio.Task[Ending] | None = None
        self._unfinished_since, self._unfinished_bytes = time.monotonic(), 0
        self._read_already = b""

    async def run(self) -> Ending:
        """Serve the client until it is gone, breaks the rules, or `stop` is called."""
        self._reading = asyncio.create_task(self._read())
        working = asyncio.create_task(self._work())
        try:
            await asyncio.wait({self._reading, working}, return_when=asyncio.FIRST_COMPLETED)
            # Working ends first only where the client does not take its answers.
            if working.done():
                return working.result()
            # Reading ends when the client is gone, or by `stop`: requests under way are answered still.
            ending = Ending.STOPPED if self._reading.cancelled() else self._reading.result()
            await self._finish(working)
            return ending
        finally:
            self._reading.cancel()
            working.cancel()
            await asyncio.gather(self._reading, working, return_exceptions=True)
            await self._close()

    @property
    def image_bytes(self) -> int:
        """Bytes of pictures kept for the client."""
        return self._connection.image_bytes

    def stop(self) -> None:
        """Read no more; requests under way are still answered."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self) -> Ending:
        try:
            if not self._line.persistent:
                async with asyncio.timeout(self._limits.handshake_s):
                    ending = await self._read_while(lambda: self._connection.phase is not Phase.READY)
                if ending is not None:
                    return ending
            self._greeted()
            return await self._read_while(lambda: True) or Ending.CLOSED
        except TimeoutError:  # a line that is dead raises it too
            return Ending.BROKEN if self._connection.phase is Phase.READY else Ending.NO_HANDSHAKE
        except _Slow:
            return Ending.SLOW
        except OSError:
            return Ending.BROKEN

    async def _read_while(self, condition: Callable[[], bool]) -> Ending | None:
        is_more = False
        while condition():
            if not self._read_already:
                self._read_already = await self._read_in_time()
                is_more = len(self._read_already) == _CHUNK
            if not self._read_already:
                return Ending.CLOSED
            piece, self._read_already = self._read_already[:_PIECE], self._read_already[_PIECE:]
            for request in self._connection.receive(piece):
                await self._take(request)
            await self._write()
            if self._read_already or is_more:
                await asyncio.sleep(0)  # the next piece is there already: other clients have their turn
            if self._connection.closing:
                return _ENDINGS[self._connection.phase]
        return None

    async def _read_in_time(self) -> bytes:
        """Read a piece; what is half sent has to go on, or others' memory would be held by it.

        Raises:
            _Slow: it does not.
        """
        now = time.monotonic()
        if self._line.persistent or not self._connection.unfinished:
            self._unfinished_since, self._unfinished_bytes = now, 0
            return await self._line.reader.read(_CHUNK)
        due_s = self._unfinished_since - now + self._limits.sending_s + self._unfinished_bytes / _LEAST_RATE
        try:
            async with asyncio.timeout(max(0.0, due_s)):
                data = await self._line.reader.read(_CHUNK)
        except TimeoutError as error:
            raise _Slow from error
        self._unfinished_bytes += len(data)
        return data

    async def _take(self, request: Request) -> None:
        """Answer what can be answered at once; the rest waits its turn."""
        if request.handshake != self._handshake:  # after another hello nobody waits for the answers
            self._handshake = request.handshake
            self._drop_waiting()
        wait_s = self._wait_s()
        if wait_s > 0:
            busy = Busy("too many questions at once", hint=f"Ask again in {math.ceil(wait_s)} s")
            self._connection.answer(request, to_message(busy))
        elif isinstance(request.message, Health):
            self._connection.answer(request, self._condition())
        else:
            self._metrics.waiting += 1
            await self._queue.put((request, time.perf_counter()))

    async def _work(self) -> Ending:
        """Carry out requests, one at a time: so no client gets more than its turn."""
        try:
            while (item := await self._queue.get()) is not None:
                self._metrics.waiting -= 1
                await self._serve(*item)
        except _Slow:
            return Ending.SLOW
        except OSError:
            return Ending.BROKEN
        return Ending.CLOSED

    async def _serve(self, request: Request, start: float) -> None:
        message = await self._carry_out(request)
        status = message.status if isinstance(message, Error) else 0
        operation = type(request.message).__name__.lower()
        self._metrics.count(operation, status, time.perf_counter() - start)
        for capture in request.captures:
            self._metrics.captures["image" if is_picture(capture) else "pen"] += 1
        if isinstance(message, DecisionMade):
            self._metrics.outcomes[message.outcome] += 1
        self._connection.answer(request, message)
        await self._write()

    def _condition(self) -> Condition:
        return Condition(
            ready=self._metrics.ready,
            uptime_s=round(self._metrics.uptime_s, 3),
            clients=self._metrics.clients,
            waiting=self._metrics.waiting,
        )

    async def _write(self) -> None:
        """Write what is to be sent; the client has `write_s` seconds to read it."""
        if not self._connection.has_outgoing:
            return
        try:
            async with asyncio.timeout(self._limits.write_s), self._writing:
                if data := self._connection.outgoing():
                    self._line.writer.write(data)
                await self._line.writer.drain()
        except TimeoutError as error:
            raise _Slow from error

    async def _finish(self, working: "asyncio.Task[Ending]") -> None:
        """Let requests under way come to their end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.grace_s):
                await self._queue.put(None)
                await asyncio.shield(working)

    def _drop_waiting(self) -> None:
        while not self._queue.empty():
            if self._queue.get_nowait() is not None:
                self._metrics.waiting -= 1

    async def _close(self) -> None:
        self._drop_waiting()
        self._line.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._line.writer.wait_closed()
        except (TimeoutError, OSError):
            self._line.writer.transport.abort()


class _Slow(Exception):
    """The client does not read."""
