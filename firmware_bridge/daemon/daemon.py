"""`Daemon`: many clients, one warm `Verifier` in one worker thread. `sigverify serve` runs it."""

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from firmware_bridge.daemon.metrics import Metrics
from firmware_bridge.daemon.metrics_page import MetricsPage
from firmware_bridge.daemon.service import ClientState, Service
from firmware_bridge.daemon.session import Ending, Limits, Session
from firmware_bridge.daemon.systemd import Notifier
from firmware_bridge.log_thinning import is_notable
from firmware_bridge.protocol.daemon_connection import (
    ALL_CAPABILITIES,
    Capability,
    DaemonConnection,
    Request,
)
from firmware_bridge.protocol.errors import CLIENT_ERRORS, to_message
from firmware_bridge.protocol.framing import frame
from firmware_bridge.protocol.messages import Message, encode
from firmware_bridge.transport.address import is_loopback
from firmware_bridge.transport.line import Line
from firmware_bridge.transport.listeners import Listener, TcpListener
from sigverify.errors import BridgeError, Busy, ConfigError, SigverifyError
from sigverify.protection.keys import Key
from sigverify.verifier import Verifier

_log = logging.getLogger(__name__)

T = TypeVar("T")

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
        allowed: Iterable[Capability] = ALL_CAPABILITIES,
        token: Key | None = None,
        fixed_rates: bool = False,
        limits: Limits | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        """Ask what `open_verifier` opens, at the start and at each reload.

        Args:
            open_verifier: called in the worker thread.
            allowed: what clients may ask.
            token: what each has to prove, on every line.
            fixed_rates: the client may choose no false-match rate; the policy alone says it.
            limits: of each client.
            notifier: of the service manager.
        """
        self._open_verifier = open_verifier
        self._allowed = frozenset(allowed)
        self._token = token
        self._fixed_rates = fixed_rates
        self._limits = limits or Limits()
        self._notifier = notifier or Notifier()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sigverify")
        self._sessions: set[Session] = set()
        self._refusing = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._failures = Counter[str]()
        self._service: Service | None = None
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
            BridgeError: a listener cannot be opened.
            SigverifyError: the verifier cannot be opened.
        """
        for listener in listeners:
            self._check(listener)
        with _signals({signal.SIGHUP: self._reload.set}):  # the signal ends a process without a handler
            await self._serve_until_stopped(listeners, page, announce)

    def stop(self) -> None:
        """End `run`, soon."""
        self._stop.set()

    async def reload(self) -> bool:
        """Open model and store anew; enrollments under way begin anew. False: the old ones stay."""
        self._notifier.reloading()
        try:
            fresh = await self._in_worker(self._make_service)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the old one works
            self.metrics.reloads["failed"] += 1
            reason = error if isinstance(error, SigverifyError) else type(error).__name__
            _log.error("cannot reload, going on as before: %s", reason)
            return False
        else:
            old, self._service = self._service, fresh
            if old is not None:
                with contextlib.suppress(SigverifyError):
                    await self._in_worker(old.verifier.close)
            self.metrics.reloads["done"] += 1
            _log.info("reloaded: model %s", fresh.verifier.model.id)
            return True
        finally:
            self._notifier.ready()

    async def _serve_until_stopped(
        self, listeners: Sequence[Listener], page: MetricsPage | None, announce: Callable[[], None]
    ) -> None:
        opened: list[Listener] = []
        helpers: list[asyncio.Task[None]] = []
        try:
            self._service = await self._in_worker(self._make_service)
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

    def _check(self, listener: Listener) -> None:
        if isinstance(listener, TcpListener) and self._token is None and not is_loopback(listener.host):
            raise ConfigError(
                f"other machines can reach {listener}",
                expected="a token, or a loopback address",
                hint="Make one with `sigverify store keygen`, and give it with --token",
            )

    def _make_service(self) -> Service:
        verifier = self._open_verifier()
        try:
            verifier.prepare()
        except BaseException:
            verifier.close()
            raise
        return Service(verifier, fixed_rates=self._fixed_rates)

    async def _in_worker(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function)

    async def _serve(self, line: Line) -> None:
        """Serve one client until it is gone."""
        if len(self._sessions) >= self._limits.clients or self._stop.is_set():
            await self._refuse(line)
            return
        assert self._service is not None
        connection = DaemonConnection(
            allowed=self._service.possible(self._allowed),
            token=self._token,
            persistent=line.persistent,
            held_by_all=lambda: sum(each.image_bytes for each in self._sessions),
        )
        session = Session(line, connection, self._carry_out, limits=self._limits, metrics=self.metrics)
        self._sessions.add(session)
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
            self._note("a client's line failed", error)
            line.close()
        finally:
            self.metrics.clients -= 1
            self._sessions.discard(session)
            if not self._sessions:
                self._idle.set()

    async def _refuse(self, line: Line) -> None:
        """Say why, once the client said hello: a line closed before would show no reason."""
        self.metrics.lines[Ending.REFUSED] += 1
        if self._stop.is_set():
            error = Busy("the daemon is stopping")
        else:
            error = Busy("too many clients", expected=f"at most {self._limits.clients}")
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

    async def _carry_out(self, request: Request, state: ClientState) -> Message:
        def work() -> Message:
            assert self._service is not None  # looked up only now: a reload may have come in between
            self.metrics.busy_since = time.monotonic()
            try:
                return self._service.carry_out(request, state)
            finally:
                self.metrics.busy_since = None

        try:
            return await self._in_worker(work)
        except SigverifyError as error:
            if not isinstance(error, CLIENT_ERRORS):
                self._note("a request failed", error)
            return to_message(error)
        except Exception as error:  # noqa: BLE001 - one request must not end the daemon
            self._note("a request failed", error)
            return to_message(BridgeError("the daemon failed at this request"))

    def _note(self, what: str, error: Exception) -> None:
        """Log a failure, but not each of many. Of a crash only the name: its message may hold pen samples."""
        name = type(error).__name__
        self._failures[name] += 1
        if is_notable(self._failures[name]):
            reason = str(error) if isinstance(error, SigverifyError) else name
            _log.error("%s: %s (%d so far)", what, reason, self._failures[name])

    async def _reload_on_signal(self) -> None:
        """Reload once for all signals that came meanwhile."""
        while await self._reload.wait():
            self._reload.clear()
            await self.reload()

    async def _watch(self) -> None:
        """Tell the service manager that the worker still works, twice as often as it asks for."""
        if self._notifier.watchdog_s is None:
            return
        while True:
            await self._in_worker(lambda: None)
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
        if self._service is not None:
            await self._in_worker(self._service.verifier.close)
        self._worker.shutdown(wait=False)


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
