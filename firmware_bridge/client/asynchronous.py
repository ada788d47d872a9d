"""`AsyncClient`: a `Verifier` that runs in a daemon, used from asyncio."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol, Self, TypeVar

from firmware_bridge.client.exchange import (
    Calls,
    Exchange,
    OpenEnrollment,
    Probe,
    bounded,
    line_error,
    sendable,
    sendables,
)
from firmware_bridge.protocol.messages import About, Captured, Condition, Points
from firmware_bridge.transport.line import DEFAULT_BAUD, Address, Line, Transport
from sigverify.decision import Decision
from sigverify.enrollment.addition import Addition
from sigverify.enrollment.enroller import DEFAULT_REFERENCES
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.errors import BridgeError, Disconnected, Misuse, SigverifyError
from sigverify.forking import OwnLock
from sigverify.matching.scoring import Impostor
from sigverify.protection.keys import Key
from sigverify.search.match import Matches
from sigverify.signed.signed_capture import Purpose
from sigverify.signed.signer import CaptureSigner

_CHUNK: Final = 65_536
"""Bytes read at once: more than one frame, of which the longest has 8,230."""

T = TypeVar("T")
Call = Callable[[Calls], Exchange[T]]


class _Run(Protocol):
    async def __call__(self, call: Call[T]) -> T: ...


class AsyncRemoteEnrollment:
    """One person's enrollment at the daemon, for asyncio; see `RemoteEnrollment`."""

    def __init__(self, run: _Run, begun: OpenEnrollment) -> None:
        self._run, self._begun = run, begun

    @property
    def remaining(self) -> int:
        """How many signatures are still wanted."""
        return self._begun.remaining

    async def add(self, signature: Probe) -> Addition:
        """See `RemoteEnrollment.add`."""
        probe = sendable(signature)
        return await self._run(lambda calls: calls.add(self._begun, probe))

    async def commit(self) -> EnrollmentReceipt:
        """See `RemoteEnrollment.commit`."""
        return await self._run(lambda calls: calls.commit(self._begun))

    async def abandon(self) -> None:
        """See `RemoteEnrollment.abandon`."""
        await self._run(lambda calls: calls.abandon(self._begun))


class AsyncClient:
    """A daemon, asked from asyncio; like `Client`. Calls at once take turns.

    >>> async with AsyncClient("/run/sigverify/socket") as client:           # doctest: +SKIP
    ...     decision = await client.verify("alice", probe, fmr=0.01)
    """

    def __init__(
        self,
        address: str | Path | Transport,
        *,
        token: Key | None = None,
        baud: int = DEFAULT_BAUD,
        timeout_s: float = 10.0,
        name: str = "python",
        signer: CaptureSigner | None = None,
    ) -> None:
        """Connect when first asked; see `Client`."""
        if isinstance(address, str | Path):
            address = Address(text=str(address), token=token, baud=baud)
        self._transport: Transport = address
        self._timeout_s = timeout_s
        self._calls = Calls(name=name, token=token, signer=signer)
        self._line: Line | None = None
        self._lock = asyncio.Lock()
        self._own = OwnLock("this client", error=Misuse)

    async def __aenter__(self) -> Self:
        """Return this client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the line."""
        line = self._line
        self.close()
        if line is not None:
            await line.wait_closed()

    async def verify(
        self,
        user_id: str,
        signature: Probe | tuple[Probe, ...],
        *,
        fmr: float | None = None,
        impostor: Impostor | str | None = None,
        refer_fmr: float | None = None,
    ) -> Decision:
        """See `Client.verify`."""
        kind, probes = None if impostor is None else str(impostor), sendables(signature)
        return await self._run(
            lambda calls: calls.verify(user_id, probes, fmr=fmr, impostor=kind, refer_fmr=refer_fmr)
        )

    async def identify(
        self, signature: Probe, *, top_k: int = 5, fpir: float | None = None, among: str | None = None
    ) -> Matches:
        """See `Client.identify`."""
        probe = sendable(signature)
        return await self._run(lambda calls: calls.identify(probe, top_k=top_k, fpir=fpir, among=among))

    async def enroll(
        self,
        user_id: str,
        signatures: Iterable[Probe],
        *,
        replace: bool = False,
        groups: Iterable[str] = (),
    ) -> EnrollmentReceipt:
        """See `Client.enroll`."""
        # Read before the line is used: an iterator is the caller's code, and may wait or raise.
        offered, joined = bounded(signatures), tuple(groups)
        return await self._run(lambda calls: calls.enroll(user_id, offered, replace=replace, groups=joined))

    async def enrollment(
        self,
        user_id: str,
        *,
        references: int = DEFAULT_REFERENCES,
        replace: bool = False,
        groups: Iterable[str] = (),
        modality: str | None = None,
    ) -> AsyncRemoteEnrollment:
        """See `Client.enrollment`."""
        joined = tuple(groups)
        begun = await self._run(
            lambda calls: calls.enrollment(
                user_id, references=references, replace=replace, groups=joined, modality=modality
            )
        )
        return AsyncRemoteEnrollment(self._run, begun)

    async def users(self) -> tuple[str, ...]:
        """See `Client.users`."""
        return await self._run(Calls.users)

    async def forget(self, user_id: str) -> None:
        """See `Client.forget`."""
        await self._run(lambda calls: calls.forget(user_id))

    async def info(self) -> About:
        """See `Client.info`."""
        return await self._run(Calls.info)

    async def health(self) -> Condition:
        """See `Client.health`."""
        return await self._run(Calls.health)

    async def begin(self) -> int:
        """See `Client.begin`."""
        return await self._run(Calls.begin)

    async def points(self, piece: Points) -> None:
        """See `Client.points`."""
        await self._run(lambda calls: calls.points(piece))

    async def end(self, capture: int, purpose: Purpose | str = Purpose.DECIDE) -> Captured:
        """See `Client.end`."""
        signed_for = Purpose(purpose)
        return await self._run(lambda calls: calls.end(capture, signed_for))

    async def challenge(self) -> bytes:
        """See `Client.challenge`."""
        return await self._run(Calls.challenge)

    async def cancel(self, capture: int) -> None:
        """See `Client.cancel`."""
        await self._run(lambda calls: calls.cancel(capture))

    def close(self) -> None:
        """Close the line; the next call opens another."""
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _run(self, call: Call[T]) -> T:
        """Carry out one exchange, on a new line where there is none."""
        with self._own.hold():  # for nothing but to be refused in a forked child
            pass
        async with self._lock:
            try:
                line = self._line or await self._connect()
                return await self._drive(line, call(self._calls))
            except OSError as error:
                self.close()
                raise line_error(error) from error
            except BaseException as error:
                if not isinstance(error, SigverifyError) or isinstance(error, Disconnected):
                    self.close()  # canceled midway, an answer would come too late
                raise

    async def _connect(self) -> Line:
        self._line = line = await self._transport.open_line(self._timeout_s)
        try:
            await self._drive(line, self._calls.handshake())
        except BaseException:
            self.close()
            raise
        return line

    async def _drive(self, line: Line, exchange: Exchange[T]) -> T:
        late, deadline = True, 0.0
        try:
            step = next(exchange)
            while True:
                if step.data:
                    line.writer.write(step.data)
                    async with asyncio.timeout(self._timeout_s):
                        await line.writer.drain()
                if step.data or late:
                    deadline = time.monotonic() + self._timeout_s
                late = await self._read(line, deadline) if step.wait else False
                step = exchange.send(late)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    async def _read(self, line: Line, deadline: float) -> bool:
        """Take what comes; True: time ran out."""
        left = deadline - time.monotonic()
        if left <= 0:
            return True
        try:
            async with asyncio.timeout(left):
                data = await line.reader.read(_CHUNK)
        except TimeoutError:
            return True
        if not data:
            raise ConnectionResetError("the daemon hung up")
        try:
            self._calls.take(data)
        except BridgeError:
            self.close()
            raise
        return False
