"""What an administrator does to a store without a model: forget somebody, end a wait."""

import logging
from itertools import chain

from sigverify.audit import AuditLog, Event
from sigverify.modality.registry import modalities
from sigverify.policy.adaptation import kinds as adaptation_kinds
from sigverify.policy.lockout import DEVICE
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.replay import KIND as REPLAY
from sigverify.search.groups import KIND as GROUPS
from sigverify.store import Store
from sigverify.template import record_kind

_log = logging.getLogger(__name__)


def forget(store: Store, user_id: str) -> None:
    """Delete a person's references for good, and all records of them; no model is needed.

    Raises:
        UnknownUser: nobody of that id is enrolled.
    """
    with store.transaction() as records:
        # Also of modalities they are no longer enrolled by: a repair may have deleted a template.
        enrolled = {*store.modalities(user_id), *modalities()}
        of_each = [(record_kind(REPLAY, each), *adaptation_kinds(each)) for each in enrolled]
        store.delete(user_id)
        for kind in (LOCKOUT, *chain.from_iterable(of_each), GROUPS):
            records.delete(kind, user_id)
        AuditLog(store).append(records, Event.FORGOTTEN, user_id)
    _log.info("forgot a user")


def unlock(store: Store, user_id: str = DEVICE) -> None:
    """Let a user, or the whole device, try again at once.

    Raises:
        UnknownUser: nobody of that id is enrolled.
    """
    if user_id != DEVICE:
        store.modalities(user_id)  # raises for who is unknown
    with store.transaction(local=user_id == DEVICE) as records:
        records.delete(LOCKOUT, user_id)
        AuditLog(store).append(records, Event.UNLOCKED, user_id)
    _log.info("unlocked a user or the device")
