"""`OutboxRecords`: the records of a kiosk's cache, which remember what has not been uploaded yet."""

import json
from typing import Final

from sigverify.modality.registry import modalities
from sigverify.policy.gate import UNKNOWN
from sigverify.policy.lockout import DEVICE
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.replay import KIND as REPLAY
from sigverify.store import Records, State
from sigverify.template import record_kind

LOCKOUTS: Final = (LOCKOUT, LOCKOUT + UNKNOWN)
MEMORIES: Final = tuple(
    record_kind(REPLAY, modality) + whose for modality in modalities() for whose in ("", UNKNOWN)
)
SHARED: Final = (*LOCKOUTS, *MEMORIES)
"""Kinds of records that every kiosk of a fleet has to know, and any may write."""
OUTBOX: Final = "fleet-outbox"
"""Kind of the records that name what is to be uploaded: see `address`."""


def is_shared(kind: str, subject: str) -> bool:
    """Say whether other kiosks have to know. Failures counted for this device concern it alone."""
    return kind in SHARED and subject != DEVICE


def address(kind: str, subject: str) -> str:
    """Return the subject, in the outbox, of that record."""
    return json.dumps([kind, subject])


def parse_address(text: str) -> tuple[str, str]:
    """Return kind and subject."""
    kind, subject = json.loads(text)
    return kind, subject


class OutboxRecords:
    """Records within one transaction of the cache; what is shared is noted when it changes."""

    def __init__(self, records: Records) -> None:
        """Take the cache's own records."""
        self._records = records

    def get(self, kind: str, subject: str) -> bytes | None:
        """Return a record, or None."""
        return self._records.get(kind, subject)

    def put(self, kind: str, subject: str, content: bytes) -> None:
        """Write a record in place of any before."""
        self._records.put(kind, subject, content)
        self._note(kind, subject)

    def delete(self, kind: str, subject: str) -> None:
        """Remove a record, if it is there."""
        self._records.delete(kind, subject)
        self._note(kind, subject)

    def last(self, kind: str) -> tuple[int, bytes] | None:
        """Return the newest entry of a journal, or None."""
        return self._records.last(kind)

    def append(self, kind: str, content: bytes) -> int:
        """Add an entry to a journal and return its number."""
        return self._records.append(kind, content)

    def state(self, kind: str, subject: str) -> State | None:
        """Return what names the rows as they are now, but that record."""
        return self._records.state(kind, subject)

    def _note(self, kind: str, subject: str) -> None:
        if is_shared(kind, subject):
            self._records.put(OUTBOX, address(kind, subject), b"")
