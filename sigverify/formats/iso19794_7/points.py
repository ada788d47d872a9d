"""Sample points: a value of each channel after another, point after point."""

from collections.abc import Mapping, Sequence

import numpy as np

from sigverify.arrays import IntArray
from sigverify.formats.iso19794_7.kinds import Kind
from sigverify.formats.iso19794_7.signs import Signs, other_signs


def size_of(kinds: Sequence[Kind], bits: int = 16) -> int:
    """Return the bytes of one point."""
    return sum(min(kind.size, bits // 8) for kind in kinds)


def points_from(data: bytes, kinds: Sequence[Kind], signs: Signs, bits: int = 16) -> dict[Kind, IntArray]:
    """Return the values `(n,)` of each channel, int64; `data` holds whole points."""
    rows = np.frombuffer(data, _layout(kinds, bits))
    return {kind: _values(rows[kind.name], kind, signs, bits) for kind in kinds}


def points_to(values: Mapping[Kind, IntArray], bits: int = 16) -> bytes:
    """Write the values of each channel, which are within their limits; below 0 as `Signs.OFFSET` has them."""
    kinds, count = list(values), len(next(iter(values.values())))
    rows = np.empty(count, _layout(kinds, bits))
    for kind in kinds:
        rows[kind.name] = values[kind] - kind.limits(bits)[0]
    return rows.tobytes()


def _layout(kinds: Sequence[Kind], bits: int) -> np.dtype[np.void]:
    return np.dtype([(kind.name, ">u2" if size_of([kind], bits) == 2 else "u1") for kind in kinds])


def _values(raw: IntArray, kind: Kind, signs: Signs, bits: int) -> IntArray:
    values: IntArray = raw.astype(np.int64) + kind.limits(bits)[0]
    if kind.signed and signs is Signs.TWOS_COMPLEMENT:
        return other_signs(values, -kind.limits(bits)[0])
    return values
