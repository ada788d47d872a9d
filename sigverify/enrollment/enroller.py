"""`Enroller`: stores a person's references, wholly or not at all."""

import logging
import os
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Final, TypeVar

from sigverify.audit import AuditLog, Event
from sigverify.enrollment.candidates import Candidates
from sigverify.enrollment.expected_strangers import strangers_of
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.errors import (
    AlreadyEnrolled,
    ConfigError,
    EnrollmentError,
    InvalidSignature,
    UnknownUser,
)
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.registry import modality_of
from sigverify.policy import Policy
from sigverify.policy.adaptation import kinds as adaptation_kinds
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.replay import KIND as REPLAY
from sigverify.policy.replay import Memory, Role, Sketcher
from sigverify.policy.sightings import remember
from sigverify.protection.stations import Stations
from sigverify.search.groups import join_group
from sigverify.store import Store
from sigverify.template import check_visible, normal_user_id, record_kind

DEFAULT_REFERENCES: Final = 5
"""Error rates fall steeply up to four or five, and slowly after; docs/results.md."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Screening(StrEnum):
    """What becomes of a set of references that is not good."""

    ENFORCE = "enforce"
    """It is refused."""
    RECORD = "record"
    """It is kept, and its flaws are returned: for evaluation, which has to count everybody."""


class Enroller:
    """Enrolls people by one model into one store. Any thread may call any method."""

    def __init__(
        self, store: Store, matcher: Matcher, policy: Policy, stations: Stations | None = None
    ) -> None:
        """Take the parts.

        Args:
            store: of the templates.
            matcher: of one model.
            policy: says how many captures are remembered against replays.
            stations: sign what is enrolled; None: nobody does.
        """
        self._stations = stations
        self.matcher = matcher
        self._store = store
        self._policy = policy
        self._audit = AuditLog(store)

    def look_at(self, captures: Sequence[object], names: Sequence[str], screening: Screening) -> Candidates:
        """Look at references that were offered together; `names` say what a refusal calls them.

        Raises:
            EnrollmentError: too many, or a set that is refused.
        """
        check_count(len(captures))
        candidates = Candidates(self.matcher)
        for capture in captures:
            candidates.add(capture)
        if screening is Screening.ENFORCE:
            candidates.refuse_flaws(names)
        return candidates

    def store_references(
        self,
        user_id: str,
        candidates: Candidates,
        numbers: Sequence[int],
        *,
        replace: bool,
        groups: Sequence[str],
        start: float | None = None,
    ) -> EnrollmentReceipt:
        """Store those candidates as references, with their sketches, in place of all that was.

        Raises:
            AlreadyEnrolled: the user is there and `replace` is False.
            UntrustedTemplate: only stations enroll, and this is none.
            StoreError: the store cannot be written.
        """
        start = time.perf_counter() if start is None else start
        references = self.matcher.common(
            References.stack([candidates.embeddings[number] for number in numbers])
        )
        modality = self.matcher.modality
        sketches = [
            self._sketcher.sketch(
                self._sketcher.digest(modality.fingerprint(candidates.captures[number])),
                candidates.embeddings[number].series,
                candidates.outlines[number],
            )
            for number in numbers
        ]
        with self._store.transaction() as records:
            # Turned in here, where no rekey comes in between.
            template = self.matcher.template(
                user_id, references, self._store.renewal, known=candidates.spread(numbers)
            )
            if self._stations is not None:
                template = self._stations.sign(template)
            event = Event.REPLACED if replace and self._is_enrolled(user_id) else Event.ENROLLED
            self._store.put(template, replace=replace)
            self._audit.append(records, event, user_id, references=len(template), model_id=template.model_id)
            # What was a reference before is remembered still, as a signature that was accepted.
            seen = record_kind(REPLAY, template.modality)
            memory = Memory.from_bytes(records.get(seen, user_id)).retired()
            memory = memory.with_(sketches, Role.REFERENCE, limit=self._policy.remembered)
            records.put(seen, user_id, memory.to_bytes())
            remember(records, [sketch.digest for sketch in sketches])
            for kind in (LOCKOUT, *adaptation_kinds(template.modality)):
                records.delete(kind, user_id)
            for group in groups:
                join_group(self._store, user_id, group)
        _log.info("enrolled a user with %d references", len(template))
        strangers, cautions = strangers_of(references, template.strangers, self.matcher, self._policy)
        return EnrollmentReceipt(
            user_id=user_id,
            references=len(template),
            template_bytes=len(template.to_bytes()),
            model_id=template.model_id,
            created=template.created,
            complexity=min(candidates.qualities[number].complexity for number in numbers),
            consistency=candidates.consistency(),
            reasons=tuple(candidates.reasons[number] for number in numbers),
            latency_ms=(time.perf_counter() - start) * 1000,
            strangers=strangers,
            cautions=cautions,
        )

    def check_user(self, user_id: str, *, replace: bool) -> str:
        """Return the user id in its composed form; refuse to begin what could not be stored.

        Raises:
            AlreadyEnrolled: the user is there and `replace` is False.
            UntrustedTemplate: only stations enroll, and this is none.
            ConfigError: this cannot be a user id.
        """
        if self._stations is not None:
            self._stations.require_key()
        user_id = self.new_user_id(user_id)
        if not replace and self._is_enrolled(user_id):
            raise AlreadyEnrolled(
                f"{user_id!r} is enrolled already",
                hint="Pass replace=True to enroll anew, or forget the user",
            )
        return user_id

    def new_user_id(self, user_id: str) -> str:
        """Return the id to enroll, composed; one that hides something only where it is enrolled already."""
        user_id = normal_user_id(user_id)
        try:
            check_visible(user_id)
        except ConfigError:
            if not self._is_enrolled(user_id):
                raise
        return user_id

    def _is_enrolled(self, user_id: str) -> bool:
        try:
            return self.matcher.modality.name in self._store.modalities(user_id)
        except UnknownUser:
            return False

    @cached_property
    def _sketcher(self) -> Sketcher:
        return Sketcher(self._store.secret(REPLAY))


def listed(captures: Iterable[T], limit: int) -> list[T]:
    """Return at most `limit` captures; one alone is refused with what to write instead.

    Raises:
        EnrollmentError: one capture, a path, or nothing that can be gone through.
    """
    if isinstance(captures, str | bytes | os.PathLike) or not isinstance(captures, Iterable):
        one = _is_capture(captures)
        raise EnrollmentError(
            "one signature where a list is wanted" if one else "no list of signatures",
            expected="a list of captures, such as Signature",
            received=type(captures).__name__,
            hint="Write [signature], better five of them" if one else "Read each file with read_capture",
        )
    return list(islice(captures, limit))


def _is_capture(value: object) -> bool:
    try:
        return modality_of(value) is not None
    except InvalidSignature:
        return False


def check_count(references: int) -> None:
    """Refuse a number of references that no template holds.

    Raises:
        EnrollmentError: fewer than 1, or more than `MAX_REFERENCES`.
    """
    if not 1 <= references <= MAX_REFERENCES:
        raise EnrollmentError(
            "wrong number of references", expected=f"1 to {MAX_REFERENCES}", received=str(references)
        )


def screening_of(name: Screening | str) -> Screening:
    """Return the way of screening of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return Screening(name)
    except ValueError as error:
        raise ConfigError(
            "unknown way to screen references", expected=" or ".join(Screening), received=str(name)
        ) from error
