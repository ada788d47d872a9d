"""`Daemon`: many clients, and workers with a warm `Verifier` each. `sigverify serve` runs it."""

import asyncio
import contextlib
import logging
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Final

from firmware_bridge.admission import Admission, Bounds, Visit
from firmware_bridge.capability import BY_DEFAULT, Capability, Grant
from firmware_bridge.daemon.metrics import Metrics
from firmware_bridge.daemon.metrics_page import MetricsPage
from firmware_bridge.daemon.session import Ending, Limits, Session
from firmware_bridge.daemon.systemd import Notifier
from firmware_bridge.daemon.untrusted import Terms
from firmware_bridge.daemon.worker import Abilities, Failure, Worker, failure_of
from firmware_bridge.daemon.workers import Workers
from firmware_bridge.log_thinning import is_notable, thinned
from firmware_bridge.pool.worker_process import WorkerGone
from firmware_bridge.protocol.daemon_connection import DaemonConnection, Request
from firmware_bridge.protocol.errors import to_message
from firmware_bridge.protocol.framing import frame
from firmware_bridge.protocol.messages import Message, encode
from firmware_bridge.protocol.picture import MAX_BYTES_OF_ALL
from firmware_bridge.refusals import Refusals
from firmware_bridge.transport.address import is_loopback
from firmware_bridge.transport.line import Line
from firmware_bridge.transport.listeners import Listener, TcpListener
from sigverify.actor import Actor, ActorKind
from sigverify.audit import Event as AuditEvent
from sigverify.audit import Value
from sigverify.errors import BridgeError, Busy, ConfigError
from sigverify.protection.keys import Key
from sigverify.verifier import Verifier

_log = logging.getLogger(__name__)

QUESTIONS_A_SECOND: Final = 20.0
"""Of each client that is not trusted, in the long run."""
_MAX_REFUSING: Final = 16
"""Clients at once that are told why they are refused; the lines of more are closed without a word."""
_REFUSAL_S: Final = 1.0
"""For a client to say hello, and to read why it is refused."""
_HELLO_BYTES: Final = 4096
"""More than any hello has."""


class Daemon:
    """Serves whoever connects at its listeners, until it is stopped.

    >>> daemon = Daemon(lambda: Verifier.open("kiosk.db"))                   # doctest: +SKIP
    >>> asyncio.run(daemon.run([UnixListener("/run/sigverify/socket")]))         # doctest: +SKIP
    """

    def __init__(
        self,
        open_verifier: Callable[[], Verifier],
        *,
        allowed: Iterable[Capability] = BY_DEFAULT,
        token: Key | None = None,
        grants: Iterable[Grant[Key]] = (),
        untrusted: Terms | None = None,
        limits: Limits | None = None,
        notifier: Notifier | None = None,
        workers: int = 1,
    ) -> None:
        """Ask what `open_verifier` opens, at the start and at each reload.

        Args:
            open_verifier: called by each worker.
            allowed: what clients may ask.
            token: what each has to prove, on every line.
            grants: clients with tokens and capabilities of their own, by what they call themselves; without a
                `token` no others come in.
            untrusted: clients are not, and are answered on these terms.
            limits: of each client.
            notifier: of the service manager.
            workers: how many answer: one in a thread, several in processes of their own, forked by `run`.
        """
        self._open_verifier = open_verifier
        self._workers_wanted = workers
        self._allowed = frozenset(allowed)
        self._token = token
        self._grants = tuple(grants)
        self._untrusted = untrusted
        self._limits = limits or Limits()
        self._notifier = notifier or Notifier()
        self._sessions: dict[Session, Line] = {}
        self._admission = Admission(
            Bounds(
                connections=self._limits.clients,
                # Who is trusted asks as often as the worker answers.
                questions_a_second=None if untrusted is None else QUESTIONS_A_SECOND,
            )
        )
        self._refusing = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._failures = Counter[str]()
        self._refusals = Refusals()
        self._workers: Workers | None = None
        self._abilities: Abilities | None = None
        self._numbers = count()
        self._gone: WorkerGone | None = None
        self.metrics = Metrics()

    async def run(
        self,
        listeners: Sequence[Listener],
        *,
        page: MetricsPage | None = None,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        """Open the verifier and the listeners; return when stopped, with all requests under way answered.

        Args:
            listeners: where clients connect.
            page: where metrics are shown.
            announce: called once, when clients can connect.

        Raises:
            ConfigError: a port that others reach, and no token.
            BridgeError: a listener cannot be opened; or a worker's process ended by itself, and all with it.
            SigverifyError: the verifier cannot be opened.
        """
        for listener in listeners:
            self._check(listener)
        self._workers = Workers(
            lambda: Worker(self._open_verifier, self._untrusted),
            self._workers_wanted,
            self.metrics.busy_since,
        )
        # Without a handler the signal ends a process.
        with thinned("asyncio"), _signals({signal.SIGHUP: self._reload.set}):
            await self._serve_until_stopped(self._workers, listeners, page, announce)
        if self._gone is not None:
            raise self._gone

    def stop(self) -> None:
        """End `run`, soon."""
        self._stop.set()

    async def reload(self) -> bool:
        """Open model and store anew; enrollments under way begin anew. False: the old ones stay."""
        self._notifier.reloading()
        try:
            self._abilities = await self._serving().reload()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the old one works
            self.metrics.reloads["failed"] += 1
            _log.error("cannot reload, going on as before: %s", failure_of(error).reason)
            return False
        else:
            self.metrics.reloads["done"] += 1
            _log.info("reloaded: model %s", self._abilities.model)
            return True
        finally:
            self._notifier.ready()

    async def _serve_until_stopped(
        self,
        workers: Workers,
        listeners: Sequence[Listener],
        page: MetricsPage | None,
        announce: Callable[[], None],
    ) -> None:
        opened: list[Listener] = []
        helpers: list[asyncio.Task[None]] = []
        try:
            workers.watch(self._lost)
            self._abilities = await workers.open()
            with _signals(dict.fromkeys((signal.SIGTERM, signal.SIGINT), self.stop)):
                for listener in listeners:
                    await listener.open(self._serve)
                    opened.append(listener)
                    _log.info("listening at %s", listener)
                if page is not None:
                    await page.open(self.metrics)
                helpers += [asyncio.create_task(each) for each in (self._watch(), self._reload_on_signal())]
                self._notifier.ready()
                announce()
                await self._stop.wait()
        finally:
            self._notifier.stopping()
            if page is not None:
                page.close()
            await self._shut(opened, helpers)
            self._workers = None
            await workers.close()

    def _check(self, listener: Listener) -> None:
        if (
            isinstance(listener, TcpListener)
            and self._token is None
            and not self._grants
            and not is_loopback(listener.host)
        ):
            raise ConfigError(
                f"other machines can reach {listener}",
                expected="a token, or a loopback address",
                hint="Make one with `sigverify store keygen`, and give it with --token or --client",
            )

    def _serving(self) -> Workers:
        if self._workers is None or self._abilities is None:
            raise Busy("the daemon is not serving yet, or no more", hint="Try again")
        return self._workers

    def _lost(self, gone: WorkerGone) -> None:
        """End, without a worker: a service manager starts anew, with all of them."""
        _log.error("%s", gone)
        self._gone = gone
        self.stop()

    async def _serve(self, line: Line) -> None:
        """Serve one client until it is gone."""
        visit = None if self._stop.is_set() else self._admission.enter(line.peer, line.abort)
        if visit is None:
            await self._refuse(line)
            return
        try:
            await self._attend(line, visit)
        finally:
            self._admission.leave(visit)

    async def _attend(self, line: Line, visit: Visit) -> None:
        visit.waiting = not line.persistent
        number = next(self._numbers)

        def greeted() -> None:
            visit.waiting = False

        def token_refused() -> None:
            self._note_refusal(AuditEvent.TOKEN_REFUSED, actor_of(line.peer, connection.name))

        async def carry_out(request: Request) -> Message:
            return await self._carry_out(number, request, actor_of(line.peer, connection.name))

        def capability_refused(capability: Capability) -> None:
            actor = actor_of(line.peer, connection.name)
            self._note_refusal(AuditEvent.NOT_ALLOWED, actor, capability)

        abilities = self._abilities
        if abilities is None:  # not opened yet, or closed already
            line.close()
            return
        connection = DaemonConnection(
            allowed=self._allowed & abilities.possible,
            token=self._token,
            grants=[replace(grant, may=grant.may & abilities.possible) for grant in self._grants],
            persistent=line.persistent,
            signed_only=abilities.signed_only,
            held_by_all=lambda: self._pictures_held(line.peer),
            token_refused=token_refused,
            capability_refused=capability_refused,
        )
        session = Session(
            line,
            connection,
            carry_out,
            limits=self._limits,
            metrics=self.metrics,
            greeted=greeted,
            wait_s=lambda: self._admission.wait_s(line.peer),
        )
        self._sessions[session] = line
        self._idle.clear()
        self.metrics.clients += 1
        try:
            ending = await session.run()
            self.metrics.lines[ending] += 1
            if is_notable(self.metrics.lines[ending]):
                _log.info(
                    "client %r left: %s (%d so far)", connection.name, ending, self.metrics.lines[ending]
                )
        except Exception as error:  # noqa: BLE001 - one client's failure must not end a serial line's listener
            self.metrics.lines[Ending.BROKEN] += 1
            self._note("a client's line failed", failure_of(error))
            line.close()
        finally:
            self.metrics.clients -= 1
            if self._workers is not None:
                self._workers.leave(number)
            self._sessions.pop(session, None)
            if not self._sessions:
                self._idle.set()

    def _pictures_held(self, peer: str) -> int:
        """Return the bytes of pictures of all clients; where a peer has its share, as if none were left."""
        by_peer = sum(each.image_bytes for each, line in self._sessions.items() if line.peer == peer)
        by_all = sum(each.image_bytes for each in self._sessions)
        return max(by_all, by_peer + MAX_BYTES_OF_ALL - self._admission.bounds.share(MAX_BYTES_OF_ALL))

    async def _refuse(self, line: Line) -> None:
        """Say why, once the client said hello: a line closed before would show no reason."""
        self.metrics.lines[Ending.REFUSED] += 1
        if self._stop.is_set():
            error = Busy("the daemon is stopping")
        else:
            bounds = self._admission.bounds
            share = bounds.share(bounds.connections)
            error = Busy("too many clients", expected=f"at most {bounds.connections}, of one peer {share}")
        with contextlib.suppress(TimeoutError, OSError):
            if self._refusing < _MAX_REFUSING:
                self._refusing += 1
                try:
                    async with asyncio.timeout(_REFUSAL_S):
                        await line.reader.read(_HELLO_BYTES)
                        line.writer.write(frame(encode(0, to_message(error))))
                        await line.writer.drain()
                finally:
                    self._refusing -= 1
        line.close()

    async def _carry_out(self, client: int, request: Request, actor: Actor) -> Message:
        try:
            reply = await self._serving().carry_out(client, request, actor)
        except Busy as error:
            return to_message(error)
        except WorkerGone as error:
            self._note("a request failed", failure_of(error))
            return to_message(BridgeError("the daemon failed at this request"))
        if reply.failure is not None:
            self._note("a request failed", reply.failure)
        return reply.message

    def _note_refusal(self, event: AuditEvent, actor: Actor, what: str = "") -> None:
        """Tell the audit log, which a worker writes, but not of each of many."""
        if (count := self._refusals.count(event, what)) and self._workers is not None:
            detail: dict[str, Value] = {"capability": what} if what else {}
            self._workers.log_refusal(event, actor, {**detail, "count": count})

    def _note(self, what: str, failure: Failure) -> None:
        """Log a failure, but not each of many."""
        self._failures[failure.name] += 1
        if is_notable(self._failures[failure.name]):
            _log.error("%s: %s (%d so far)", what, failure.reason, self._failures[failure.name])

    async def _reload_on_signal(self) -> None:
        """Reload once for all signals that came meanwhile."""
        while await self._reload.wait():
            self._reload.clear()
            await self.reload()

    async def _watch(self) -> None:
        """Tell the service manager that all workers still work, twice as often as it asks for."""
        if self._notifier.watchdog_s is None:
            return
        while True:
            await self._serving().live()
            self._notifier.alive()
            await asyncio.sleep(self._notifier.watchdog_s / 2)

    async def _shut(self, listeners: Sequence[Listener], helpers: "list[asyncio.Task[None]]") -> None:
        self._stop.set()
        for session in self._sessions:
            session.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), 2 * self._limits.grace_s)
        for listener in listeners:
            await listener.close()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


def actor_of(peer: str, name: str) -> Actor:
    """Return the client at the other end of a line: as the line shows it, and as it calls itself."""
    return Actor(ActorKind.CLIENT, ", ".join(filter(None, (peer or "serial line", name))))


@contextlib.contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Handle signals, where this is the main thread."""
    loop = asyncio.get_running_loop()
    added = []
    for number, handler in handlers.items():
        with contextlib.suppress(ValueError, RuntimeError):  # not the main thread
            loop.add_signal_handler(number, handler)
            added.append(number)
    try:
        yield
    finally:
        for number in added:
            loop.remove_signal_handler(number)
