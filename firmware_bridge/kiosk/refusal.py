"""`Refused`: a request that the page's rules turn down, and which HTTP status each error gets."""

from typing import Any, Final

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


class Refused(SigverifyError):
    """A request that is not allowed, or not at this time; nothing was done.

    Its `status` is that of `SigverifyError`: what happened is an HTTP matter, and `http` says which.
    """

    def __init__(self, http: int, what: str, *, hint: str = "", retry_after_s: float = 0.0) -> None:
        """Say which HTTP status it gets, and how long to wait where that helps."""
        super().__init__(what, hint=hint)
        self.http = http
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

    >>> http_status(UnknownUser("who?")), http_status(StoreError("gone")), http_status(Refused(403, "no"))
    (404, 503, 403)
    """
    if isinstance(error, Refused):
        return error.http
    return next((status for kind, status in _HTTP if isinstance(error, kind)), 500)


def described(error: SigverifyError) -> dict[str, Any]:
    """Return what the caller is told of an error; see `schemas.ERROR`."""
    wait_s = error.retry_after_s if isinstance(error, Refused) else 0.0
    return {
        "error": type(error).__name__,
        "status": error.status,
        "message": str(error),
        "retry_after_s": round(wait_s, 1),
    }
