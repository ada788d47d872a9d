"""Every error sigverify raises, in one tree.

::

    SigverifyError                     1   base of them all
    ├── InvalidSignature              10   arrays that are not a signature
    ├── FormatError                   11   bytes that are not a known signature file
    │   └── UnknownFormat             12   no reader recognizes the content
    ├── UntrustedCapture              13   not signed by a pen that is known, for this moment
    ├── ModelError                    20   a model cannot be used
    │   ├── MalformedModel            21   truncated, tampered with, or not a model file
    │   ├── IncompatibleModel         22   made for another version of the features or file
    │   └── UntrustedModel            23   not signed by who may, or older than one seen before
    ├── RuntimeUnavailable            30   no interpreter or delegate to run the network
    ├── MissingExtra                  31   an optional dependency is not installed
    ├── StoreError                    40   the template store cannot be read or written
    │   ├── UnknownUser               41   nobody of that id is enrolled
    │   ├── AlreadyEnrolled           42   somebody of that id is enrolled
    │   ├── MalformedTemplate         43   bytes that are not a template, or of another model
    │   ├── KeyUnavailable            44   no key, or not one that can be used
    │   ├── WrongKey                  45   the key is not the one that sealed this
    │   ├── DamagedStore              46   something sealed was altered, moved or damaged
    │   ├── StoreUnreachable          47   the fleet's server is away, and this cannot be done without it
    │   ├── StaleCache                48   the local copy of the fleet's store is too old to decide by
    │   └── UntrustedTemplate         49   no enrollment station that is trusted signed it
    ├── EnrollmentError                50   these signatures cannot make a template
    ├── ConfigError                   60   a setting is unknown or out of range
    ├── CorpusError                   61   a corpus cannot be read or is too small
    │   └── SplitLeak                 62   a writer stands on both sides of a split
    ├── TrainingError                 63   a training run cannot start, go on or be read
    ├── ConversionError               64   a trained network cannot be converted
    └── BridgeError                   70   the daemon cannot be reached or asked
        ├── ProtocolError             71   the other side does not keep to the wire protocol
        ├── Misuse                    72   this side would break the wire protocol
        ├── Disconnected              73   the line broke, or no answer came in time
        ├── NotAllowed                74   this client may not do that
        └── Busy                      75   more at once than is allowed: try again later

The number is `SigverifyError.status`: stable, shared with the wire protocol and
the C interface. A rejected probe is no error: it is a `Decision`.

Messages end in logs, so what others sent stands in them only in part: `SigverifyError` shortens
every quotation, long word and `received`, whoever composed it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

MAX_QUOTED: Final = 100
"""Characters of input in a message: enough to find the place, too few to hold a signature."""
MAX_PATH: Final = 300
"""Characters of one path in a message; file systems take names of 255."""
MAX_MESSAGE: Final = 1000
"""Characters of a whole message: its own words and a few quotations."""

_LONG: Final = re.compile(
    r"(?<!\w)'(?:[^'\\]|\\.){99,}'(?!\w)"  # quoted by repr, white space within it
    r'|(?<!\w)"(?:[^"\\]|\\.){99,}"(?!\w)'
    r"|\S{101,}",
    re.DOTALL,
)
_PATH: Final = re.compile(r"[^\s,;={}\[\]\\]*/[^\s,;={}\[\]\\]*")


def shortened(text: str, limit: int = MAX_QUOTED) -> str:
    """Return at most `limit` characters of `text`, its middle left out.

    >>> shortened("short"), shortened("0123456789", 6)
    ('short', '012…89')
    """
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]}…{text[len(text) - (limit - 1) // 2 :]}"


def _guarded(text: str) -> str:
    """Shorten every quotation and every word of `text` that is longer than input may be."""
    return _LONG.sub(
        lambda found: (
            shortened(found[0]) if len(found[0]) > MAX_PATH or not _PATH.fullmatch(found[0]) else found[0]
        ),
        text,
    )


class SigverifyError(Exception):
    """Base of every error here: what happened, what was expected, what to do next.

    Attributes:
        without_hint: the message without what to do next, for where that is said otherwise.
    """

    status: ClassVar[int] = 1

    def __init__(self, what: str, *, expected: str = "", received: str = "", hint: str = "") -> None:
        """Compose one readable message of bounded length; the parts left empty are left out."""
        parts = [_guarded(what)]
        if expected:
            parts.append(f"expected {_guarded(expected)}")
        if received:
            parts.append(f"received {shortened(received)}")
        message = "; ".join(parts)
        self.without_hint = shortened(message, MAX_MESSAGE)
        if hint:
            message = f"{message}. {_guarded(hint)}"
        super().__init__(shortened(message, MAX_MESSAGE))


class InvalidSignature(SigverifyError):
    """The arrays given are not a signature (shape, type, NaN, too few or too many samples)."""

    status = 10


class FormatError(SigverifyError):
    """The bytes given are not a whole, well-formed signature file."""

    status = 11


class UnknownFormat(FormatError):
    """No reader recognizes the content."""

    status = 12


class UntrustedCapture(SigverifyError):
    """The capture is not signed by a pen that is known here, for this moment: nothing of it was judged.

    Attributes:
        reason: the token of a `sigverify.signed.distrust.Distrust`; "" where nobody said it.
    """

    status = 13

    def __init__(
        self, what: str, *, expected: str = "", received: str = "", hint: str = "", reason: str = ""
    ) -> None:
        """Say why, as a token too."""
        super().__init__(what, expected=expected, received=received, hint=hint)
        self.reason = reason


class ModelError(SigverifyError):
    """A model cannot be used."""

    status = 20


class MalformedModel(ModelError):
    """The model file is truncated, tampered with, or no model file at all."""

    status = 21


class IncompatibleModel(ModelError):
    """The model was made for another version of the features or of the file."""

    status = 22


class UntrustedModel(ModelError):
    """The model is unsigned, signed by nobody who may, altered since, or older than one seen before."""

    status = 23


class RuntimeUnavailable(SigverifyError):
    """No interpreter, or not the delegate asked for, can run the network here."""

    status = 30


class MissingExtra(SigverifyError):
    """An optional dependency is not installed; the message names the pip command."""

    status = 31


class StoreError(SigverifyError):
    """The template store cannot be read or written."""

    status = 40


class UnknownUser(StoreError):
    """Nobody of that id is enrolled."""

    status = 41


class AlreadyEnrolled(StoreError):
    """Somebody of that id is enrolled already."""

    status = 42


class MalformedTemplate(StoreError):
    """The bytes are not a template, or one of another model."""

    status = 43


class KeyUnavailable(StoreError):
    """There is no key where one was named, or it is malformed, or others may read it."""

    status = 44


class WrongKey(StoreError):
    """The key is not the one that sealed this store or these bytes."""

    status = 45


class DamagedStore(StoreError):
    """Something sealed cannot be opened: it was altered, moved to another place, or damaged."""

    status = 46


class StoreUnreachable(StoreError):
    """The fleet's server cannot be reached, and what was asked cannot be done without it."""

    status = 47


class StaleCache(StoreError):
    """The local copy of the fleet's store is incomplete or too old: somebody may have been revoked since."""

    status = 48


class UntrustedTemplate(StoreError):
    """The template is not signed by an enrollment station that is trusted here: it is not compared with.

    Attributes:
        reason: the token of a `sigverify.protection.stations.Unsigned`; "" where nobody said it.
    """

    status = 49

    def __init__(
        self, what: str, *, expected: str = "", received: str = "", hint: str = "", reason: str = ""
    ) -> None:
        """Say why, as a token too."""
        super().__init__(what, expected=expected, received=received, hint=hint)
        self.reason = reason


class EnrollmentError(SigverifyError):
    """These signatures cannot make a template."""

    status = 50


class ConfigError(SigverifyError):
    """A setting is unknown or out of range."""

    status = 60


class CorpusError(SigverifyError):
    """A corpus cannot be read or is too small for what was asked."""

    status = 61


class SplitLeak(CorpusError):
    """A writer stands on both sides of a split."""

    status = 62


class TrainingError(SigverifyError):
    """A training run cannot start, go on or be read."""

    status = 63


class ConversionError(SigverifyError):
    """A trained network cannot be converted."""

    status = 64


class BridgeError(SigverifyError):
    """The daemon cannot be reached or asked."""

    status = 70


class ProtocolError(BridgeError):
    """The other side sent what the wire protocol does not allow."""

    status = 71


class Misuse(BridgeError):
    """This side was about to send what the wire protocol does not allow; nothing was sent."""

    status = 72


class Disconnected(BridgeError):
    """The line broke or no answer came in time: what was asked may have been done, or not."""

    status = 73


class NotAllowed(BridgeError):
    """This client may not do that: no token, a wrong one, or an operation that is not for it.

    Attributes:
        capability: the one that is lacking ("replace", "forget", …); "" where it is not about one, and at the
            client's side, where the message names it.
    """

    status = 74

    def __init__(self, what: str, *, capability: str = "", **parts: str) -> None:
        """Say what is not allowed, and which capability would allow it."""
        super().__init__(what, **parts)
        self.capability = capability


class Busy(BridgeError):
    """More at once than is allowed; the same may be asked again later."""

    status = 75


BY_STATUS: Final[Mapping[int, type[SigverifyError]]] = MappingProxyType(
    {
        each.status: each
        for each in tuple(vars().values())
        if isinstance(each, type) and issubclass(each, SigverifyError)
    }
)
"""The whole tree by number: what a status of the wire protocol or the C interface means."""


def one_line(error: Exception) -> str:
    """Return a foreign error's text, of the system's without its path, in one line of bounded length."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shortened(" ".join(text.split()))
