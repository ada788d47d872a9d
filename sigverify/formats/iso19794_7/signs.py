"""`Signs`: how values below 0 are written, and how to tell it from a file.

The annex of the standard in ASN.1 counts from the lower bound, and so does the one free reader that is known.
Files in two's complement are said to be about. Whichever it is, values that stay on one side of 0 differ by a
shift only, which means nothing to a signature. Where they cross 0, one reading has jumps across half of all
16 bits and the other none, or limits that contradict it: this tells them.
"""

from enum import StrEnum
from typing import Final

import numpy as np

from sigverify.arrays import IntArray

HALF: Final = 32768


class Signs(StrEnum):
    """How a signed value is written in unsigned bits."""

    OFFSET = "offset"
    """Half the range is added: what annex B of the standard says, and what is written here."""
    TWOS_COMPLEMENT = "twos_complement"


def other_signs(values: IntArray, half: int = HALF) -> IntArray:
    """Return what the same bits mean in the other way; it is its own inverse.

    >>> other_signs(np.array([-32768, -1, 0, 32767])).tolist()
    [0, 32767, -32768, -1]
    """
    return values % (2 * half) - half


def jumps(values: IntArray) -> bool:
    """Tell whether a sample lies half the range or more from the one before, which no hand does."""
    return len(values) > 1 and int(np.abs(np.diff(values)).max()) >= HALF
