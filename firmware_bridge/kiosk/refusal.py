"""`Refused`: a request that the page's rules turn down, and which HTTP status each error gets."""

import math
from enum import StrEnum
from typing import Any, Final

from firmware_bridge.capability import Capability
from firmware_bridge.client_errors import CLIENT_ERRORS
from sigverify.errors import (
    AlreadyEnrolled,
    ConfigError,
    EnrollmentError,
    FormatError,
    InvalidSignature,
    SigverifyError,
    StoreError,
    UnknownUser,
)
from sigverify.words import sentence


class Refusal(StrEnum):
    """Why a request is turned down; `words.sentence` says it."""

    NO_TOKEN = "no_token"  # noqa: S105, the name of a reason
    NO_HEADER = "no_header"
    OTHER_PAGE = "other_page"
    OTHER_NAME = "other_name"
    OPERATORS_ONLY = "operators_only"
    NOT_ALLOWED = "not_allowed"
    """Not for this operator, or this program."""
    WRONG_CODE = "wrong_code"
    TOO_MANY_CODES = "too_many_codes"
    CODES_BLOCKED = "codes_blocked"
    """So many wrong ones that whoever looks after the device has to unlock."""
    TOO_MANY_QUESTIONS = "too_many_questions"
    TOO_SLOW = "too_slow"
    TOO_MUCH = "too_much"
    NO_CODE = "no_code"
    """Everybody is an operator."""
    NO_ENROLLMENT = "no_enrollment"
    TOO_MANY_ENROLLMENTS = "too_many_enrollments"
    SIGNED_ONLY = "signed_only"
    """What a browser sends is signed by no pen."""
    NOT_SERVED = "not_served"
    """No such path or method, or too large."""


_REFUSED: Final = {
    Refusal.NO_TOKEN: 401,
    Refusal.NO_HEADER: 403,
    Refusal.OTHER_PAGE: 403,
    Refusal.OTHER_NAME: 421,
    Refusal.OPERATORS_ONLY: 403,
    Refusal.NOT_ALLOWED: 403,
    Refusal.WRONG_CODE: 403,
    Refusal.TOO_MANY_CODES: 429,
    Refusal.CODES_BLOCKED: 403,
    Refusal.TOO_MANY_QUESTIONS: 429,
    Refusal.TOO_SLOW: 408,
    Refusal.TOO_MUCH: 503,
    Refusal.NO_CODE: 409,
    Refusal.NO_ENROLLMENT: 404,
    Refusal.TOO_MANY_ENROLLMENTS: 503,
    Refusal.SIGNED_ONLY: 403,
}
"""The HTTP status of each; `NOT_SERVED` comes with its own."""


class Refused(SigverifyError):
    """A request that is not allowed, or not at this time; nothing was done.

    Its `status` is that of `SigverifyError`: what happened is an HTTP matter, and `http` says which.
    """

    def __init__(
        self,
        reason: Refusal,
        *,
        http: int | None = None,
        hint: str = "",
        retry_after_s: float = 0.0,
        capability: Capability | None = None,
    ) -> None:
        """Say why, which HTTP status it gets where that is not the reason's own, and how long to wait.

        `capability` is the one that is lacking.
        """
        super().__init__(sentence(reason), hint=hint)
        self.reason = reason
        self.capability = capability
        self.http = _REFUSED[reason] if http is None else http
        self.retry_after_s = retry_after_s


_HTTP: Final = (
    (UnknownUser, 404),
    (AlreadyEnrolled, 409),
    (StoreError, 503),
    (InvalidSignature, 422),
    (FormatError, 422),
    (EnrollmentError, 422),
    (ConfigError, 422),
)


def http_status(error: SigverifyError) -> int:
    """Return the HTTP status of an error.

    >>> [http_status(each) for each in (UnknownUser("who?"), StoreError("gone"), Refused(Refusal.NO_TOKEN))]
    [404, 503, 401]
    """
    if isinstance(error, Refused):
        return error.http
    return next((status for kind, status in _HTTP if isinstance(error, kind)), 500)


def is_about_device(error: SigverifyError) -> bool:
    """Whether an error is not about what was asked; what it says is for the device's log: it names files."""
    return not isinstance(error, (Refused, *CLIENT_ERRORS))


def described(error: SigverifyError) -> dict[str, Any]:
    """Return what the caller is told of an error; see `schemas.ERROR`.

    Of one that is about the device that is only what kind it is, as by the daemon (`protocol.errors`).

    >>> described(StoreError("cannot write the store /var/lib/sigverify/kiosk.db"))["message"]
    "The template store cannot be read or written. The device's log says why"
    """
    refused = error if isinstance(error, Refused) else None
    return {
        "error": type(error).__name__,
        "status": error.status,
        "reason": None if refused is None else refused.reason.value,
        "capability": None if refused is None or refused.capability is None else refused.capability.value,
        "message": _kind(error) if is_about_device(error) else str(error),
        "retry_after_s": 0.0 if refused is None else math.ceil(10 * refused.retry_after_s) / 10,
    }


def _kind(error: SigverifyError) -> str:
    if type(error) is SigverifyError:
        return "the device failed. Its log says why"
    first = (type(error).__doc__ or "").partition("\n")[0]
    return f"{first} The device's log says why"
