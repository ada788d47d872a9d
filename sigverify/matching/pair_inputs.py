"""What a pair network sees of two signatures: how they differ along the path that aligns them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import Float32Array, Int16Array
from sigverify.matching.cues.extent import EXTENT
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References
from sigverify.matching.pairing import Pairing

LARGEST: Final = 4.0
"""Inputs are within ±LARGEST, so that int8 has a known range."""

_MOST_AHEAD: Final = 3
"""A step in which the reference runs ahead by more than so many others counts as this."""


@dataclass(frozen=True, kw_only=True)
class PairLayout:
    """Which channels of a modality's series and detail, counted through both, tell more than how far apart.

    Attributes:
        channels: how many there are.
        signed: whose difference is given with its sign.
        context: whose mean of both signatures is given, so that the network knows where it looks.
    """

    channels: int
    signed: tuple[int, ...] = ()
    context: tuple[int, ...] = ()

    @property
    def depth(self) -> int:
        """Inputs a step."""
        return self.channels + len(self.signed) + 2 + len(self.context) + 1


def pair_inputs(pairing: Pairing, layout: PairLayout) -> Float32Array:
    """Lay out aligned pairs for a network: `(r, t / 2, depth)` float32 in ±`LARGEST`.

    A step is two frames of the probe, beside the step of the reference in the middle of the frames that its
    path matches them with. Of each step, in this order:

    - the absolute difference of every channel; the difference, probe less reference, of some (`signed`);
    - how many steps the reference advances beyond one; how far it is ahead, in 32 steps;
    - the mean of both of some channels (`context`); twice the logarithm of the ratio of the extents.

    All but the last are whole numbers divided by a power of two, so that Python and C agree to the last bit.
    """
    paths = pairing.paths
    # The sum of the first and last frame matched with each of two frames: eight times the step, about.
    ends = (paths.first + paths.last).astype(np.int32)
    eighths = ends[:, 0::2] + ends[:, 1::2]
    own = _steps(pairing.probe)
    others = np.take_along_axis(_steps(pairing.references), (eighths >> 3)[..., np.newaxis], axis=1)
    difference, mean = own - others, own + others
    count, steps, channels = others.shape
    # Channels of the series are sums of two frames, so their unit is half of that of a stored one.
    unit = np.float32(2 * SERIES_SCALE)
    out = np.empty((count, steps, layout.depth), np.float32)
    out[..., :channels] = np.abs(difference) / unit
    place = channels + len(layout.signed)
    out[..., channels:place] = difference[..., layout.signed] / unit
    advance = np.diff(eighths, axis=1, prepend=eighths[:, :1] - 8) / np.float32(8) - 1
    out[..., place] = np.clip(advance, -1, _MOST_AHEAD)
    out[..., place + 1] = (eighths - 8 * np.arange(steps)) / np.float32(256)
    out[..., place + 2 : -1] = mean[..., layout.context] / (2 * unit)
    out[..., -1] = 2 * EXTENT.measure(pairing)[:, np.newaxis]
    return np.clip(out, -LARGEST, LARGEST, out=out)


def _steps(embedded: Embedding | References) -> Int16Array:
    """Series and detail of each step, `(…, t / 2, c)`, in halves of a stored unit."""
    series = embedded.series.astype(np.int16)
    summed = series[..., 0::2, :] + series[..., 1::2, :]
    return np.concatenate([summed, 2 * embedded.detail.astype(np.int16)], axis=-1)
