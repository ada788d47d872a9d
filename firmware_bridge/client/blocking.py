"""`Client`: a `Verifier` that runs in a daemon, used by blocking calls much like one in this process."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, Self, TypeVar

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
from firmware_bridge.transport.line import DEFAULT_BAUD, Address, Transport, Wire
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

T = TypeVar("T")
Call = Callable[[Calls], Exchange[T]]


class _Run(Protocol):
    def __call__(self, call: Call[T]) -> T: ...


class RemoteEnrollment:
    """One person's enrollment at the daemon, used like `sigverify.Enrollment`; `Client.enrollment` begins it.

    >>> enrollment = client.enrollment("alice")                              # doctest: +SKIP
    >>> while enrollment.remaining:                                          # doctest: +SKIP
    ...     print(enrollment.add(capture()).reason)
    >>> enrollment.commit()                                                  # doctest: +SKIP
    """

    def __init__(self, run: _Run, begun: OpenEnrollment) -> None:
        self._run, self._begun = run, begun

    @property
    def remaining(self) -> int:
        """How many signatures are still wanted."""
        return self._begun.remaining

    def add(self, signature: Probe) -> Addition:
        """Offer a signature, a picture or a streamed capture as a reference; the answer says if it was taken.

        Raises:
            EnrollmentError: this enrollment is over, no more are wanted, or far too many were tried.
        """
        probe = sendable(signature)
        return self._run(lambda calls: calls.add(self._begun, probe))

    def commit(self) -> EnrollmentReceipt:
        """Store the references: all of them, or, when anything is raised, nothing.

        Raises:
            EnrollmentError: signatures are still wanted, or this enrollment is over.
        """
        return self._run(lambda calls: calls.commit(self._begun))

    def abandon(self) -> None:
        """Drop the enrollment and its signatures; one that is over is fine."""
        self._run(lambda calls: calls.abandon(self._begun))


class Client:
    """A daemon, asked by blocking calls. Any thread may call; one call goes on at a time.

    Of what takes several calls, captures may go on side by side, but only one enrollment.

    >>> with Client("/run/sigverify/socket") as client:                      # doctest: +SKIP
    ...     client.enroll("alice", references)
    ...     client.verify("alice", probe, fmr=0.01).accepted
    True
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
        """Connect when first asked.

        Args:
            address: the path of a unix socket, "tcp:HOST:PORT", "tls:HOST:PORT" or "serial:DEVICE", or a
                transport of your own, such as `firmware_bridge.testing.MemoryDaemon`.
            token: what the daemon was started with, if it was.
            baud: speed of a serial line.
            timeout_s: seconds to wait for an answer before asking again; after three times the call fails.
            name: shown in the daemon's log.
            signer: what signs captures here, where the daemon takes signed ones only.
        """
        if isinstance(address, str | Path):
            address = Address(text=str(address), token=token, baud=baud)
        self._transport: Transport = address
        self._timeout_s = timeout_s
        self._calls = Calls(name=name, token=token, signer=signer)
        self._wire: Wire | None = None
        self._lock = OwnLock("this client", error=Misuse)

    def __enter__(self) -> Self:
        """Return this client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the line."""
        self.close()

    def verify(
        self,
        user_id: str,
        signature: Probe | tuple[Probe, ...],
        *,
        fmr: float | None = None,
        impostor: Impostor | str | None = None,
        refer_fmr: float | None = None,
    ) -> Decision:
        """Decide whether a signature is that person's; see `Verifier.verify`.

        Args:
            user_id: whose it is claimed to be.
            signature: a `Signature`, a `SignatureImage`, the path or bytes of a picture, a `SignedCapture`,
                or the number of a streamed capture; or two of them, strokes and picture of one signature.
            fmr: the false-match rate to allow; None: the daemon's policy.
            impostor: whom that rate counts.
            refer_fmr: a higher rate up to which a person shall decide.

        Raises:
            NotAllowed: a picture, and the daemon takes none.
        """
        kind, probes = None if impostor is None else str(impostor), sendables(signature)
        return self._run(
            lambda calls: calls.verify(user_id, probes, fmr=fmr, impostor=kind, refer_fmr=refer_fmr)
        )

    def identify(
        self, signature: Probe, *, top_k: int = 5, fpir: float | None = None, among: str | None = None
    ) -> Matches:
        """Find whose it may be, the most alike first; see `Verifier.identify`."""
        probe = sendable(signature)
        return self._run(lambda calls: calls.identify(probe, top_k=top_k, fpir=fpir, among=among))

    def enroll(
        self,
        user_id: str,
        signatures: Iterable[Probe],
        *,
        replace: bool = False,
        groups: Iterable[str] = (),
    ) -> EnrollmentReceipt:
        """Enroll somebody by good signatures, wholly or not at all; see `Verifier.enroll`."""
        # Read before the line is used: an iterator is the caller's code, and may wait or raise.
        offered, joined = bounded(signatures), tuple(groups)
        return self._run(lambda calls: calls.enroll(user_id, offered, replace=replace, groups=joined))

    def enrollment(
        self,
        user_id: str,
        *,
        references: int = DEFAULT_REFERENCES,
        replace: bool = False,
        groups: Iterable[str] = (),
        modality: str | None = None,
    ) -> RemoteEnrollment:
        """Begin to enroll signature by signature; see `Verifier.enrollment`.

        The daemon has one at a time for each client: another one ends it, and so does a broken line.
        """
        joined = tuple(groups)
        begun = self._run(
            lambda calls: calls.enrollment(
                user_id, references=references, replace=replace, groups=joined, modality=modality
            )
        )
        return RemoteEnrollment(self._run, begun)

    def users(self) -> tuple[str, ...]:
        """Return the ids of all enrolled, sorted."""
        return self._run(Calls.users)

    def forget(self, user_id: str) -> None:
        """Delete a person's references for good."""
        self._run(lambda calls: calls.forget(user_id))

    def info(self) -> About:
        """Ask what answers."""
        return self._run(Calls.info)

    def health(self) -> Condition:
        """Ask how the daemon is."""
        return self._run(Calls.health)

    def begin(self) -> int:
        """Begin to stream a signature as the pen moves; return the capture's number."""
        return self._run(Calls.begin)

    def points(self, piece: Points) -> None:
        """Stream samples; waits while the daemon has no room for more."""
        self._run(lambda calls: calls.points(piece))

    def end(self, capture: int, purpose: Purpose | str = Purpose.DECIDE) -> Captured:
        """End a capture; it can then be verified, identified or added, once.

        Where there is a signer, it is signed for that purpose: "decide", or "enroll" to be added.
        """
        signed_for = Purpose(purpose)
        return self._run(lambda calls: calls.end(capture, signed_for))

    def challenge(self) -> bytes:
        """Return 16 random bytes for a pen of your own to sign one capture with, on this line, soon."""
        return self._run(Calls.challenge)

    def cancel(self, capture: int) -> None:
        """Drop a capture."""
        self._run(lambda calls: calls.cancel(capture))

    def close(self) -> None:
        """Close the line; the next call opens another."""
        if not self._lock.is_own():  # a forked child would end the parent's line
            return
        with self._lock.hold():
            if self._wire is not None:
                self._wire.close()
                self._wire = None

    def _run(self, call: Call[T]) -> T:
        """Carry out one exchange, on a new line where there is none."""
        with self._lock.hold():
            try:
                wire = self._wire or self._connect()
                return self._drive(wire, call(self._calls))
            except OSError as error:
                self.close()
                raise line_error(error) from error
            except BaseException as error:
                if not isinstance(error, SigverifyError) or isinstance(error, Disconnected):
                    self.close()  # interrupted midway, an answer would come too late
                raise

    def _connect(self) -> Wire:
        self._wire = wire = self._transport.open_wire(self._timeout_s)
        try:
            self._drive(wire, self._calls.handshake())
        except BaseException:
            self.close()
            raise
        return wire

    def _drive(self, wire: Wire, exchange: Exchange[T]) -> T:
        late, deadline = True, 0.0
        try:
            step = next(exchange)
            while True:
                if step.data:
                    wire.write(step.data)
                if step.data or late:
                    deadline = time.monotonic() + self._timeout_s
                late = self._read(wire, deadline) if step.wait else False
                step = exchange.send(late)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def _read(self, wire: Wire, deadline: float) -> bool:
        """Take what comes; True: time ran out."""
        left = deadline - time.monotonic()
        if left <= 0:
            return True
        try:
            data = wire.read(left)
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
