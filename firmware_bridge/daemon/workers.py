"""`Workers`: who answers the daemon's requests; one thread of it, or several processes beside it."""

from collections.abc import Callable, MutableMapping
from operator import methodcaller

from firmware_bridge.daemon.worker import Abilities, Reply, Worker, leaves_state
from firmware_bridge.pool.pool import Pool
from firmware_bridge.pool.worker_process import WorkerGone
from firmware_bridge.protocol.daemon_connection import Request
from sigverify.actor import Actor
from sigverify.audit import Event, Value


class Workers:
    """Hands each request to the worker that is free first; all methods are for the event loop's thread.

    A client that begins an enrollment, or is given a challenge, stays with the worker that keeps it, until
    nothing is kept any more.
    """

    def __init__(
        self, make: Callable[[], Worker], count: int, busy_since: MutableMapping[int, float]
    ) -> None:
        """Begin `count` workers; see `Pool`.

        Raises:
            ConfigError: several, and the system cannot fork.
            BridgeError: it has no room for as many processes.
        """
        self._pool = Pool(make, count, busy_since)

    async def open(self) -> Abilities:
        """Have each open a verifier, the first before the others: it may have to make or migrate the store.

        Raises:
            SigverifyError: the verifier cannot be opened.
        """
        await self._pool.begin()
        await self._pool.first(methodcaller("open"))
        await self._pool.all(methodcaller("open"), but_first=True)
        return await self._change()

    async def reload(self) -> Abilities:
        """Have all open verifiers anew; where one cannot, all go on with what they had.

        Raises:
            Exception: whatever opening raised.
        """
        try:
            await self._pool.all(methodcaller("open"))
        except Exception:
            await self._pool.all(methodcaller("keep"))
            raise
        return await self._change()

    async def carry_out(self, client: int, request: Request, actor: Actor) -> Reply:
        """Return the answer to a request of a client, which asks one at a time.

        Raises:
            WorkerGone: the worker's process ended.
        """
        job = methodcaller("carry_out", client, request, actor)
        reply: Reply = await self._pool.ask(job, client=client, stays=leaves_state(request))
        if not reply.keeps:
            self._pool.release(client)
        return reply

    def leave(self, client: int) -> None:
        """Drop what is kept for a client that has gone."""
        self._pool.leave(client, methodcaller("leave", client))

    def log_refusal(self, event: Event, actor: Actor, detail: dict[str, Value]) -> None:
        """Have the audit log told what somebody was refused."""
        self._pool.submit(methodcaller("log_refusal", event, actor, detail))

    async def live(self) -> None:
        """Return once every worker has answered: none is stuck."""
        await self._pool.all(methodcaller("live"))

    def watch(self, ended: Callable[[WorkerGone], None]) -> None:
        """Have `ended` called when a worker's process ends by itself."""
        self._pool.watch(ended)

    async def close(self) -> None:
        """Close all verifiers, and end the processes."""
        await self._pool.close()

    async def _change(self) -> Abilities:
        abilities: Abilities = (await self._pool.all(methodcaller("change")))[0]
        return abilities
