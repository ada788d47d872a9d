"""`CLIENT_ERRORS`: errors about what a client sent; others are about the device, and may name its files."""

from typing import Final

from sigverify.errors import (
    AlreadyEnrolled,
    BridgeError,
    ConfigError,
    EnrollmentError,
    FormatError,
    InvalidSignature,
    UnknownUser,
    UntrustedCapture,
)

CLIENT_ERRORS: Final = (
    InvalidSignature,
    FormatError,
    UntrustedCapture,
    UnknownUser,
    AlreadyEnrolled,
    EnrollmentError,
    ConfigError,
    BridgeError,
)
