"""`Kiosk`: one verifier, as visitors and as operators use it. No HTTP in here.

A visitor may verify, under the verifier's own policy (`Policy.kiosk()`, unless its owner wants another one).
An operator may also enroll, identify, list, forget and unlock, and sees scores and who is enrolled.
"""

import copy
import math
import threading
from dataclasses import replace
from typing import Final

from firmware_bridge.budget import Budget
from firmware_bridge.capability import Capability
from firmware_bridge.kiosk.enrollments import Enrollments
from firmware_bridge.kiosk.failures import Failure, Failures
from firmware_bridge.kiosk.operators import Operators
from firmware_bridge.kiosk.refusal import Refusal, Refused
from firmware_bridge.kiosk.settings import Settings, find
from firmware_bridge.refusals import Refusals, log_refusal
from sigverify.actor import Actor, ActorKind
from sigverify.audit import Event
from sigverify.errors import SigverifyError
from sigverify.modality.image.image import IMAGE
from sigverify.store import wait_for_disk
from sigverify.verifier import Verifier

VISITOR: Final = frozenset({Capability.VERIFY})
"""What anybody may at the page."""


class Kiosk:
    """What answers the page's requests; any thread may use it."""

    def __init__(self, verifier: Verifier, settings: Settings) -> None:
        """Answer by `verifier`, which the caller closes."""
        self.settings = settings
        self.operators = Operators(verifier.store, settings.all_operators)
        self.enrollments = Enrollments()
        self.failures = Failures()
        self._budget = Budget(verifier)
        self._refusals = Refusals()
        self.decoding = threading.Lock()
        """Held while a picture is decoded."""
        self._visitors = verifier
        # For operators a copy that shares store and network: only its policy reveals more.
        self._operators = copy.copy(verifier)
        self._operators.policy = replace(verifier.policy, reveal_score=True, reveal_unknown=True)

    @property
    def signed_only(self) -> bool:
        """Whether captures have to be signed by a pen: then none of a browser is taken."""
        return self._visitors.takes_signed_only

    def modalities(self, may: frozenset[Capability]) -> list[str]:
        """Return the kinds of capture that are taken from whoever is allowed that."""
        pictures = Capability.IMAGES in may
        return [each for each in self._visitors.modalities if pictures or each != IMAGE.name]

    def may(self, token: str, session: str | None) -> frozenset[Capability]:
        """Return what is allowed to whoever shows this token and this session of an operator."""
        pictures = {Capability.IMAGES} if self.settings.visitor_pictures else frozenset[Capability]()
        its = find(self.settings.clients, token)
        return VISITOR | pictures | self.operators.may(session) | (frozenset() if its is None else its.may)

    def verifier(self, *, operator: bool) -> Verifier:
        """Return the verifier for that kind of caller: one store, one network, another policy."""
        return self._operators if operator else self._visitors

    def actor(self, peer: str, token: str, session: str | None) -> Actor:
        """Return who asks: an operator by their session, a program by its token, or a visitor there."""
        if (its := self.operators.actor(session)) is not None:
            return its
        client = find(self.settings.clients, token)
        if client is not None:
            return Actor(ActorKind.CLIENT, f"{peer}, {client.name}")
        if self.operators.open_to_all:
            return Actor(ActorKind.OPERATOR, f"everybody at {peer}")
        return Actor(ActorKind.VISITOR, peer)

    def refused(self, event: Event, actor: Actor, what: str = "") -> None:
        """Tell the audit log of a refusal, but not of each of many."""
        if count := self._refusals.count(event, what):
            detail = {"capability": what} if what else {}
            log_refusal(self._visitors.store, event, actor, count=count, **detail)

    def note_refusal(self, actor: Actor, reason: Refusal, capability: Capability | None) -> None:
        """Tell the audit log why a request was turned down, where it is to know."""
        if capability is not None:
            self.refused(Event.NOT_ALLOWED, actor, capability)
        elif reason is Refusal.SIGNED_ONLY:
            self.refused(Event.CAPTURE_REFUSED, actor)

    def note(self, event: Event) -> None:
        """Log what an operator asked that is no try."""
        with self._visitors.store.transaction(durable=False, local=True) as records:
            self._visitors.audit.append(records, event)

    def recover(self) -> None:
        """Where the store failed, write to it: once that works, the device is healthy again.

        That a request was answered shows nothing: of a try that was refused at once, nothing is written.
        """
        failed = self.failures.of_store()
        if not failed:
            return
        try:
            wait_for_disk(self._visitors.store)
        except SigverifyError as error:
            self.failures.note(Failure.of(error))
        else:
            self.failures.note_written(failed)

    def settle(self, event: Event, user_id: str = "", *, failed: bool) -> None:
        """Log what was asked beside `verify`, and count a "no" as a failed try of the device.

        Raises:
            Refused: the device has to wait; the answer must not be given.
        """
        wait_s = self._budget.settle(event, user_id, failed=failed)
        if wait_s > 0:
            raise Refused(
                Refusal.TOO_MANY_QUESTIONS,
                hint="An operator can unlock the device",
                retry_after_s=0.0 if math.isinf(wait_s) else wait_s,
            )
