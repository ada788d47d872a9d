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
"""Captures of one session at once: enough to collect a whole enrollment first."""
MAX_SAMPLES: Final = 32_768
"""Samples of one session at once, at 33 bytes: five minutes of writing at 100 Hz."""

_EXACT: Final = 2.0**53


class _Samples:
    """What came of one signature so far."""

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
    """One capture: its samples, and in their place later the signature, or what went wrong with it."""

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
        if self.error is None and pieces != self.messages:
            raise _lost(self.messages, pieces)
        if self.error is not None:
            raise self.error
        if self.signature is None and self.samples is not None:
            self.signature = self.samples.to_signature()
        self.samples = None
        assert self.signature is not None
        return self.signature


class Captures:
    """The captures of one session, by number. Mistakes are remembered, and told by `end`."""

    def __init__(self) -> None:
        self._captures: dict[int, _Capture] = {}
        self._lent = 0

    @property
    def samples(self) -> int:
        """Samples held: of captures not ended, of those that are, and of those that requests wait with."""
        return self._lent + sum(map(len, self._captures.values()))

    def begin(self, number: int) -> None:
        """Begin a capture; one too many is not begun, which `end` tells."""
        self._captures.pop(number, None)
        if len(self._captures) < MAX_CAPTURES:
            self._captures[number] = _Capture()

    def add(self, points: Points) -> None:
        """Take samples."""
        its = self._captures.get(points.capture)
        if its is None or its.error is not None:
            return
        wrong = _wrong(points, its)
        if wrong is None and self.samples + len(points.x) > MAX_SAMPLES:
            wrong = Busy("too many samples at once", expected=f"at most {MAX_SAMPLES}")
        if wrong is None:
            its.add(points)
        else:
            its.fail(wrong)

    def end(self, number: int, pieces: int) -> Captured:
        """Make a signature of what came.

        Raises:
            ProtocolError: no such capture, samples were lost, or columns that do not fit together.
            InvalidSignature: the samples are no signature.
            Busy: there were too many.
        """
        its = self._find(number)
        try:
            signature = its.end(pieces)
        except SigverifyError:
            self.cancel(number)
            raise
        return Captured(samples=len(signature), duration_ms=signature.duration_ms)

    def cancel(self, number: int) -> None:
        """Drop a capture; there being none is fine."""
        self._captures.pop(number, None)

    def take(self, number: int) -> Signature:
        """Return an ended capture, and drop it; its samples count until `give_back`.

        Raises:
            ProtocolError: no such capture, or it is not ended.
        """
        signature = self._find(number).signature
        if signature is None:
            raise ProtocolError(f"capture {number} is not ended")
        self.cancel(number)
        self._lent += len(signature)
        return signature

    def give_back(self, signature: Signature) -> None:
        """Count a signature's samples no more: its request is answered."""
        self._lent -= len(signature)

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


def _wrong(points: Points, its: _Capture) -> SigverifyError | None:
    """Say what is wrong with the next piece of a capture; None: nothing."""
    if its.signature is not None:
        return ProtocolError("samples after the end of a capture")
    if points.seq != its.messages:
        return _lost(its.messages, points.seq)
    columns = [points.y, points.t, *(each for each in (points.p, points.d) if each is not None)]
    if any(len(each) != len(points.x) for each in columns):
        return ProtocolError("columns of samples differ in length")
    if its.samples and (points.p is None) != (len(its.samples.p) == 0):
        return ProtocolError("only some samples have pressure", expected="all or none")
    return None
