"""`StrokeCapture`: a signature as the pen moves, in pieces of samples."""

from array import array
from typing import Final

import numpy as np

from firmware_bridge.protocol.capture import Capture
from firmware_bridge.protocol.messages import Captured, End, Points
from sigverify.arrays import FloatArray
from sigverify.errors import Misuse, ProtocolError
from sigverify.modality.pen.signature import Signature

MAX_SAMPLES: Final = 32_768
"""Samples after one hello, at once; at 33 bytes each that is 1 MB, or five minutes of writing at 100 Hz."""

_EXACT: Final = 2.0**53
"""Below it every whole number is a float, so that none changes by being written as an integer."""


class _Samples:
    """The samples so far, in columns."""

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


class StrokeCapture(Capture[Points, Signature]):
    """One signature of a pen."""

    def __init__(self) -> None:
        """Begin without a sample."""
        super().__init__()
        self._samples = _Samples()

    @property
    def held(self) -> int:
        """Samples."""
        return len(self._samples if self.whole is None else self.whole)

    def _error_of(self, piece: Points) -> ProtocolError | None:
        columns = [piece.y, piece.t, *(each for each in (piece.p, piece.d) if each is not None)]
        if any(len(each) != len(piece.x) for each in columns):
            return ProtocolError("columns of samples differ in length")
        if self._samples and (piece.p is None) != (len(self._samples.p) == 0):
            return ProtocolError("only some samples have pressure", expected="all or none")
        return None

    def _keep(self, piece: Points) -> None:
        self._samples.add(piece)

    def _drop(self) -> None:
        self._samples = _Samples()

    def _made(self, ended: End) -> Signature:
        del ended
        return self._samples.to_signature()

    def _captured(self, whole: Signature) -> Captured:
        return Captured(samples=len(whole), duration_ms=whole.duration_ms)


def split(signature: Signature, capture: int, *, size: int) -> list[Points]:
    """Return the messages that carry a signature, with at most `size` samples each.

    Raises:
        Misuse: the signature has more samples than a session holds.
    """
    if len(signature) > MAX_SAMPLES:
        raise Misuse("too many samples", expected=f"at most {MAX_SAMPLES}", received=str(len(signature)))
    columns = {"x": signature.x, "y": signature.y, "t": signature.time_ms, "p": signature.pressure}
    numbers = {name: _plain(values) for name, values in columns.items() if values is not None}
    drawn = tuple(signature.ink.tolist())
    pieces = []
    for seq, start in enumerate(range(0, len(signature), size)):
        part = slice(start, start + size)
        d = None if all(drawn[part]) else drawn[part]
        its = {name: values[part] for name, values in numbers.items()}
        pieces.append(Points(capture=capture, seq=seq, d=d, **its))
    return pieces


def _plain(values: FloatArray) -> tuple[float, ...]:
    """Write whole numbers as integers: one to five bytes instead of three to nine."""
    whole = (values == np.rint(values)) & (np.abs(values) < _EXACT)
    if not whole.any():
        return tuple(values.tolist())
    return tuple(
        int(value) if is_whole else value
        for value, is_whole in zip(values.tolist(), whole.tolist(), strict=True)
    )
