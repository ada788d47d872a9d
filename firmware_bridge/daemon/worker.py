"""`Worker`: a service, and what it keeps for clients. One thread calls it, in the daemon or beside it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from firmware_bridge.capability import Capability
from firmware_bridge.client_errors import CLIENT_ERRORS
from firmware_bridge.daemon.service import ClientState, Service
from firmware_bridge.daemon.untrusted import Terms, make_service
from firmware_bridge.pool.job import Job
from firmware_bridge.protocol.daemon_connection import Request
from firmware_bridge.protocol.errors import to_message
from firmware_bridge.protocol.messages import Challenge, Enroll, Message
from firmware_bridge.refusals import log_refusal
from sigverify.actor import Actor, acting
from sigverify.audit import Event, Value
from sigverify.errors import BridgeError, Busy, SigverifyError
from sigverify.verifier import Verifier


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What a worker's verifier can do.

    Attributes:
        possible: what it has models for.
        signed_only: it takes signed captures only.
        model: id of its model.
    """

    possible: frozenset[Capability]
    signed_only: bool
    model: str


@dataclass(frozen=True)
class Failure:
    """What the operator is told of a request that failed: the error's name, a reason without samples."""

    name: str
    reason: str


@dataclass(frozen=True)
class Reply:
    """An answer to a client.

    Attributes:
        message: the answer.
        failure: what is behind it that is the operator's to know.
        keeps: whether the worker keeps something that the client's later requests need.
    """

    message: Message
    failure: Failure | None = None
    keeps: bool = False


class Worker:
    """Answers requests, one at a time."""

    def __init__(self, open_verifier: Callable[[], Verifier], terms: Terms | None) -> None:
        """Ask what `open_verifier` opens; on these terms, where clients are not trusted."""
        self._open_verifier = open_verifier
        self._terms = terms
        self._clients: dict[int, ClientState] = {}
        self._fresh: Service | None = None
        self._service: Service | None = None

    @property
    def service(self) -> Service:
        """What answers now.

        Raises:
            Busy: nothing does yet, or no more.
        """
        if self._service is None:
            raise Busy("the daemon is not serving yet, or no more", hint="Try again")
        return self._service

    def do(self, job: Job) -> Any:
        """Do a job; return what that returns."""
        return job(self)

    def open(self) -> None:
        """Open a verifier, for `change`; until then the one before answers.

        Raises:
            SigverifyError: it cannot be opened.
        """
        verifier = self._open_verifier()
        try:
            service = make_service(verifier, self._terms)
            verifier.prepare()
        except BaseException:
            verifier.close()
            raise
        self._fresh = service

    def change(self) -> Abilities:
        """Answer by what was opened last; enrollments under way begin anew."""
        if self._fresh is not None:
            old, self._service, self._fresh = self._service, self._fresh, None
            if old is not None:
                _close(old)
        service = self.service
        return Abilities(
            possible=service.possible(Capability),
            signed_only=service.signed_only,
            model=service.verifier.model.id,
        )

    def keep(self) -> None:
        """Close what was opened last, and answer as before."""
        if self._fresh is not None:
            _close(self._fresh)
            self._fresh = None

    def carry_out(self, client: int, request: Request, actor: Actor) -> Reply:
        """Answer a request of a client, who has a number; of the actor in the audit log."""
        state = self._clients.pop(client, None) or ClientState()
        failure: Failure | None = None
        try:
            with acting(actor):
                message = self.service.carry_out(request, state)
        except SigverifyError as error:
            message = to_message(error)
            failure = None if isinstance(error, CLIENT_ERRORS) else failure_of(error)
        except Exception as error:  # noqa: BLE001 - one request must not end the daemon
            message, failure = to_message(BridgeError("the daemon failed at this request")), failure_of(error)
        if state.is_kept:
            self._clients[client] = state
        return Reply(message, failure, keeps=state.is_kept)

    def leave(self, client: int) -> None:
        """Drop what is kept for a client: an enrollment under way, challenges."""
        self._clients.pop(client, None)

    def log_refusal(self, event: Event, actor: Actor, detail: dict[str, Value]) -> None:
        """Tell the audit log what somebody was refused."""
        log_refusal(self.service.verifier.store, event, actor, **detail)

    def live(self) -> None:
        """Do nothing: who is stuck does not even that."""

    def close(self) -> None:
        """Close the verifier."""
        self.keep()
        service, self._service = self._service, None
        if service is not None:
            service.verifier.close()


def leaves_state(request: Request) -> bool:
    """Return whether later requests of the client need what this one leaves at its worker."""
    return isinstance(request.message, Enroll | Challenge)


def failure_of(error: Exception) -> Failure:
    """Return what may be logged: of a crash only the name, as its message may hold pen samples."""
    name = type(error).__name__
    return Failure(name, str(error) if isinstance(error, SigverifyError) else name)


def _close(service: Service) -> None:
    """Close a verifier that answers no more; nobody waits for how that ends."""
    with suppress(SigverifyError):
        service.verifier.close()
