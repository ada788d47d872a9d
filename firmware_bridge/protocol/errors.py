"""Errors on the line: `to_message` says what a client is told of one, `to_error` what the client raises."""

from typing import Final

from firmware_bridge.client_errors import CLIENT_ERRORS
from firmware_bridge.protocol.messages import NO_HANDSHAKE, BadMessage, Error
from sigverify.errors import BY_STATUS, BridgeError, Disconnected, SigverifyError, UntrustedCapture

_MESSAGE_CHARACTERS: Final = 200
"""Of a sentence: far less than the 1,280 bytes of payload that every client takes."""


def to_message(error: SigverifyError) -> Error:
    """Return what a client is told of an error; of one that is about the device only what kind it is.

    >>> from sigverify.errors import KeyUnavailable, UnknownUser
    >>> to_message(UnknownUser("'ann' is not enrolled")).message
    "'ann' is not enrolled"
    >>> to_message(KeyUnavailable("cannot read /etc/sigverify/store.key")).message
    'There is no key where one was named, or it is malformed, or others may read it.'
    """
    text = str(error) if isinstance(error, CLIENT_ERRORS) else (type(error).__doc__ or "").partition("\n")[0]
    name = "ProtocolError" if isinstance(error, BadMessage) else type(error).__name__
    reason = error.reason if isinstance(error, UntrustedCapture) else None
    return Error(status=error.status, name=name, message=text[:_MESSAGE_CHARACTERS], reason=reason)


def to_error(message: Error) -> SigverifyError:
    """Return the error that a message tells of: of the SDK's class where the number is known here."""
    if message.name == NO_HANDSHAKE:
        return Disconnected(
            "the daemon was started anew", hint="What was asked was not done; the next call connects again"
        )
    if message.status == UntrustedCapture.status:
        return UntrustedCapture(message.message, reason=message.reason or "")
    return BY_STATUS.get(message.status, BridgeError)(message.message)
