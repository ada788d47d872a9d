"""What an administrator does to a store without a model: forget somebody, end a wait, sign templates."""

import logging
from itertools import chain

from sigverify.audit import AuditLog, Event
from sigverify.modality.registry import modalities
from sigverify.policy.adaptation import kinds as adaptation_kinds
from sigverify.policy.lockout import CODES, DEVICE
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.replay import KIND as REPLAY
from sigverify.protection.stations import Stations
from sigverify.search.groups import KIND as GROUPS
from sigverify.store import Erasure, Store
from sigverify.template import record_kind

_log = logging.getLogger(__name__)


def forget(store: Store, user_id: str) -> Erasure:
    """Delete a person's references for good, and all records of them; no model is needed.

    Returns:
        whether they are overwritten, too. They are, unless somebody has been reading the store for long: then
        it is waited for as long as for another writer (5 s), and `PENDING` says that they are still there,
        sealed. On a server they are until its VACUUM.

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
    return store.erasure()


def sign(store: Store, stations: Stations, user_id: str | None = None) -> int:
    """Sign the templates that no trusted station signed, of one person or of all; return how many.

    Whoever could write the store may have put them there: it takes somebody who knows that they are right.

    Raises:
        UnknownUser: nobody of that id is enrolled.
        UntrustedTemplate: `stations` has no key to sign with.
    """
    count = 0
    with store.transaction() as records:
        log = AuditLog(store)
        for whose in store.users() if user_id is None else (user_id,):
            for modality in store.modalities(whose):
                template = store.get(whose, modality)
                if stations.trusts(template):
                    continue
                store.put(stations.sign(template), replace=True)
                log.append(records, Event.TEMPLATE_SIGNED, whose, modality=modality)
                count += 1
    _log.info("signed %d templates", count)
    return count


def unlock(store: Store, user_id: str = DEVICE) -> None:
    """Let a user, or the whole device, try again at once.

    Raises:
        UnknownUser: nobody of that id is enrolled.
    """
    if user_id != DEVICE:
        store.modalities(user_id)  # raises for who is unknown
    with store.transaction(local=user_id == DEVICE) as records:
        records.delete(LOCKOUT, user_id)
        if user_id == DEVICE and records.get(CODES, DEVICE) is not None:  # an operator who mistyped the code
            records.delete(CODES, DEVICE)
        AuditLog(store).append(records, Event.UNLOCKED, user_id)
    _log.info("unlocked a user or the device")
