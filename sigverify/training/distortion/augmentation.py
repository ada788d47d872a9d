"""`Augmentation`: distort traces as devices, postures and days do, never as forgers do."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.errors import ConfigError
from sigverify.modality.pen.features import FRAMES

_X, _Y, _PRESSURE, _INK = range(4)
_WARP_WAVES: Final = 4
_MIN_PACE: Final = 0.25
"""Slowest local pace that a time warp may give, as a share of the pace before: time never stands still."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Strengths of the distortions; 0 switches one off. Lengths are in units of the signature's RMS radius.

    What a device does is drawn once a group (all signatures of a writer in a batch share the device); what
    the hand does is drawn for every signature.

    Attributes:
        rotation_deg: standard deviation of the turn of a signature.
        device_rotation_deg: the same for how the device lies.
        scale: standard deviation of ln(height / width) of a signature.
        shear: standard deviation of the slant added.
        warp: size of a smooth change of pace: standard deviation of ln(pace), about.
        crop: largest share of the time lost at each end.
        noise: largest standard deviation of white noise on x and y.
        pressure_drop: share of devices without pressure.
        pressure_lost: share of signatures that lost it, though their device has it: people enroll on one
            device and are verified on another.
        pressure_curve: standard deviation of ln(exponent) of a device's pressure curve.
        pressure_gain: standard deviation of the offset of pressure in a signature.
        low_rate: share of devices that sample at 40 to 160 points a signature.
        smooth: share of devices that average over 3 or 5 frames.
        ink_drop: share of signatures that lose contact for up to 6 frames.
    """

    rotation_deg: float = 4.0
    device_rotation_deg: float = 6.0
    scale: float = 0.06
    shear: float = 0.04
    warp: float = 0.05
    crop: float = 0.02
    noise: float = 0.006
    pressure_drop: float = 0.25
    pressure_lost: float = 0.05
    pressure_curve: float = 0.25
    pressure_gain: float = 0.04
    low_rate: float = 0.25
    smooth: float = 0.25
    ink_drop: float = 0.1

    def __post_init__(self) -> None:
        """Refuse strengths that would leave no signature.

        Raises:
            ConfigError: a strength is negative or too large.
        """
        shares = {"pressure_drop", "pressure_lost", "low_rate", "smooth", "ink_drop"}
        for field in fields(self):
            value = getattr(self, field.name)
            top = {"rotation_deg": 180.0, "device_rotation_deg": 180.0, "crop": 0.3}.get(field.name, 1.0)
            if not 0 <= value <= top:
                kind = "a share" if field.name in shares else "a strength"
                raise ConfigError(
                    f"augmentation {field.name} is out of range", expected=f"{kind} from 0 to {top:g}",
                    received=str(value),
                )  # fmt: skip

    @classmethod
    def none(cls) -> "Augmentation":
        """Everything off."""
        return cls(**{field.name: 0.0 for field in fields(cls)})

    def apply(
        self, traces: Float32Array, groups: npt.NDArray[np.integer], rng: np.random.Generator
    ) -> Float32Array:
        """Return distorted copies `(n, FRAMES, 4)`; `groups` `(n,)` int from 0 names the device of each."""
        out = _resample(traces, self._positions(len(traces), rng))
        devices = int(groups.max()) + 1
        self._low_rate(out, groups, devices, rng)
        self._smooth(out, groups, devices, rng)
        self._shape(out, groups, devices, rng)
        self._pressure(out, groups, devices, rng)
        self._ink_drop(out, rng)
        return out

    def _positions(self, count: int, rng: np.random.Generator) -> Float32Array:
        """Where in time each frame is read, `(n, FRAMES)` frames: cropped ends, smooth change of pace."""
        time = np.linspace(0, 1, FRAMES, dtype=np.float32)
        waves = np.arange(1, _WARP_WAVES + 1, dtype=np.float32)
        shape = np.sin(np.pi * waves[:, None] * time) / (np.pi * waves[:, None])
        pace = np.cos(np.pi * waves[:, None] * time)
        size = (self.warp * rng.standard_normal((count, _WARP_WAVES))).astype(np.float32)
        lowest = (size @ pace).min(axis=1, keepdims=True)
        size *= np.minimum(1, (1 - _MIN_PACE) / np.maximum(-lowest, 1e-6))
        ends = (self.crop * rng.random((count, 2))).astype(np.float32)
        warped = time + size @ shape
        kept = 1 - ends.sum(axis=1, keepdims=True)
        return np.asarray((FRAMES - 1) * (ends[:, :1] + kept * warped), np.float32)

    def _low_rate(
        self, out: Float32Array, groups: npt.NDArray[np.integer], devices: int, rng: np.random.Generator
    ) -> None:
        """Keep only 40 to 160 points of a signature and draw straight lines between them."""
        chosen = (rng.random(devices) < self.low_rate)[groups]
        steps = ((FRAMES - 1) / rng.uniform(40, 160, devices)).astype(np.float32)[groups][chosen, None]
        if not len(steps):
            return
        rows = out[chosen]
        frames = np.arange(FRAMES, dtype=np.float32)
        cell = np.floor(frames / steps)
        part = (frames / steps - cell)[..., None]
        before = np.minimum(np.rint(cell * steps), FRAMES - 1).astype(np.intp)
        after = np.minimum(np.rint((cell + 1) * steps), FRAMES - 1).astype(np.intp)
        base = (np.arange(len(rows)) * FRAMES)[:, None]
        flat = rows.reshape(-1, rows.shape[-1])
        low, high = flat[base + before], flat[base + after]
        low[..., :_INK] += part * (high[..., :_INK] - low[..., :_INK])
        low[..., _INK] = rows[..., _INK]
        out[chosen] = low

    def _smooth(
        self, out: Float32Array, groups: npt.NDArray[np.integer], devices: int, rng: np.random.Generator
    ) -> None:
        """Average x, y and pressure over 3 or 5 frames, as a device's filter does."""
        reach = np.where(rng.random(devices) < self.smooth, rng.integers(1, 3, devices), 0)[groups]
        for half in (1, 2):
            rows = out[reach == half, :, :_INK]
            if not len(rows):
                continue
            padded = np.pad(rows, ((0, 0), (half, half), (0, 0)), mode="edge")
            total = sum(padded[:, k : k + FRAMES] for k in range(2 * half + 1))
            out[reach == half, :, :_INK] = total / np.float32(2 * half + 1)

    def _shape(
        self, out: Float32Array, groups: npt.NDArray[np.integer], devices: int, rng: np.random.Generator
    ) -> None:
        """Turn, stretch and slant x and y, and add the device's noise."""
        count = len(out)
        turn = self.rotation_deg * rng.standard_normal(count)
        turn = np.deg2rad(turn + (self.device_rotation_deg * rng.standard_normal(devices))[groups])
        stretch = np.exp(self.scale * rng.standard_normal(count) / 2)
        slant = self.shear * rng.standard_normal(count)
        cos, sin = np.cos(turn), np.sin(turn)
        # Rotation after slant after stretch: the columns are the images of the unit vectors.
        matrix = np.array(
            [[cos / stretch, (cos * slant - sin) * stretch], [sin / stretch, (sin * slant + cos) * stretch]]
        )
        mix = np.moveaxis(matrix, -1, 0).astype(np.float32)
        out[..., :2] = out[..., :2] @ mix.transpose(0, 2, 1)
        if self.noise:
            level = (self.noise * rng.random(devices)).astype(np.float32)[groups]
            out[..., :2] += level[:, None, None] * rng.standard_normal((count, FRAMES, 2), np.float32)

    def _pressure(
        self, out: Float32Array, groups: npt.NDArray[np.integer], devices: int, rng: np.random.Generator
    ) -> None:
        """Bend the device's pressure curve, shift a signature's pressure, or take it away."""
        curve = np.exp(self.pressure_curve * rng.standard_normal(devices))[groups]
        offset = self.pressure_gain * rng.standard_normal(len(out))
        kept = (rng.random(devices) >= self.pressure_drop)[groups]
        kept &= rng.random(len(out)) >= self.pressure_lost
        pressure = out[..., _PRESSURE]
        if self.pressure_curve:
            np.power(np.maximum(pressure, 0), curve.astype(np.float32)[:, None], out=pressure)
        if self.pressure_gain:
            has = pressure > 0
            pressure += np.where(has, offset.astype(np.float32)[:, None], np.float32(0))
            np.clip(pressure, 0, 1, out=pressure)
        out[..., _PRESSURE] = pressure * kept.astype(np.float32)[:, None]

    def _ink_drop(self, out: Float32Array, rng: np.random.Generator) -> None:
        """Lift the pen for up to 6 frames somewhere."""
        rows = np.flatnonzero(rng.random(len(out)) < self.ink_drop)
        starts = rng.integers(0, FRAMES - 6, len(rows))
        for row, start, length in zip(rows, starts, rng.integers(1, 7, len(rows)), strict=True):
            out[row, start : start + length, _PRESSURE:] = 0


def _resample(traces: Float32Array, positions: Float32Array) -> Float32Array:
    """Read traces at fractional frames `(n, FRAMES)`: linear for x, y and pressure, nearest for ink."""
    count, frames, channels = traces.shape
    below = np.clip(positions.astype(np.intp), 0, frames - 2)
    part = (positions - below)[..., None].astype(np.float32)
    flat = traces.reshape(-1, channels)
    index = below + (np.arange(count) * frames)[:, None]
    out = np.take(flat, index, axis=0)
    out += part * (np.take(flat, index + 1, axis=0) - out)
    out[..., _INK] = out[..., _INK] > 0.5
    return np.asarray(out)
