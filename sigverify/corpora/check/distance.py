"""`distances`: how far captures lie apart by what is compared by hand, whatever sensors both lack."""

from sigverify.arrays import FloatArray, Int8Array
from sigverify.matching.comparison import present
from sigverify.matching.elastic import NUMPY
from sigverify.matching.embedding import SERIES_SCALE


def distances(one: Int8Array, other: Int8Array) -> FloatArray:
    """Align series `(r, t, c)` pair by pair: `(r,)`, mean cost of a frame in standard deviations.

    A function that neither has, as the pressure of two pens without, costs nothing; the others then count for
    it, so that such pairs seem no nearer than they are.
    """
    channels = one.shape[-1]
    lacking = (~present(one) & ~present(other)).sum(axis=-1)
    apart: FloatArray = NUMPY.distances(one, other) / SERIES_SCALE * (channels / (channels - lacking).clip(1))
    return apart
