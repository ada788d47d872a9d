"""`Device`: how a tablet, pad or phone samples a movement."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IntArray
from sigverify.corpora.synthetic.kinematics import Movement
from sigverify.corpora.synthetic.writer import Hand, Rendition
from sigverify.modality.pen.signature import MIN_SAMPLES, Signature


class DeviceKind(StrEnum):
    """Devices to choose from; `MIXED` and `FINGER` draw another one for each writer."""

    TABLET = "tablet"
    FAST_TABLET = "fast-tablet"
    STYLUS = "stylus"
    PAD = "pad"
    FINGER = "finger"
    """A fingertip on a phone or a kiosk's screen."""
    MIXED = "mixed"


@dataclass(frozen=True, kw_only=True)
class Device:
    """A digitizer.

    Attributes:
        rate_hz: samples a second.
        jitter: standard deviation of a sampling instant, in sampling steps.
        points_per_mm: resolution of the grid that x and y are rounded to.
        noise: standard deviation of a position, in points.
        levels: of pressure, 0 for none.
        smooth: whether the device averages neighboring samples.
        missing: probability that a sample is lost.
        repeated: probability that a time stamp repeats the one before.
        hover: whether samples in the air are recorded, with pressure 0.
        magnified: how many times as large as with a pen the hand moves.
        blunt: how often neighboring samples are averaged: a fingertip rounds corners.
        dragged: probability that a lift leaves the finger on the screen.
    """

    rate_hz: float = 100.0
    jitter: float = 0.0
    points_per_mm: float = 100.0
    noise: float = 0.6
    levels: int = 1024
    smooth: bool = False
    missing: float = 0.0
    repeated: float = 0.0
    hover: bool = False
    magnified: float = 1.0
    blunt: int = 0
    dragged: float = 0.0


_FIXED = {
    DeviceKind.TABLET: Device(),
    DeviceKind.FAST_TABLET: Device(rate_hz=200.0, hover=True),
    DeviceKind.STYLUS: Device(rate_hz=240.0, jitter=0.05, points_per_mm=20.0, levels=4096, smooth=True),
    DeviceKind.PAD: Device(rate_hz=100.0, jitter=0.1, points_per_mm=16.0, levels=0, noise=0.3),
}


def draw_device(rng: np.random.Generator, kind: DeviceKind) -> Device:
    """Return the device of that kind, or an invented one for `MIXED` and `FINGER`."""
    if kind is DeviceKind.FINGER:
        return _touch_screen(rng)
    if kind is not DeviceKind.MIXED:
        return _FIXED[kind]
    fine = rng.random() < 0.75
    return Device(
        rate_hz=float(rng.choice([60, 75, 100, 100, 100, 120, 133, 150, 200, 200, 240])),
        jitter=float(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.25)])),
        points_per_mm=float(np.exp(rng.uniform(np.log(20), np.log(200)) if fine else rng.uniform(1.6, 3.0))),
        noise=rng.uniform(0.1, 1.0),
        levels=int(rng.choice([0, 256, 512, 1024, 1024, 2048, 4096])),
        smooth=bool(rng.random() < 0.4),
        missing=float(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.02)])),
        repeated=float(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.02)])),
        hover=bool(rng.random() < 0.1),
    )


def _touch_screen(rng: np.random.Generator) -> Device:
    """Invent one: no pressure, whole pixels of a browser, and what a finger does to writing.

    No corpus of finger signatures was at hand; the ranges are those of phones' and kiosks' data sheets, and
    of what a fingertip's contact, 8 to 12 mm wide, lets through.
    """
    return Device(
        rate_hz=float(rng.choice([60, 60, 90, 120])),
        jitter=rng.uniform(0.05, 0.3),
        points_per_mm=rng.uniform(3.0, 10.0),
        noise=rng.uniform(0.2, 0.6),
        levels=0,
        smooth=True,
        missing=float(rng.choice([0.0, rng.uniform(0.0, 0.02)])),
        magnified=rng.uniform(1.5, 3.0),
        blunt=int(rng.integers(1, 4)),
        dragged=rng.uniform(0.1, 0.4),
    )


def record(rng: np.random.Generator, rendition: Rendition, device: Device) -> Signature:
    """Carry a rendition out and sample it."""
    plan = rendition.plan
    lifted = rng.random(len(plan)) < plan.lift
    if device.dragged:
        lifted &= rng.random(len(plan)) >= device.dragged
    lifted[[0, -1]] = False
    movement = Movement.of(plan, lifted, rendition.hand.landing)
    times, contact = _instants(rng, movement, device)
    place = movement.positions(times) + _tremor(rng, times, rendition.tremor)
    pressure = _pressure(rng, movement, plan.pressure, rendition.hand, times, contact, place)
    scale = rendition.millimeters * device.points_per_mm * device.magnified
    for _ in range(device.blunt):
        place = _smoothed(place, contact)
    xy = place * scale + device.noise * rng.standard_normal(place.shape)
    if device.smooth:
        xy = _smoothed(xy, contact)
    xy = np.round(xy - xy.min(axis=0) + rng.uniform(0, 40, 2) * device.points_per_mm)
    on = contact >= 0
    ink = on & np.concatenate([[False], contact[1:] == contact[:-1]])
    stamps = _stamps(rng, times, device)
    return Signature(xy[:, 0], xy[:, 1], stamps, _levels(pressure, on, device), ink)


def _instants(rng: np.random.Generator, movement: Movement, device: Device) -> tuple[FloatArray, IntArray]:
    """Return when samples are taken, `(m,)` seconds, and in which contact with the surface, -1 for none."""
    step = 1.0 / device.rate_hz
    begin, end = movement.down[0], max(movement.up[-1], movement.down[0] + (MIN_SAMPLES + 2) * step)
    times = np.arange(begin + step * rng.random(), end, step)
    if device.jitter:
        times = np.sort(times + step * device.jitter * rng.standard_normal(len(times)))
    if device.missing:
        times = times[rng.random(len(times)) >= device.missing]
    contact = np.searchsorted(movement.down, times, "right") - 1
    contact = np.where((contact >= 0) & (times <= np.append(movement.up[:-1], end)[contact]), contact, -1)
    if not device.hover:
        times, contact = times[contact >= 0], contact[contact >= 0]
    return times, contact


def _tremor(rng: np.random.Generator, times: FloatArray, amplitude: float) -> FloatArray:
    """Return `(m, 2)` of physiological tremor: a few tones between 7 and 12 Hz."""
    if amplitude <= 0:
        return np.zeros((len(times), 2))
    tones, phases = rng.uniform(7.0, 12.0, 4), rng.uniform(0, 2 * np.pi, 4)
    waves = np.sin(2 * np.pi * np.outer(times, tones) + phases)
    mix = rng.standard_normal((4, 2)) * amplitude / np.sqrt(2.0)
    shaken: FloatArray = waves @ mix
    return shaken


def _pressure(
    rng: np.random.Generator,
    movement: Movement,
    targets: FloatArray,
    hand: Hand,
    times: FloatArray,
    contact: IntArray,
    place: FloatArray,
) -> FloatArray:
    """Return `(m,)` of pressure in 0..1: the plan's, lighter at speed, rising and falling at contacts."""
    level = np.interp(times, movement.center, targets)
    speed = np.hypot(*np.diff(place, axis=0, prepend=place[:1]).T)
    level = level - hand.heavier * (speed / (speed.mean() + 1e-9) - 1.0)
    level = level + hand.drift * ((times - times[0]) / (times[-1] - times[0] + 1e-9) - 0.5)
    down, up = movement.down[contact], movement.up[contact]
    rise = 1.0 - 0.85 * np.exp(-np.maximum(times - down, 0.0) / hand.attack)
    fall = 1.0 - 0.9 * np.exp(-np.maximum(up - times, 0.0) / hand.release)
    noise = 0.006 * rng.standard_normal(len(times))
    pressed: FloatArray = np.clip(hand.press * level * rise * fall + noise, 0.002, 1.0)
    return pressed


def _levels(pressure: FloatArray, on: BoolArray, device: Device) -> FloatArray | None:
    if not device.levels:
        return None
    levels: FloatArray = np.where(on, np.maximum(np.round(pressure * (device.levels - 1)), 1.0), 0.0)
    return levels


def _smoothed(xy: FloatArray, contact: IntArray) -> FloatArray:
    """Average each sample with its neighbors of the same contact."""
    inner = np.flatnonzero((contact[1:-1] == contact[:-2]) & (contact[1:-1] == contact[2:])) + 1
    smooth = xy.copy()
    smooth[inner] = (xy[inner - 1] + 2 * xy[inner] + xy[inner + 1]) / 4
    return smooth


def _stamps(rng: np.random.Generator, times: FloatArray, device: Device) -> FloatArray:
    """Return the stamps in milliseconds: whole ones, on a fixed grid unless the device jitters."""
    stamps: FloatArray
    if device.jitter:
        stamps = np.round(1000 * (times - times[0]))
    else:
        stamps = np.round(np.round((times - times[0]) * device.rate_hz) * 1000 / device.rate_hz)
    if device.repeated:
        again = np.flatnonzero(rng.random(len(stamps) - 1) < device.repeated) + 1
        stamps[again] = stamps[again - 1]
    return stamps
