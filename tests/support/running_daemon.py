"""A daemon in a thread of the test's own process, with a network of arithmetic."""

import asyncio
import contextlib
import socket
import threading
import time

from builders import arithmetic_matcher
from toy_images import image_matcher

from firmware_bridge.capability import DAEMON
from firmware_bridge.daemon.daemon import Daemon
from firmware_bridge.daemon.session import Limits
from firmware_bridge.daemon.systemd import Notifier
from sigverify.errors import Disconnected
from sigverify.policy import Policy
from sigverify.store import SqliteStore
from sigverify.verifier import Verifier


def opener(path=":memory:", policy=None):
    """Return what opens a verifier at that path."""
    rules = policy or Policy(per_user=None, per_device=None)
    return lambda: Verifier(SqliteStore(path), arithmetic_matcher(), policy=rules)


def both_kinds(*, images=True):
    """Open a verifier of strokes and of pictures; without `images` it has no model for those."""
    return Verifier(
        SqliteStore(":memory:"),
        arithmetic_matcher(),
        others={"image": image_matcher} if images else {},
        policy=Policy(per_user=None, per_device=None),
    )


class RunningDaemon:
    """Runs until `stop`; as a context manager, until its end."""

    def __init__(self, listeners, *, open_verifier=None, environment=None, page=None, **options):
        self.listeners = listeners
        self.open_verifier = open_verifier or opener()
        self._environment = environment or {}
        self._options = {"limits": Limits(handshake_s=1.0, write_s=1.0, grace_s=2.0), "allowed": DAEMON}
        self._options |= options
        self._page = page
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)
        self.error = None
        self.verifier = None  # what was opened last

    def __enter__(self):
        self._thread.start()
        is_ready = self._ready.wait(10)  # not within the assert: python -O leaves those of this file out
        assert is_ready
        if self.error is not None:
            raise self.error
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        with contextlib.suppress(RuntimeError):  # its loop is closed already
            self._loop.call_soon_threadsafe(self.daemon.stop)
        self._thread.join(15)
        assert not self._thread.is_alive()

    def call(self, function):
        """Call a function in the daemon's own thread."""
        self._loop.call_soon_threadsafe(function)

    def enrollments_under_way(self):
        """How many enrollments are kept for clients, now that nothing is asked any more."""
        [lane] = self.daemon._workers._pool._lanes
        lane.worker.thread.submit(lambda: None).result(10)
        return sum(state.enrollment is not None for state in lane.worker.worker._clients.values())

    def reload(self):
        return asyncio.run_coroutine_threadsafe(self.daemon.reload(), self._loop).result(10)

    def _main(self):
        try:
            asyncio.run(self._run())
        except Exception as error:  # noqa: BLE001 - raised again in the test's own thread
            self.error = error
        finally:
            self._ready.set()

    def _opened(self):
        self.verifier = self.open_verifier()
        return self.verifier

    async def _run(self):
        self._loop = asyncio.get_running_loop()
        notifier = Notifier(self._environment)
        told, notifier.ready = notifier.ready, lambda: (told(), self._ready.set())
        self.daemon = Daemon(self._opened, notifier=notifier, **self._options)
        await self.daemon.run(self.listeners, page=self._page)


def eventually(true, seconds=5.0):
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.01)


def answering(client):
    """Whether a daemon answers the client, well."""
    try:
        return client.health().ready
    except Disconnected:
        return False


def connected(path, seconds=5.0):
    """A plain socket to a daemon."""
    its = socket.socket(socket.AF_UNIX)
    its.settimeout(seconds)
    its.connect(str(path))
    return its
