"""`PulseForger`: a forgery made of a genuine signature, by distorting its strokes."""

from dataclasses import dataclass

import numpy as np

from sigverify.arrays import Float32Array, IndexArray, RealArray
from sigverify.modality.pen.features import FRAMES

_INK = 3
_TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class PulseForger:
    """Distorts the motor plan of signatures: length, direction and duration of every pulse of speed.

    A pulse is what lies between two minima of speed: about one stroke of the hand, whose length, angle and
    timing are the parameters of the kinematic theory. They are drawn anew around their values; shape and
    rhythm within a pulse stay. The strength is drawn for each signature from `weakest` to 1 times the
    standard deviations below: graded, from nearly genuine to plainly wrong.

    This is a simplification: pulses do not overlap here, and no lognormals are fitted.

    Attributes:
        length: standard deviation of ln(length).
        angle_deg: of the direction.
        duration: of ln(duration).
        weakest: share of them in the mildest forgery.

    Source: the idea: S. Lai, L. Jin, Y. Zhu, Z. Li, L. Lin, "SynSig2Vec", IEEE TPAMI 2021, which distorts the
    parameters of fitted sigma-lognormals (R. Plamondon, 1995); the strengths here are our own.
    """

    length: float = 0.25
    angle_deg: float = 12.0
    duration: float = 0.3
    weakest: float = 0.4

    def apply(self, traces: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Return forged copies `(n, FRAMES, 4)`, centered and of unit RMS radius."""
        out = np.empty(traces.shape, np.float32)
        for row, trace in enumerate(traces):
            out[row] = self._forge(trace.astype(np.float64), rng)
        return out

    def _forge(self, trace: RealArray, rng: np.random.Generator) -> RealArray:
        steps = np.diff(trace[:, :2], axis=0)
        pulse = pulses(np.hypot(*steps.T))
        strength = rng.uniform(self.weakest, 1)
        length, angle, duration = strength * rng.standard_normal((3, pulse[-1] + 1))[:, pulse]
        turn = np.deg2rad(self.angle_deg) * angle
        factor = np.exp(self.length * length + 1j * turn)
        forged = np.cumsum(factor * (steps[:, 0] + 1j * steps[:, 1]))
        time = np.concatenate([[0], np.cumsum(np.exp(self.duration * duration))])
        time *= (FRAMES - 1) / time[-1]
        path = np.concatenate([[0], forged])
        frames = np.arange(FRAMES)
        columns = [np.interp(frames, time, values) for values in (path.real, path.imag, *trace[:, 2:].T)]
        out = np.stack(columns, axis=1)
        out[:, _INK] = out[:, _INK] > 0.5
        out[:, :2] -= out[:, :2].mean(axis=0)
        out[:, :2] /= np.sqrt(np.square(out[:, :2]).sum(axis=1).mean()) + _TINY
        return out


def pulses(speed: RealArray) -> IndexArray:
    """Number the pulses of a speed profile `(t,)` from 0: `(t,)`; a new one begins at each minimum.

    The speed is averaged over 3 frames first, so that a sensor's grain makes no pulses.

    >>> pulses(np.array([0, 1, 2, 2, 2, 1, 0, 0, 1, 2, 2.0])).tolist()
    [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]
    """
    smooth = np.convolve(np.pad(speed, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")
    lowest = (smooth[1:-1] <= smooth[:-2]) & (smooth[1:-1] < smooth[2:])
    return np.concatenate([[0], np.cumsum(lowest), [np.count_nonzero(lowest)]]).astype(np.intp)
