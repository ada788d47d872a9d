"""From a `Signature` to what the network and the matcher see.

Two steps, so that training can distort ink between them and still run the very code the device runs:

1. `trace`: repair the time axis, drop hover, resample uniformly in time, center and scale. `(FRAMES, 4)`.
2. `encode`: traces to functions of time (speed, direction, pressure …). `(n, FRAMES, CHANNELS)`.

The functions are those of the field's DTW systems; see M. Martinez-Diaz, J. Fierrez, R. P. Krish,
J. Galbally, "Mobile signature verification: feature robustness and performance comparison", 2014, table 2.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array, FloatArray
from sigverify.modality.pen.signature import Signature

FEATURES_VERSION: Final = 3
"""Raised with every change that alters a number: a model runs only with the version it was trained on."""

FRAMES: Final = 256
"""Frames a signature is resampled to. By DTW on SVC2004 Task 2 256 costs nothing, 128 half a point of EER."""

CLIP: Final = 4.0
"""Functions are clipped to ±CLIP standard deviations, so that int8 has a known range."""

TRACE_CHANNELS: Final = ("x", "y", "pressure", "ink")
CHANNEL_NAMES: Final = (
    "dx",
    "dy",
    "speed",
    "cos",
    "sin",
    "acceleration",
    "pressure",
    "x",
    "y",
    "ink",
    "turn",
    "pace",
)
CHANNELS: Final = len(CHANNEL_NAMES)
SERIES_CHANNELS: Final = 7
"""The first so many channels are the functions that elastic matching compares by hand."""
DETAIL_FRAMES: Final = FRAMES // 2
DETAIL_NAMES: Final = CHANNEL_NAMES[SERIES_CHANNELS:]
DETAIL_CHANNELS: Final = len(DETAIL_NAMES)
"""The other channels, averaged over two frames, are read along the path that the first ones give."""

MIDDLE_SPEED: Final = 0.05
"""Speed at which "pace" is 0, in RMS radii a frame: the median frame of SVC2004 and of synthetic writers."""

_TINY: Final = 1e-6


def features(signature: Signature) -> Float32Array:
    """Encode one signature: `(FRAMES, CHANNELS)` float32 in [-CLIP, CLIP]."""
    return np.asarray(encode(trace(signature)[np.newaxis])[0])


def trace(signature: Signature) -> Float32Array:
    """Resample to `(FRAMES, 4)` float32: x, y, pressure, ink.

    x and y are centered on the ink and scaled to a root-mean-square radius of 1; pressure is divided by its
    maximum (all 0 where the device has none); ink is 1 where the pen writes and 0 in a lift.
    Hover samples are dropped: the way between two strokes is a straight line in time, on every device.
    """
    keep = signature.repaired.kept
    time = signature.repaired.time_ms[keep]
    grid = np.linspace(time[0], time[-1], FRAMES)
    xy = np.stack([np.interp(grid, time, axis[keep]) for axis in (signature.x, signature.y)], axis=1)
    # The segment that a grid point lies in carries ink when the sample at its end does.
    ink = signature.repaired.ink[keep][np.clip(np.searchsorted(time, grid), 1, len(time) - 1)]
    out = np.zeros((FRAMES, len(TRACE_CHANNELS)), np.float32)
    out[:, :2] = _unit_radius(xy)
    if signature.repaired.pressure is not None:
        pressure = signature.repaired.pressure[keep]
        out[:, 2] = np.interp(grid, time, pressure) / pressure.max()
    out[:, 3] = ink
    return out


def encode(traces: npt.ArrayLike) -> Float32Array:
    """Turn traces `(n, FRAMES, 4)` into functions of time `(n, FRAMES, CHANNELS)` float32 in [-CLIP, CLIP].

    Every function but the directions, the ink and the pace is standardized over the signature; one that does
    not vary (pressure on a device without) is 0 throughout. The pace tells the speed itself, squeezed into
    ±2: 2 (s - m) / (s + m), which near the middle speed m is its logarithm, and needs none.
    """
    paths = np.asarray(traces, np.float32)
    x, y, pressure, ink = (paths[..., channel] for channel in range(len(TRACE_CHANNELS)))
    dx, dy = _slope(x), _slope(y)
    speed: Float32Array = np.hypot(dx, dy)
    cos, sin = dx / (speed + _TINY), dy / (speed + _TINY)
    turn = np.asarray(cos * _slope(sin) - sin * _slope(cos), np.float32)
    functions: list[Float32Array] = [dx, dy, speed, cos, sin, _slope(speed), pressure, x, y, turn]
    varying = [_standardize(function) for function in functions]
    middle = np.float32(MIDDLE_SPEED)
    pace = 2 * (speed - middle) / (speed + middle)
    columns = [*varying[:-1], 2 * ink - 1, varying[-1], pace]
    return np.asarray(np.clip(np.stack(columns, axis=-1), -CLIP, CLIP), np.float32)


def detail(inputs: Float32Array) -> Float32Array:
    """Return what is compared beside the series, `(n, DETAIL_FRAMES, DETAIL_CHANNELS)`, of inputs."""
    rest = inputs[..., SERIES_CHANNELS:]
    return np.asarray((rest[:, 0::2] + rest[:, 1::2]) / 2)


def _unit_radius(xy: FloatArray) -> FloatArray:
    centered = xy - xy.mean(axis=0)
    radius = np.sqrt((centered**2).sum(axis=1).mean())
    smallest = _TINY * float(np.abs(xy).max()) + float(np.finfo(np.float64).tiny)
    return np.asarray(centered / max(float(radius), smallest))


def _slope(values: Float32Array) -> Float32Array:
    """Per-frame slope by central differences, one-sided at the ends."""
    padded = np.concatenate(
        [2 * values[..., :1] - values[..., 1:2], values, 2 * values[..., -1:] - values[..., -2:-1]], -1
    )
    return np.asarray((padded[..., 2:] - padded[..., :-2]) / 2, np.float32)


def _standardize(values: Float32Array) -> Float32Array:
    centered = values - values.mean(axis=-1, keepdims=True)
    deviation = values.std(axis=-1, keepdims=True)
    return np.asarray(centered / np.where(deviation > _TINY, deviation, np.inf), np.float32)
