"""`AuditLog`: what was done with a store, in a chain that shows where somebody cut or altered it.

Every entry carries a keyed digest over itself and the digest before it, and a head record says how many
entries there are and how the last one ends. All of it is written in the transaction of what it tells of.
The key is a secret of the store, so whoever cannot open that cannot forge an entry.

An entry names a person by a pseudonym, a keyed digest of the user id: after `forget` the log still says that
somebody was here, and no longer who. It never holds samples, embeddings or scores.

Each entry also holds what names all rows of the store as it was written: so an anchor stands for the state
of the store too. Where nothing was written since the newest entry, the rows must be those.

Only a copy of the whole file, put back later, looks untouched. `AuditLog.anchor` is against that: a line to
be kept elsewhere, which a later log must still contain. So is a counter outside (`sigverify.store.counter`).

Source: Schneier & Kelsey, "Secure Audit Logs to Support Computer Forensics", 1999 (the chain); keys that
evolve, as there, are left out: whoever holds the store's key may write anything.
"""

import hmac
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Self

from sigverify.actor import Actor, current_actor
from sigverify.errors import ConfigError, DamagedStore, StoreError
from sigverify.store import Records, State, Store
from sigverify.template import spellings
from sigverify.words import DEFAULT, phrase, sentence

KIND: Final = "audit"
"""The journal of the entries, the kind of the record that holds the head, the purpose of the secret."""
MAX_DETAIL_BYTES: Final = 1024
"""Of one entry's detail as JSON: an entry is a line, not a document."""

_HEAD: Final = "head"
_DIGEST_BYTES: Final = 32
_NUMBER_BYTES: Final = 8
_PSEUDONYM_BYTES: Final = 16
_START: Final = bytes(_DIGEST_BYTES)
_ENTRY_LABEL: Final = b"sigverify audit entry 1\0"
_USER_LABEL: Final = b"sigverify audit user 1\0"
_BATCH: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ANCHOR: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")

Value = str | int | float | bool | None


class Event(StrEnum):
    """What an entry tells of; `words.sentence` says it."""

    ENROLLED = "enrolled"
    REPLACED = "replaced"
    FORGOTTEN = "forgotten"
    JOINED = "joined"
    LEFT = "left"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REFERRED = "referred"
    REPLAYED = "replayed"
    UNKNOWN_USER = "unknown_user"
    LOCKED_OUT = "locked_out"
    BLOCKED = "blocked"
    """So many failed tries in a row that an operator has to unlock."""
    UNLOCKED = "unlocked"
    IDENTIFIED = "identified"
    NOT_IDENTIFIED = "not_identified"
    COMPARED = "compared"
    """Two signatures, of nobody who is enrolled."""
    LISTED = "listed"
    ENROLLMENT_REFUSED = "enrollment_refused"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    WRONG_CODE = "wrong_code"
    CAPTURE_REFUSED = "capture_refused"
    """It was not signed by a pen that is known, for that moment."""
    TOKEN_REFUSED = "token_refused"  # noqa: S105, the name of an event
    NOT_ALLOWED = "not_allowed"
    """A question that is not for whoever asked it; the detail names the capability."""
    ADAPTED = "adapted"
    ADAPTATION_UNDONE = "adaptation_undone"
    REKEYED = "rekeyed"
    BACKED_UP = "backed_up"
    RESTORED = "restored"
    REPAIRED = "repaired"
    STATE_ACCEPTED = "state_accepted"
    """Rows that are not those that the head told of were taken for the store's."""
    EXPORTED = "exported"
    IMPORTED = "imported"
    TEMPLATE_REFUSED = "template_refused"
    """No enrollment station that is trusted signed it: somebody with the store's key put it there."""
    TEMPLATE_SIGNED = "template_signed"
    """As it stood in the store, by an enrollment station."""
    KIOSK_ADMITTED = "kiosk_admitted"
    """The fleet's key was wrapped for it."""
    KIOSK_REVOKED = "kiosk_revoked"
    MODEL_TRUSTED = "model_trusted"
    MODEL_REFUSED = "model_refused"


_EARLIER: Final = {
    "joined a group": "joined",
    "left a group": "left",
    "unknown user": "unknown_user",
    "locked out": "locked_out",
    "adaptation undone": "adaptation_undone",
    "backed up": "backed_up",
    "model trusted": "model_trusted",
    "model refused": "model_refused",
}
"""How logs written before events were tokens spell them."""


class LogFlaw(StrEnum):
    """What is wrong with a log; `words.sentence` says it."""

    ALTERED = "altered"
    """An entry does not continue the one before it."""
    MISSING = "missing"
    UNREADABLE = "unreadable"
    CUT_OFF = "cut_off"
    """The head names entries that are gone."""
    BEYOND_HEAD = "beyond_head"
    """There are entries that the head does not know of."""
    HEAD = "head"
    """The last entry is not the one that the head names."""
    ANCHOR = "anchor"
    """The log is another one than the anchor's, or an older copy."""
    STATE = "state"
    """The store's rows are not those that the entry, and the store's head, tell of."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened.

    Attributes:
        number: from 1, without gaps.
        event: what.
        time: when, in UTC, by the device's clock, to the millisecond.
        who: 32 hex digits that stand for a user id in this store, "" for none.
        detail: a few plain values about it; never a score, a sample or a user id.
        actor: who did it; None in entries of releases that did not say.
    """

    number: int
    event: Event
    time: datetime
    who: str
    detail: Mapping[str, Value]
    actor: Actor | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "number": self.number,
            "time_ms": round(self.time.timestamp() * 1000),
            "event": self.event.value,
            "who": self.who,
            "actor": None if self.actor is None else self.actor.to_dict(),
            "detail": dict(self.detail),
        }


@dataclass(frozen=True)
class Anchor:
    """A place in a log: the number of an entry, and the digest of it and all before.

    >>> str(Anchor.parse("2:" + "ab" * 32))[:8]
    '2:ababab'
    """

    number: int
    digest: bytes

    def __str__(self) -> str:
        """Write as one line, NUMBER:DIGEST."""
        return f"{self.number}:{self.digest.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            ConfigError: something else.
        """
        match = _ANCHOR.fullmatch(text.strip())
        if not match:
            raise ConfigError(
                "no anchor of an audit log", expected="NUMBER:64 hex digits", received=text[:80]
            )
        return cls(int(match[1]), bytes.fromhex(match[2]))


@dataclass(frozen=True)
class Finding:
    """One flaw, and the entry it was found at (where several are missing, the first, and how many)."""

    number: int
    flaw: LogFlaw
    count: int = 1

    def __str__(self) -> str:
        """Say it in English."""
        return self.sentence()

    def sentence(self, *, language: str = DEFAULT) -> str:
        """Say it to a person.

        >>> Finding(5, LogFlaw.MISSING, 3).sentence()
        'entry 5 is missing (and 2 more)'
        """
        entry = phrase("entry", language=language, number=self.number)
        more = f" ({phrase('more', language=language, count=self.count - 1)})" if self.count > 1 else ""
        return f"{entry} {sentence(self.flaw, language=language)}{more}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"number": self.number, "flaw": self.flaw.value, "count": self.count}


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """What a check of a log found; true where the log is intact.

    Attributes:
        entries: how many could be read.
        anchor: the end of the log, to be kept elsewhere; None where the log is empty or its head is gone.
        findings: every flaw, in order.
    """

    entries: int
    anchor: Anchor | None
    findings: tuple[Finding, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was altered, removed, added or moved."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.intact

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "intact": self.intact,
            "entries": self.entries,
            "anchor": None if self.anchor is None else str(self.anchor),
            "findings": [finding.to_dict() for finding in self.findings],
        }


class AuditLog:
    """The audit log of one store. Threads and processes may share it.

    >>> from sigverify.store import MEMORY, SqliteStore
    >>> store = SqliteStore(MEMORY)
    >>> log = AuditLog(store)
    >>> with store.transaction() as records:
    ...     log.append(records, Event.ACCEPTED, "alice", fmr=0.01)
    1
    >>> [entry.event.value for entry in log.entries(user_id="alice")], log.verify().intact
    (['accepted'], True)
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        """Take the store whose log it is, and the clock for new entries (seconds since 1970)."""
        self._store = store
        self._clock = clock

    def append(self, records: Records, event: Event, user_id: str = "", **detail: Value) -> int:
        """Add an entry within the transaction of `records`, and return its number.

        It names who acts: see `sigverify.acting`.

        Raises:
            ConfigError: `detail` is no plain JSON, or more than `MAX_DETAIL_BYTES`.
        """
        key = self._store.secret(KIND)
        head = _anchor_of(records.get(KIND, _HEAD)) or Anchor(0, _START)
        who = _pseudonym(key, spellings(user_id)[0])
        # Without the head, which the entry itself changes.
        body = _pack(round(self._clock() * 1000), event, who, detail, records.state(KIND, _HEAD))
        # The head decides the number: were it the journal, a log whose end was cut off would heal by itself.
        number = head.number + 1
        digest = _digest(key, head.digest, number, body)
        records.append(KIND, digest + body)
        records.put(KIND, _HEAD, number.to_bytes(_NUMBER_BYTES, "big") + digest)
        return number

    def entries(self, *, after: int = 0, user_id: str | None = None) -> Iterator[Entry]:
        """Yield the entries with numbers above `after`, oldest first; of one person where asked.

        Raises:
            StoreError: an entry cannot be read; `verify` says which.
        """
        key = self._store.secret(KIND)
        wanted = None if user_id is None else {_pseudonym(key, each) for each in spellings(user_id)}
        while batch := self._store.journal(KIND, after=after, limit=_BATCH):
            for number, content in batch:
                entry = _unpack(number, content)
                if wanted is None or entry.who in wanted:
                    yield entry
            after = batch[-1][0]

    def names(self) -> dict[str, str]:
        """Return pseudonym -> user id of everybody enrolled now; of the forgotten, nobody can."""
        key = self._store.secret(KIND)
        named = ((each, user_id) for user_id in self._store.users() for each in spellings(user_id))
        return {_pseudonym(key, each): user_id for each, user_id in named}

    def pseudonym(self, user_id: str) -> str:
        """Return what stands for that person in `Entry.who`, enrolled or not."""
        return _pseudonym(self._store.secret(KIND), spellings(user_id)[0])

    def anchor(self) -> Anchor | None:
        """Return the end of the log, for keeping elsewhere; None while it is empty."""
        return _anchor_of(self._store.read_record(KIND, _HEAD))

    def verify(self, anchor: Anchor | None = None) -> AuditReport:
        """Check every entry, the head, and that the log contains `anchor`."""
        return _Check(self._store, anchor).run()


class _Check:
    """One walk along the chain."""

    def __init__(self, store: Store, anchor: Anchor | None) -> None:
        self._store = store
        self._key = store.secret(KIND)
        self._anchor = anchor
        self._last = Anchor(0, _START)
        self._newest: bytes | None = None
        self._readable = 0
        self._findings: list[Finding] = []

    def run(self) -> AuditReport:
        head = self._walk()
        self._check_head(head)
        if self._anchor is not None and self._anchor.number > self._last.number:
            self._find(self._anchor.number, LogFlaw.ANCHOR)
        self._check_state()
        return AuditReport(entries=self._readable, anchor=head, findings=tuple(self._findings))

    def _walk(self) -> Anchor | None:
        """Follow the chain to its end, and return the head: read last, others may be adding all the time."""
        while True:
            batch = self._read()
            for number, content in batch:
                self._step(number, content)
            head = _anchor_of(self._store.read_record(KIND, _HEAD))
            if not batch and (head is None or head.number <= self._last.number or not self._read()):
                return head

    def _read(self) -> list[tuple[int, bytes | None]]:
        """Return the next entries; content None where one cannot be read."""
        after = self._last.number
        try:
            return list(self._store.journal(KIND, after=after, limit=_BATCH))
        except StoreError:
            return self._read_singly(after)

    def _read_singly(self, after: int) -> list[tuple[int, bytes | None]]:
        try:
            return list(self._store.journal(KIND, after=after, limit=1))
        except StoreError:
            head = _anchor_of(self._store.read_record(KIND, _HEAD))
            if head is None or after >= head.number:
                raise
            return [(after + 1, None)]

    def _step(self, number: int, content: bytes | None) -> None:
        if gap := number - self._last.number - 1:
            self._find(self._last.number + 1, LogFlaw.MISSING, gap)
        if content is None or len(content) < _DIGEST_BYTES:
            self._find(number, LogFlaw.UNREADABLE)
            self._last = Anchor(number, _START)
            return
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        self._newest = content
        self._readable += 1
        if not hmac.compare_digest(digest, _digest(self._key, self._last.digest, number, body)):
            self._find(number, LogFlaw.ALTERED)
        # The chain goes on from what stands there, so that one altered entry is one finding.
        self._last = Anchor(number, digest)
        if self._anchor is not None and self._anchor.number == number and self._anchor != self._last:
            self._find(number, LogFlaw.ANCHOR)

    def _check_state(self) -> None:
        """Compare the rows with the store's head, and with the newest entry if nothing was written since."""
        try:
            now = self._store.state(KIND, _HEAD)
        except DamagedStore:
            self._find(self._last.number, LogFlaw.STATE)
            return
        then = None if self._newest is None else _state_of(self._newest)
        # The entry itself changed the head of the log.
        if (
            now is not None
            and then is not None
            and now.changes == then.changes + 1
            and now.digest != then.digest
        ):
            self._find(self._last.number, LogFlaw.STATE)

    def _check_head(self, head: Anchor | None) -> None:
        last = self._last
        named = 0 if head is None else head.number
        if named < last.number:
            self._find(named + 1, LogFlaw.BEYOND_HEAD, last.number - named)
        elif named > last.number:
            self._find(last.number + 1, LogFlaw.CUT_OFF, named - last.number)
        elif head is not None and head != last:
            self._find(last.number, LogFlaw.HEAD)

    def _find(self, number: int, flaw: LogFlaw, count: int = 1) -> None:
        self._findings.append(Finding(number, flaw, count))


def _anchor_of(head: bytes | None) -> Anchor | None:
    if head is None or len(head) != _NUMBER_BYTES + _DIGEST_BYTES:
        return None
    return Anchor(int.from_bytes(head[:_NUMBER_BYTES], "big"), head[_NUMBER_BYTES:])


def _digest(key: bytes, before: bytes, number: int, body: bytes) -> bytes:
    return hmac.digest(key, _ENTRY_LABEL + before + number.to_bytes(_NUMBER_BYTES, "big") + body, "sha256")


def _pseudonym(key: bytes, user_id: str) -> str:
    if not user_id:
        return ""
    return hmac.digest(key, _USER_LABEL + user_id.encode(), "sha256")[:_PSEUDONYM_BYTES].hex()


_PLAIN: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def _pack(at_ms: int, event: Event, who: str, detail: Mapping[str, Value], state: State | None) -> bytes:
    try:
        plain = _PLAIN.encode(detail)
    except (TypeError, ValueError) as error:
        raise ConfigError("the detail of an audit entry is no plain JSON", received=str(error)) from error
    if len(plain) > MAX_DETAIL_BYTES:
        raise ConfigError(
            "the detail of an audit entry is too long",
            expected=f"at most {MAX_DETAIL_BYTES} bytes",
            received=str(len(plain)),
        )
    actor = json.dumps(str(current_actor()))
    rows = "null" if state is None else f'"{state.changes}:{state.digest.hex()}"'
    return (
        f'{{"actor":{actor},"at":{at_ms},"detail":{plain},"event":"{event.value}","state":{rows},"who":"{who}"}}'
    ).encode()


def _state_of(content: bytes) -> State | None:
    """Return what an entry says of the rows; None: it is of a version before, or cannot be read."""
    try:
        changes, _, digest = json.loads(content[_DIGEST_BYTES:])["state"].partition(":")
        return State(int(changes), bytes.fromhex(digest))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None


def _unpack(number: int, content: bytes) -> Entry:
    try:
        body: dict[str, Any] = json.loads(content[_DIGEST_BYTES:])
        return Entry(
            number=number,
            event=Event(_EARLIER.get(body["event"], body["event"])),
            time=_EPOCH + timedelta(milliseconds=body["at"]),
            who=str(body["who"]),
            detail=MappingProxyType(dict(body["detail"])),
            actor=None if body.get("actor") is None else Actor.parse(body["actor"]),
        )
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise StoreError(
            f"audit entry {number} cannot be read",
            received=type(error).__name__,
            hint="Find out what happened to the log: sigverify audit verify",
        ) from error
