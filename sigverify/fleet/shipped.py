"""`shipped_log`: the audit log of a kiosk, as the server has it."""

from sigverify.audit import KIND as AUDIT
from sigverify.audit import AuditLog
from sigverify.errors import ConfigError
from sigverify.fleet.sync import journal_of
from sigverify.store import State
from sigverify.store.sealed import SealedStore


def kiosks(server: SealedStore) -> tuple[str, ...]:
    """Return the names of the kiosks that have shipped entries of their logs, sorted."""
    before = journal_of("")
    with server.reading():
        kinds = server.database.execute("SELECT DISTINCT kind FROM journals").fetchall()
    return tuple(sorted(kind.removeprefix(before) for (kind,) in kinds if kind.startswith(before)))


def shipped_log(server: SealedStore, kiosk: str) -> AuditLog:
    """Return the log of the kiosk of that name, to be read and checked like any other.

    Raises:
        ConfigError: no kiosk of that name has shipped anything.
    """
    known = kiosks(server)
    if kiosk not in known:
        raise ConfigError(
            "no log of that kiosk here", expected=", ".join(known) or "one that shipped any", received=kiosk
        )
    return AuditLog(_Shipped(server, kiosk))


class _Shipped(SealedStore):
    """The server's store, in which one kiosk's log stands in the place of the fleet's."""

    def __init__(self, server: SealedStore, kiosk: str) -> None:
        super().__init__(server.database)
        self._keys, self._rows = server._keys, server._rows  # noqa: SLF001, it is the same store
        self._kiosk = kiosk

    def read_record(self, kind: str, subject: str) -> bytes | None:
        return super().read_record(self._kind(kind), subject)

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        return super().journal(self._kind(kind), after=after, limit=limit)

    def state(self, kind: str, subject: str) -> State | None:
        """Return None: the entries tell of the kiosk's rows, not of these."""
        del kind, subject
        return None

    def _kind(self, kind: str) -> str:
        return journal_of(self._kiosk) if kind == AUDIT else kind
