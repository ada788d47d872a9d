"""`MemoryDaemon`: a daemon in this process, to test a program that uses a client. No sockets, no threads.

The protocol, the requests and the verifier are those of `sigverify serve`; only the line is in memory. A test
says which messages are lost and when the line breaks. A blocking client never waits: where nothing comes,
its time runs out at once.

>>> from firmware_bridge.client import Client
>>> from sigverify.verifier import Verifier
>>> with Verifier.open(":memory:") as verifier, Client(MemoryDaemon(verifier)) as client:
...     client.users()
()
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from firmware_bridge.capability import BY_DEFAULT, Capability, Grant
from firmware_bridge.daemon.service import ClientState
from firmware_bridge.daemon.untrusted import Terms, make_service
from firmware_bridge.protocol.client_connection import Answer, ClientConnection
from firmware_bridge.protocol.daemon_connection import DaemonConnection, Request
from firmware_bridge.protocol.errors import to_message
from firmware_bridge.protocol.framing import Deframer, frame
from firmware_bridge.protocol.messages import Condition, Health, Message, decode
from firmware_bridge.transport.line import Line
from sigverify.actor import Actor, ActorKind, acting
from sigverify.errors import Disconnected, SigverifyError
from sigverify.protection.keys import Key
from sigverify.verifier import Verifier

__all__ = ["ConnectionPair", "MemoryDaemon", "MemoryWire", "memory_line"]

Lost = Callable[[Message], bool]


def nothing(_message: Message) -> bool:
    """Lose nothing."""
    return False


class MemoryWire:
    """A `Wire` to the daemon's side of the protocol in this process.

    Attributes:
        connection: the daemon's side.
    """

    def __init__(
        self, connection: DaemonConnection, carry_out: Callable[[Request], Message], *, lost: Lost = nothing
    ) -> None:
        """Answer by `carry_out` as soon as something is written; messages that are `lost` never arrive."""
        self.connection = connection
        self._carry_out = carry_out
        self._lost = lost
        self._up, self._down = Deframer(), Deframer()
        self._closed = self._hung_up = False

    def write(self, data: bytes) -> None:
        """Write all of it; BrokenPipeError when the line broke."""
        if self._closed or self._hung_up:
            raise BrokenPipeError("the line in memory is closed")
        for request in self.connection.receive(self._passed(self._up, data)):
            self.connection.answer(request, self._carry_out(request))

    def read(self, timeout_s: float = 0.0) -> bytes:
        """Return what the daemon said, b"" when it hung up; TimeoutError: nothing, and nothing will come."""
        del timeout_s
        if self._closed:
            raise BrokenPipeError("the line in memory is closed")
        data = b"" if self._hung_up else self._passed(self._down, self.connection.outgoing())
        if not data and not self._hung_up and not self.connection.closing:
            raise TimeoutError
        return data

    def close(self) -> None:
        """Close the client's end."""
        self._closed = True

    def hang_up(self) -> None:
        """Close the daemon's end: what it has not said yet is gone."""
        self._hung_up = True

    def _passed(self, deframer: Deframer, data: bytes) -> bytes:
        if self._lost is nothing:
            return data  # whatever it is: whole frames, parts of frames, rubbish
        payloads = (payload for payload in deframer.feed(data) if isinstance(payload, bytes))
        return b"".join(frame(payload) for payload in payloads if not self._lost(decode(payload)[1]))


class MemoryDaemon:
    """A `Transport` to a verifier in this process: give it to a client in place of an address.

    Attributes:
        away: while true, nobody can connect, as to a daemon that was stopped.
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        allowed: Iterable[Capability] = BY_DEFAULT,
        token: Key | None = None,
        grants: Iterable[Grant[Key]] = (),
        untrusted: Terms | None = None,
        lost: Lost = nothing,
    ) -> None:
        """Answer by `verifier`, which stays its owner's to close; the options are those of `Daemon`."""
        self._service = make_service(verifier, untrusted)
        self._allowed = frozenset(allowed)
        self._token = token
        self._grants = tuple(grants)
        self._lost = lost
        self._wires: list[MemoryWire] = []
        self.away = False

    def open_wire(self, timeout_s: float = 0.0) -> MemoryWire:
        """Open a line for a blocking client.

        Raises:
            Disconnected: the daemon is `away`.
        """
        del timeout_s
        if self.away:
            raise Disconnected("no daemon in this process", hint="It is set to be away")
        state = ClientState()
        possible = self._service.possible
        connection = DaemonConnection(
            allowed=possible(self._allowed),
            token=self._token,
            grants=[replace(grant, may=possible(grant.may)) for grant in self._grants],
            signed_only=self._service.signed_only,
        )
        wire = MemoryWire(connection, lambda request: self._carry_out(request, state), lost=self._lost)
        self._wires.append(wire)
        return wire

    async def open_line(self, timeout_s: float = 0.0) -> Line:
        """Open a line for an asyncio client; see `open_wire`."""
        return memory_line(self.open_wire(timeout_s))

    def hang_up(self) -> None:
        """Break all lines, as a daemon that is killed does; the next call of a client connects again."""
        for wire in self._wires:
            wire.hang_up()
        self._wires.clear()

    def _carry_out(self, request: Request, state: ClientState) -> Message:
        """Answer as the daemon does; what is no `SigverifyError` is a fault that the test is to see."""
        if isinstance(request.message, Health):
            return Condition(ready=True, uptime_s=0.0, clients=len(self._wires), waiting=0)
        try:
            with acting(Actor(ActorKind.CLIENT, "in memory")):
                return self._service.carry_out(request, state)
        except SigverifyError as error:
            return to_message(error)


class ConnectionPair:
    """Both sides of the protocol, and what they say to each other, `step` bytes at a time.

    Attributes:
        client, daemon: the two sides.
        requests: what the daemon was asked; `daemon.answer` answers.
    """

    def __init__(
        self,
        *,
        step: int | None = None,
        token: Key | None = None,
        client_token: Key | None = None,
        **options: Any,
    ) -> None:
        """Make both sides; `options` are those of `DaemonConnection`."""
        self.client = ClientConnection(name="test", token=client_token)
        self.daemon = DaemonConnection(token=token, **options)
        self.requests: list[Request] = []
        self._step = step

    def carry(self) -> list[Answer]:
        """Carry bytes until both sides are silent; return what the client was answered."""
        answers: list[Answer] = []
        while True:
            up, down = self.client.outgoing(), self.daemon.outgoing()
            if not up and not down:
                return answers
            for piece in self._pieces(up):
                self.requests += self.daemon.receive(piece)
            for piece in self._pieces(down):
                answers += self.client.receive(piece)

    def handshake(self) -> "ConnectionPair":
        """Do the handshake, and return this pair."""
        self.client.hello()
        self.carry()
        if not self.client.ready:
            raise Disconnected("the handshake came to no end")
        return self

    def _pieces(self, data: bytes) -> list[bytes]:
        step = self._step or max(1, len(data))
        return [data[at : at + step] for at in range(0, len(data), step)]


class _MemoryTransport(asyncio.Transport):
    """What asyncio's streams write to, over a `MemoryWire`."""

    def __init__(self, wire: MemoryWire, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self._wire = wire
        self._reader = reader
        self._closing = False
        self._protocol = asyncio.StreamReaderProtocol(reader)
        self._protocol.connection_made(self)

    def writer(self) -> asyncio.StreamWriter:
        """Return the stream that writes here."""
        return asyncio.StreamWriter(self, self._protocol, self._reader, asyncio.get_running_loop())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Carry bytes there, and what is answered at once back."""
        try:
            self._wire.write(bytes(data))
            while answered := self._wire.read():
                self._reader.feed_data(answered)
        except TimeoutError:
            return  # the daemon said all that it had to say
        except OSError as error:
            self._reader.set_exception(ConnectionResetError(str(error)))
            return
        self._reader.feed_eof()

    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._closing

    def close(self) -> None:
        """Close the client's end."""
        if not self._closing:
            self._closing = True
            self._wire.close()
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """See `close`: nothing waits to be written."""
        self.close()


def memory_line(wire: MemoryWire) -> Line:
    """Return a line for asyncio over a wire in memory."""
    reader = asyncio.StreamReader()
    return Line(reader, _MemoryTransport(wire, reader).writer())
