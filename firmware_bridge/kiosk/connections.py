"""`connection_class`: a connection of uvicorn's that has to be let in, and has to say what it wants in time.

uvicorn itself waits without end for the first byte of a request, and for the last one of its head.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from firmware_bridge.admission import NOBODY, Admission, Visit
from firmware_bridge.kiosk.admitting import VISIT
from firmware_bridge.transport.address import peer_of

_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def connection_class(admission: Admission) -> type[asyncio.Protocol]:
    """Return the class of the connections at one door, for `uvicorn.Config(http=…)`."""

    class AdmittedConnection(_Connection):
        door = admission

    return AdmittedConnection


class _Connection(H11Protocol):
    """One connection: refused where there is no room, closed where a head takes too long."""

    door: Admission
    _visit: Visit | None = None
    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Let it in, or answer 503 and close it."""
        super().connection_made(transport)
        self._visit = self.door.enter(peer_of(self.client[0] if self.client else NOBODY), transport.abort)
        if self._visit is None:
            self.door.note("a connection to the page was refused: there are too many")
            transport.write(_FULL)
            transport.close()
            return
        self.app_state: dict[str, Any] = {**self.app_state, VISIT: self._visit}
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request's head has to be whole in time, however many pieces it comes in."""
        if self._visit is None or self.transport.is_closing():
            return
        super().data_received(data)
        if self._answering:
            self._stop_waiting()
        else:
            self._await_head()
        if (successor := self.transport.get_protocol()) is not self:
            self._hand_over(successor)

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room for another."""
        self._stop_waiting()
        if self._visit is not None:
            self.door.leave(self._visit)
        super().connection_lost(exc)

    def _hand_over(self, websocket: asyncio.BaseProtocol) -> None:
        """Leave when the WebSocket does that this connection has become."""
        end = websocket.connection_lost

        def connection_lost(exc: Exception | None) -> None:
            if self._visit is not None:
                self.door.leave(self._visit)
            end(exc)

        websocket.connection_lost = connection_lost  # type: ignore[method-assign] # it knows of no visits

    @property
    def _answering(self) -> bool:
        """Whether a request is under way, or this is a WebSocket's by now."""
        upgraded = self.transport.get_protocol() is not self
        return upgraded or not getattr(self.cycle, "response_complete", True)

    def _await_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(self.door.bounds.head_s, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _too_slow(self) -> None:
        self._head = None
        if not self._answering:
            self.door.note("a connection to the page said too slowly what it wants")
            self.transport.abort()
