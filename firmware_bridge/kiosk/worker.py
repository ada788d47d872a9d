"""`Worker`: answers requests that need nothing kept from earlier ones, in a process beside the page's own."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from firmware_bridge.capability import Capability
from firmware_bridge.kiosk.asked import Asked
from firmware_bridge.kiosk.failures import Failure
from firmware_bridge.kiosk.kiosk import Kiosk
from firmware_bridge.kiosk.operations import OPERATIONS
from firmware_bridge.kiosk.refusal import Refusal, Refused, described, http_status
from firmware_bridge.kiosk.settings import Settings
from firmware_bridge.pool.job import Job
from sigverify.errors import Busy, SigverifyError
from sigverify.verifier import Verifier

_OPERATIONS: Final = {each.name: each for each in OPERATIONS}


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a caller is answered, and why where a log is to know.

    Attributes:
        content: of the answer, as JSON can hold it.
        http: its status.
        failure: what is behind it that is for the log.
        refusal, capability: why, and what was lacking.
    """

    content: dict[str, Any]
    http: int = 200
    failure: Failure | None = None
    refusal: Refusal | None = None
    capability: Capability | None = None


class Worker:
    """Has a verifier of its own; one thread calls it."""

    def __init__(self, open_verifier: Callable[[], Verifier], settings: Settings) -> None:
        """Answer by what `open_verifier` opens, once `open` is called."""
        self._open_verifier = open_verifier
        self._settings = settings
        self._verifier: Verifier | None = None
        self._kiosk: Kiosk | None = None

    def do(self, job: Job) -> Any:
        """Do a job; return what that returns."""
        return job(self)

    def open(self) -> None:
        """Open the verifier, and load what it needs.

        Raises:
            SigverifyError: it cannot be opened.
        """
        self._verifier = self._open_verifier()
        self._verifier.prepare()
        self._kiosk = Kiosk(self._verifier, self._settings)

    def answer(self, asked: Asked) -> Answered:
        """Carry out a request.

        Raises:
            Exception: whatever is a fault of ours.
        """
        if self._kiosk is None:
            raise Busy("the page is not served yet", hint="Try again")
        try:
            return Answered(content=_OPERATIONS[asked.operation].carry_out(self._kiosk, asked))
        except Refused as error:
            return Answered(
                content=described(error), http=error.http, refusal=error.reason, capability=error.capability
            )
        except SigverifyError as error:
            return Answered(content=described(error), http=http_status(error), failure=Failure.of(error))

    def close(self) -> None:
        """Close the verifier."""
        verifier, self._verifier, self._kiosk = self._verifier, None, None
        if verifier is not None:
            with suppress(SigverifyError):
                verifier.close()
