"""`Provenance`: lets only captures be judged that a known pen signed, for this moment and once.

The counter of the last capture of each pen is a record of kind "capture-counter", found by the pen's name and
what names its key; it is written in the transaction of what the capture is used for, so neither a restart nor
a power cut lets one in twice. A pen that gets another key begins to count anew.

A refused capture concerns nobody: no name's failures rise, and nothing of it is remembered. It is a failed
try of the device, and an entry of the log, until the device is locked.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from sigverify.audit import AuditLog, Event
from sigverify.errors import ConfigError, StoreError, UntrustedCapture
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import DEVICE, Lockout
from sigverify.policy.policy import Policy
from sigverify.protection.keys import Key
from sigverify.signed.capture_keys import CaptureKeys, key_id
from sigverify.signed.challenges import Challenges
from sigverify.signed.distrust import Distrust
from sigverify.signed.signed_capture import Purpose, SignedCapture
from sigverify.store import Records, Store
from sigverify.words import sentence

KIND: Final = "capture-counter"
_COUNTER_BYTES: Final = 4


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is left to check of a capture whose signature is right: that its counter is above the last one."""

    device: str
    key: str
    counter: int

    @property
    def subject(self) -> str:
        """What the pen's counter is found by."""
        return f"{self.device} {self.key}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Checked:
    """A capture whose signature was found right by `by`; its counter is settled when it is used."""

    by: "Provenance" = field(repr=False)
    purpose: Purpose
    capture: object
    claim: Claim


class Provenance:
    """Checks captures of one verifier. Any thread may call any method."""

    def __init__(
        self, store: Store, keys: CaptureKeys | None, policy: Policy, now: Callable[[], Instant]
    ) -> None:
        """Take captures signed by `keys` and no others; None: any, and none that are signed."""
        self.keys = keys
        self.challenges = Challenges()
        self._store = store
        self._policy = policy
        self._now = now
        self._audit = AuditLog(store)

    def checked(self, capture: object, purpose: Purpose) -> object:
        """Check who signed a capture, once, where it is asked about several times; see `opened`."""
        plain, claims = self.opened(capture, purpose)
        if self.keys is None:
            return plain
        return Checked(by=self, purpose=purpose, capture=plain, claim=claims[0])

    def opened(self, captures: object, purpose: Purpose) -> tuple[object, tuple[Claim, ...]]:
        """Return the captures of one try as they are compared, and what `settle` has to check still.

        Their challenges are answered by it, whatever comes of them.

        Raises:
            UntrustedCapture: one that is not signed as it has to be; it is counted and logged.
            ConfigError: a signed one, and no keys to check it by.
            InvalidSignature, FormatError: what was signed is no capture.
        """
        several = list(captures) if isinstance(captures, tuple | list) else [captures]
        if self.keys is None:
            if any(isinstance(each, SignedCapture) for each in several):
                raise ConfigError(
                    "a signed capture, and no keys to check it by",
                    hint="Open the verifier with capture_keys=, or hand in what its read() returns",
                )
            return captures, ()
        found = [self._checked(each, self.keys, purpose) for each in several]
        # Two captures of one try count in the order in which the pen signed them.
        claims = tuple(sorted((each.claim for each in found), key=lambda claim: claim.counter))
        plain = tuple(each.capture for each in found)
        return (plain if isinstance(captures, tuple | list) else plain[0]), claims

    def used(self, captures: object, purpose: Purpose) -> object:
        """Return the captures of one try as they are compared; no capture counts a second time.

        Raises:
            UntrustedCapture, ConfigError, InvalidSignature, FormatError: see `opened`.
        """
        plain, claims = self.opened(captures, purpose)
        if claims:
            with self._store.transaction(local=True) as records:
                refused = self.settle(records, claims)
            if refused is not None:
                raise refused
        return plain

    def settle(self, records: Records, claims: Sequence[Claim]) -> UntrustedCapture | None:
        """Keep the counters of captures; where one is not above the last, count and log that in their place.

        What it returns is to be raised once the transaction is committed.
        """
        stale = next((claim for claim in claims if claim.counter <= _last(records, claim.subject)), None)
        # Two of one try may have one number, of the same pen.
        numbers = {(claim.subject, claim.counter) for claim in claims}
        if stale is None and len(numbers) < len(claims):
            stale = claims[0]
        if stale is not None:
            self._count(records, Distrust.COUNTED_BEFORE, stale.device)
            return _refusal(Distrust.COUNTED_BEFORE)
        for claim in claims:
            records.put(KIND, claim.subject, claim.counter.to_bytes(_COUNTER_BYTES, "big"))
        return None

    def _checked(self, capture: object, keys: CaptureKeys, purpose: Purpose) -> "Checked":
        if isinstance(capture, Checked) and capture.by is self and capture.purpose is purpose:
            return capture
        if not isinstance(capture, SignedCapture):
            self._refuse(Distrust.UNSIGNED)
        if capture.device not in keys:
            self._refuse(Distrust.UNKNOWN_DEVICE)
        key = keys[capture.device]
        if key is None:
            self._refuse(Distrust.REVOKED, capture.device)
        why = self._distrust(capture, key, purpose)
        if why is not None:
            self._refuse(why, capture.device)
        claim = Claim(device=capture.device, key=key_id(key), counter=capture.counter)
        return Checked(by=self, purpose=purpose, capture=capture.read(), claim=claim)

    def _distrust(self, capture: SignedCapture, key: Key, purpose: Purpose) -> Distrust | None:
        # Whoever has no key answers no challenge, and so uses up nobody's.
        if not capture.is_by(key):
            return Distrust.WRONG_SIGNATURE
        given_by = self.challenges if capture.line is None else capture.line
        if not given_by.take(capture.nonce):
            return Distrust.STALE
        return None if capture.purpose is purpose else Distrust.OTHER_PURPOSE

    def _refuse(self, why: Distrust, device: str = "") -> NoReturn:
        with self._store.transaction(local=True) as records:
            self._count(records, why, device)
        raise _refusal(why)

    def _count(self, records: Records, why: Distrust, device: str) -> None:
        schedule = self._policy.per_device
        lockout = None if schedule is None else Lockout(schedule, now=self._now)
        if lockout is not None and lockout.remaining_s(records, DEVICE) > 0:
            return  # or anybody could fill the disk
        # A name that no pen here has is whatever somebody wrote: it is not logged.
        self._audit.append(records, Event.CAPTURE_REFUSED, reason=why.value, pen=device)
        after_s = 0.0 if lockout is None else lockout.failed(records, DEVICE)
        if math.isinf(after_s):
            self._audit.append(records, Event.BLOCKED)
        elif after_s > 0:
            self._audit.append(records, Event.LOCKED_OUT, retry_after_s=math.ceil(after_s))


def _last(records: Records, subject: str) -> int:
    content = records.get(KIND, subject)
    if content is None:
        return 0
    if len(content) != _COUNTER_BYTES:
        raise StoreError("a record of a pen's counter is damaged", hint="See `sigverify store check`")
    return int.from_bytes(content, "big")


def _refusal(why: Distrust) -> UntrustedCapture:
    return UntrustedCapture(
        sentence(why),
        expected="a capture signed by a pen that is known here, in answer to a challenge of just now",
        reason=why.value,
    )
