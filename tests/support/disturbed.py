"""Recordings as devices spoil them, by seeded random numbers: to compare two implementations of repairs."""

import numpy as np
from builders import signature

from sigverify import Signature


def disturbed(seed):
    """Return a signature with up to three faults of clock, hand and sensor."""
    rng = np.random.default_rng(seed)
    its = signature(int(rng.integers(8)), int(rng.integers(4)), samples=int(rng.integers(40, 400)))
    columns = {name: np.array(getattr(its, name)) for name in ("x", "y", "time_ms", "pressure")}
    columns["ink"] = its.ink.copy()
    if rng.random() < 0.5:
        columns["ink"][rng.integers(1, len(its), 4)] = False
    if rng.random() < 0.2:  # whole numbers, so that comparisons meet equal values
        columns["x"], columns["y"] = np.round(columns["x"] * 10), np.round(columns["y"] * 10)
    for fault in rng.choice(len(FAULTS), int(rng.integers(1, 4)), replace=False):
        columns = FAULTS[fault](columns, rng)
    pressure = None if rng.random() < 0.1 else columns["pressure"]
    return Signature(columns["x"], columns["y"], columns["time_ms"], pressure, columns["ink"])


def coarse(columns, rng):
    """Stamp by a clock of 8 to 400 ms."""
    tick = rng.choice([8.0, 15.625, 1000 / 60, 20.0, 50.0, 100.0, 160.0, 250.0, 400.0])
    return columns | {"time_ms": np.floor(columns["time_ms"] / tick) * tick}


def bursts(columns, rng):
    """Stamp on arrival: packets of some samples, microseconds apart."""
    size = int(rng.integers(2, 8))
    place = np.arange(len(columns["x"]))
    last = np.minimum(place // size * size + size - 1, len(place) - 1)
    return columns | {"time_ms": columns["time_ms"][last] + place % size * rng.choice([0.0, 0.001, 0.3])}


def jitter(columns, rng):
    """Disturb each stamp."""
    return columns | {"time_ms": columns["time_ms"] + rng.normal(0, rng.uniform(0.1, 5), len(columns["x"]))}


def wraps(columns, rng):
    """Count in 16 or 32 bits, or microseconds in 32 bits."""
    limit = rng.choice([2.0**16, 2.0**32, 2.0**32 / 1000])
    time = columns["time_ms"]
    return columns | {"time_ms": (time + limit - rng.uniform(0, np.ptp(time))) % limit}


def restarts(columns, _):
    """Count from each touch."""
    time = columns["time_ms"].copy()
    for start in np.flatnonzero(~columns["ink"]):
        time[start:] -= time[start]
    return columns | {"time_ms": time}


def jumps(columns, rng):
    """Set the clock once, or stamp one sample with 0, or let one step back a little."""
    time = columns["time_ms"] + rng.choice([0.0, 1.7e12])
    place = int(rng.integers(1, len(time)))
    kind = rng.integers(5)
    if kind == 0:
        time[place:] += rng.choice([-3.6e6, 2e4, 9e5, 1e13])
    elif kind == 1:
        time[place] = 0.0
    elif kind == 2:
        time[place] -= rng.uniform(0, 60)
    else:
        time[place:] -= rng.uniform(0, 60)
    return columns | {"time_ms": time}


def units(columns, rng):
    """Count something else than milliseconds."""
    time = columns["time_ms"]
    kind = rng.integers(6)
    other = [time / 1e3, time * 1e3, time * 1e6, np.arange(len(time)), np.zeros(len(time)), time * 1e-9]
    return columns | {"time_ms": np.asarray(other[kind], np.float64)}


def gaps(columns, rng):
    """Lose samples, or stop within a stroke."""
    time = columns["time_ms"].copy()
    for place in rng.integers(1, len(time), int(rng.integers(1, 6))):
        time[place:] += rng.uniform(50, 5000)
    return columns | {"time_ms": time}


def missing(columns, rng):
    """Lose samples here and there."""
    left = np.flatnonzero(rng.random(len(columns["x"])) >= rng.choice([0.1, 0.3, 0.5, 0.7]))
    return {name: values[left] for name, values in columns.items()}


def places(columns, rng):
    """Send 0, a far place or the last one known for some samples, mostly first and last ones of strokes."""
    x, y = columns["x"].copy(), columns["y"].copy()
    ends = np.concatenate([[0], np.flatnonzero(~columns["ink"]), np.flatnonzero(~columns["ink"]) - 1])
    for _ in range(int(rng.integers(1, 5))):
        place = int(rng.choice(ends) if rng.random() < 0.6 else rng.integers(len(x)))
        wrong = slice(max(place, 0), place + int(rng.integers(1, 6)))
        far = x.mean() + rng.uniform(0.1, 2) * np.ptp(x), y.mean() + rng.uniform(0.1, 2) * np.ptp(y)
        x[wrong], y[wrong] = ((0.0, 0.0), far, (x[place - 1], y[place - 1]))[rng.integers(3)]
    return columns | {"x": x, "y": y}


def counts(columns, rng):
    """Stamp by a count of the samples that touch."""
    steps = np.diff(columns["time_ms"], prepend=columns["time_ms"][0])
    return columns | {"time_ms": np.cumsum(np.where(columns["ink"], steps, rng.choice([0.0, 0.1, 9.0])))}


def hovers(columns, rng):
    """Hand in hover as ink, without pressure; sometimes too much of it, or too little."""
    pressure, ink = columns["pressure"].copy(), np.ones(len(columns["x"]), np.bool_)
    for start in np.flatnonzero(~columns["ink"]):
        pressure[start : start + int(rng.integers(1, 8))] = 0.0
    for place in rng.integers(0, len(pressure), int(rng.integers(0, 4))):
        pressure[place : place + int(rng.choice([1, 2, 3, 12, 200]))] = 0.0
    return columns | {"pressure": pressure, "ink": ink}


def touches(columns, rng):
    """Touch the pad before, after or beside the name."""
    for _ in range(int(rng.integers(1, 4))):
        count, first = int(rng.integers(1, 5)), bool(rng.random() < 0.5)
        x, y, time = (columns[name] for name in ("x", "y", "time_ms"))
        at = rng.uniform(-1.5, 1.5, 2) * [np.ptp(x), np.ptp(y)]
        away = rng.uniform(100, 2500)
        stamps = np.arange(count) * 10.0
        stamps = time[0] - away - stamps[::-1] if first else time[-1] + away + stamps
        mark = {
            "x": x.mean() + at[0] + rng.normal(0, 0.2, count),
            "y": y.mean() + at[1] + rng.normal(0, 0.2, count),
            "time_ms": stamps,
            "pressure": rng.uniform(1, 5, count),
            "ink": np.arange(count) > 0,
        }
        if count == 1:
            mark["ink"][:] = True
        old = columns | {"ink": np.concatenate([[False], columns["ink"][1:]])}
        order = (mark, old) if first else (old, mark)
        columns = {name: np.concatenate([part[name] for part in order]) for name in columns}
    return columns


def rests(columns, rng):
    """Rest the pen on the pad for a while."""
    place = int(rng.choice([0, len(columns["x"]) - 1, int(rng.integers(len(columns["x"])))]))
    count = int(rng.integers(2, 80))
    at = {name: np.repeat(values[place : place + 1], count) for name, values in columns.items()}
    for name in ("x", "y"):
        at[name] = at[name] + rng.normal(0, rng.choice([0.0, 0.001, 0.01]) * np.ptp(columns[name]), count)
    at["time_ms"] = at["time_ms"] + 10.0 * (np.arange(count) + 1)
    at["ink"] = np.ones(count, np.bool_)
    later = columns["time_ms"][place + 1 :] + 10.0 * count
    out = {
        name: np.concatenate([values[: place + 1], at[name], values[place + 1 :]])
        for name, values in columns.items()
    }
    return out | {"time_ms": np.concatenate([columns["time_ms"][: place + 1], at["time_ms"], later])}


def sensor(columns, rng):
    """Lose, flatten, make up or clip the pressure."""
    pressure = columns["pressure"].copy()
    kind = rng.integers(4)
    if kind == 0:
        pressure[:] = rng.choice([0.0, 0.5, 1023.0])
    elif kind == 1:
        pressure[int(len(pressure) * rng.random()) :] = 0.0
    elif kind == 2:
        pressure = 0.05 + rng.uniform(0.0005, 0.002) * rng.standard_normal(len(pressure))
    elif kind == 3:
        pressure = np.minimum(pressure, np.quantile(pressure, rng.uniform(0.5, 0.95)))
    else:
        pressure[rng.integers(0, len(pressure), 3)] = 0.0
    return columns | {"pressure": pressure}


def dashes(columns, rng):
    """Draw nothing but a line, in a moment."""
    place = np.arange(len(columns["x"]), dtype=float)
    return columns | {"x": place, "y": rng.uniform(0, 2) * place, "time_ms": rng.choice([0.5, 10.0]) * place}


def chaos(columns, rng):
    """Stamp by no clock at all."""
    steps = rng.choice([0.0, 1e-300, 3.0, 10.0, 49.9, -20.0, -300.0, 1e6, 150.0], len(columns["x"]))
    return columns | {"time_ms": np.cumsum(steps)}


FAULTS = (
    coarse, bursts, jitter, wraps, restarts, jumps, units, gaps, missing, places, counts, hovers, touches,
    rests, sensor, dashes, chaos,
)  # fmt: skip
