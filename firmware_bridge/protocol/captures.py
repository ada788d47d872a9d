"""`Captures`: signatures that come in pieces while the pen moves, in bounded memory."""

from array import array
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from firmware_bridge.protocol.messages import Captured, Points
from sigverify.arrays import FloatArray
from sigverify.errors import Busy, Misuse, ProtocolError, SigverifyError
from sigverify.modality.pen.signature import Signature

MAX_CAPTURES: Final = 16
"""Captures after one hello, at once: the 12 references of the largest enrollment, and some more."""
MAX_SAMPLES: Final = 32_768
"""Samples after one hello, at once; at 33 bytes each that is 1 MB, or five minutes of writing at 100 Hz."""

_EXACT: Final = 2.0**53
"""Below it every whole number is a float, so that none changes by being written as an integer."""


class _Samples:
    """The samples of one signature so far, in columns."""

    def __init__(self) -> None:
        self.x, self.y, self.t, self.p = array("d"), array("d"), array("d"), array("d")
        self.d = bytearray()

    def __len__(self) -> int:
        return len(self.x)

    def add(self, points: Points) -> None:
        self.x.extend(points.x)
        self.y.extend(points.y)
        self.t.extend(points.t)
        self.p.extend(points.p or ())
        self.d.extend(points.d if points.d is not None else (True,) * len(points.x))

    def to_signature(self) -> Signature:
        pressure = np.array(self.p) if len(self.p) else None
        return Signature(np.array(self.x), np.array(self.y), np.array(self.t), pressure, np.array(self.d))


@dataclass
class _Capture:
    """One capture: its samples; once it is ended the signature, or the error, in their place."""

    samples: _Samples | None = field(default_factory=_Samples)
    messages: int = 0
    signature: Signature | None = None
    error: SigverifyError | None = None

    def __len__(self) -> int:
        held = self.samples if self.signature is None else self.signature
        return 0 if held is None else len(held)

    def add(self, points: Points) -> None:
        if self.samples is not None:
            self.samples.add(points)
            self.messages += 1

    def fail(self, error: SigverifyError) -> None:
        """Keep the first error, and no samples."""
        self.error = self.error or error
        self.samples = self.signature = None

    def end(self, pieces: int) -> Signature:
        # Whether the last messages were lost shows only here, where the client says how many there were.
        if self.error is None and pieces != self.messages:
            raise _lost(self.messages, pieces)
        if self.error is not None:
            raise self.error
        # Ended before, it is a signature already: the answer was lost, and the client asks again.
        if self.signature is None and self.samples is not None:
            self.signature = self.samples.to_signature()
        self.samples = None
        assert self.signature is not None
        return self.signature


class Captures:
    """The captures of one client, by number. Errors are kept until `end` raises them."""

    def __init__(self) -> None:
        self._captures: dict[int, _Capture] = {}
        self._in_use = 0

    @property
    def samples(self) -> int:
        """Samples held: of all captures, ended or not, and of the signatures of requests that wait."""
        return self._in_use + sum(map(len, self._captures.values()))

    def begin(self, number: int) -> None:
        """Begin a capture; one too many is not begun, and `end` says so."""
        self._captures.pop(number, None)
        if len(self._captures) < MAX_CAPTURES:
            self._captures[number] = _Capture()

    def add(self, points: Points) -> None:
        """Take samples."""
        capture = self._captures.get(points.capture)
        if capture is None or capture.error is not None:
            return  # nobody waits for an answer to samples: `end` says that there is no capture, or why
        error = _error_of(points, capture)
        if error is None and self.samples + len(points.x) > MAX_SAMPLES:
            error = Busy("too many samples at once", expected=f"at most {MAX_SAMPLES}")
        if error is None:
            capture.add(points)
        else:
            capture.fail(error)

    def end(self, number: int, pieces: int) -> Captured:
        """Make a signature of what came.

        Raises:
            ProtocolError: no such capture, samples were lost, or columns that do not fit together.
            InvalidSignature: the samples are no signature.
            Busy: there were too many.
        """
        capture = self._find(number)
        try:
            signature = capture.end(pieces)
        except SigverifyError:
            self.cancel(number)
            raise
        return Captured(samples=len(signature), duration_ms=signature.duration_ms)

    def cancel(self, number: int) -> None:
        """Drop a capture; there being none is fine."""
        self._captures.pop(number, None)

    def take(self, number: int) -> Signature:
        """Return an ended capture, and drop it; its samples count until `release`.

        Raises:
            ProtocolError: no such capture, or it is not ended.
        """
        signature = self._find(number).signature
        if signature is None:
            raise ProtocolError(f"capture {number} is not ended")
        self.cancel(number)
        self._in_use += len(signature)
        return signature

    def release(self, signature: Signature) -> None:
        """Stop counting the samples of a signature whose request is answered."""
        self._in_use -= len(signature)

    def _find(self, number: int) -> _Capture:
        if number not in self._captures:
            raise ProtocolError(
                f"there is no capture {number}",
                hint=f"Begin it; at most {MAX_CAPTURES} at once, and asking about one drops it",
            )
        return self._captures[number]


def split(signature: Signature, capture: int, *, size: int) -> list[Points]:
    """Return the messages that carry a signature, with at most `size` samples each.

    Raises:
        Misuse: the signature has more samples than a session holds.
    """
    if len(signature) > MAX_SAMPLES:
        raise Misuse("too many samples", expected=f"at most {MAX_SAMPLES}", received=str(len(signature)))
    columns = {"x": signature.x, "y": signature.y, "t": signature.time_ms, "p": signature.pressure}
    pieces = []
    for seq, start in enumerate(range(0, len(signature), size)):
        part = slice(start, start + size)
        numbers = {name: _plain(values[part]) for name, values in columns.items() if values is not None}
        ink = signature.ink[part]
        d = None if ink.all() else tuple(ink.tolist())
        pieces.append(Points(capture=capture, seq=seq, d=d, **numbers))
    return pieces


def _plain(values: FloatArray) -> tuple[float, ...]:
    """Write whole numbers as integers: one to five bytes instead of three to nine."""
    return tuple(
        int(value) if value.is_integer() and abs(value) < _EXACT else value for value in values.tolist()
    )


def _lost(received: int, sent: int) -> ProtocolError:
    return ProtocolError(
        "samples were lost on the way",
        expected=f"{sent} pieces so far",
        received=str(received),
        hint="Send them again",
    )


def _error_of(points: Points, capture: _Capture) -> SigverifyError | None:
    """Return what is wrong with the next piece of a capture; None: nothing."""
    if capture.signature is not None:
        return ProtocolError("samples after the end of a capture")
    if points.seq != capture.messages:
        return _lost(capture.messages, points.seq)
    columns = [points.y, points.t, *(each for each in (points.p, points.d) if each is not None)]
    if any(len(each) != len(points.x) for each in columns):
        return ProtocolError("columns of samples differ in length")
    if capture.samples and (points.p is None) != (len(capture.samples.p) == 0):
        return ProtocolError("only some samples have pressure", expected="all or none")
    return None
