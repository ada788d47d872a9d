"""`Budget`: what strangers may ask beyond `verify`, on the device's one count of failed tries.

Every answer that depends on who is enrolled, or on how alike two captures are, tells something to whoever
tries out forgeries. So each is in the audit log, and each "no" is a failed try of the device, beside those of
`verify`: whoever asks by one door has as many fewer questions at the others.
"""

import math
from collections.abc import Callable

from sigverify.audit import AuditLog, Event, Value
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import DEVICE, Lockout
from sigverify.verifier import Verifier


class Budget:
    """Counts questions about one verifier's store, by its policy's schedule for the device."""

    def __init__(self, verifier: Verifier, *, now: Callable[[], Instant] = Instant.now) -> None:
        """Count by the policy of `verifier`; `now` tells the time. Without a schedule nothing is counted."""
        self._store = verifier.store
        self._audit = AuditLog(verifier.store)
        schedule = verifier.policy.per_device
        self._lockout = None if schedule is None else Lockout(schedule, now=now)

    def wait_s(self) -> float:
        """Seconds until anything may be asked; 0: now, infinite: once an operator has unlocked the device."""
        if self._lockout is None:
            return 0.0
        with self._store.transaction(local=True) as records:
            return self._lockout.remaining_s(records, DEVICE)

    def settle(self, event: Event, user_id: str = "", *, failed: bool, **detail: Value) -> float:
        """Log a question before its answer is given, and count it where it failed.

        Returns the seconds to wait where the device is locked: then nothing is written, and the answer must
        not be given. What is asked at once is settled one by one: no more is answered than the count lets.
        """
        with self._store.transaction(durable=failed, local=True) as records:
            if self._lockout is not None:
                wait_s = self._lockout.remaining_s(records, DEVICE)
                if wait_s > 0:
                    return wait_s
            self._audit.append(records, event, user_id, **detail)
            if failed and self._lockout is not None:
                after_s = self._lockout.failed(records, DEVICE)
                if math.isinf(after_s):
                    self._audit.append(records, Event.BLOCKED)
                elif after_s > 0:
                    self._audit.append(records, Event.LOCKED_OUT, retry_after_s=math.ceil(after_s))
        return 0.0
