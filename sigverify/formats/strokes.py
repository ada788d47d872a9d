"""`recording_of_strokes`: what formats hold that say where the pen went and not when."""

from collections.abc import Mapping, Sequence

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.recording import Recording
from sigverify.formats.table import check_row_count


def recording_of_strokes(
    name: str,
    strokes: Sequence[FloatArray],
    *,
    unit: str = "",
    facts: Mapping[str, str | int | float] | None = None,
) -> Recording:
    """Return a recording without time; `strokes` are `(n, 2)` x and y, `unit` is that of both.

    Raises:
        InvalidSignature: more samples than a signature may have.
    """
    check_row_count(sum(map(len, strokes)))
    points = np.concatenate([np.empty((0, 2)), *strokes])
    return Recording(
        format=name,
        channels={Quantity.X: Channel(points[:, 0], unit), Quantity.Y: Channel(points[:, 1], unit)},
        ink=~starts_of([len(stroke) for stroke in strokes]),
        facts=facts or {},
    )


def starts_of(lengths: Sequence[int]) -> BoolArray:
    """Return `(n,)` bool, True on the first sample of each stroke; empty ones have none.

    >>> starts_of([2, 0, 1]).tolist()
    [True, False, True]
    """
    starts = np.zeros(sum(lengths), np.bool_)
    first = np.cumsum([0, *lengths])[:-1]
    starts[first[first < len(starts)]] = True
    return starts
