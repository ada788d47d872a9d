"""`Kiosk`: one verifier, as visitors and as operators use it. No HTTP in here.

A visitor may verify, under the verifier's own policy (`Policy.kiosk()`, unless its owner wants another one).
An operator may also enroll, identify, list, forget and unlock, and sees scores and who is enrolled.
"""

import copy
import threading
from dataclasses import replace

from firmware_bridge.kiosk.enrollments import Enrollments
from firmware_bridge.kiosk.operators import Operators
from firmware_bridge.kiosk.settings import Settings
from sigverify.modality.image.image import IMAGE
from sigverify.verifier import Verifier


class Kiosk:
    """What answers the page's requests; any thread may use it."""

    def __init__(self, verifier: Verifier, settings: Settings) -> None:
        """Answer by `verifier`, which the caller closes."""
        self.settings = settings
        self.operators = Operators(verifier.store, settings.code)
        self.enrollments = Enrollments()
        self.decoding = threading.Lock()
        """Held while a picture is decoded."""
        self._visitors = verifier
        # For operators a copy that shares store and network: only its policy reveals more.
        self._operators = copy.copy(verifier)
        self._operators.policy = replace(verifier.policy, reveal_score=True, reveal_unknown=True)

    def modalities(self, *, operator: bool) -> list[str]:
        """Return the kinds of capture that are taken from that kind of caller."""
        pictures = operator or self.settings.visitor_pictures
        return [each for each in self._visitors.modalities if pictures or each != IMAGE.name]

    def verifier(self, *, operator: bool) -> Verifier:
        """Return the verifier for that kind of caller: one store, one network, another policy."""
        return self._operators if operator else self._visitors
