"""`Signature`: one handwritten signature as the pen wrote it."""

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import InvalidSignature
from sigverify.modality.pen.repaired import Repaired, repair

MIN_SAMPLES = 8
"""Fewer samples (80 ms at 100 Hz) hold no movement to compare."""
MAX_SAMPLES = 100_000
"""More samples (over 16 minutes at 100 Hz) are no signature; refused before any work is done on them."""
MAX_COORDINATE = 1e9
"""Largest |x|, |y| or pressure that float32 arithmetic on differences survives."""
TIME_UNITS = MappingProxyType({"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6})
"""Milliseconds in each unit that stamps may count."""
MAX_STAMP = 1e20
"""Largest |time_ms|: nanoseconds since 1970 are below 2e18, and sums of steps stay finite."""


@dataclass(frozen=True, eq=False)
class Signature:
    """An immutable signature of `n` samples, validated on construction.

    Attributes:
        x, y: `(n,)` float64, in any one length unit; x to the right. Whether y grows
            up or down does not matter to scores as long as one device keeps to it.
        time_ms: `(n,)` float64, milliseconds from any origin. Duplicate, backward and
            jumping stamps are a device's fault, not an error: `repaired` mends them.
        pressure: `(n,)` float64, any unit, never negative, or None where the device has none.
        pen_down: `(n,)` bool: the way *to* this sample carries ink. False on hover samples
            and on the first sample after a lift. Not given: all is ink, but for samples without pressure
            between others that have some, see `hover`.

    Anything that numpy turns into one-dimensional arrays is taken, lists and tuples too.

    Raises:
        InvalidSignature: shapes differ, the unit of time is none, fewer than `MIN_SAMPLES` or more than
            `MAX_SAMPLES`, a value is NaN, infinite or beyond `MAX_COORDINATE` (a stamp: `MAX_STAMP`),
            negative pressure, no ink, or no extent (all ink on one spot).

    >>> s = Signature(x=range(10), y=range(10), time_ms=range(0, 100, 10))
    >>> len(s), s.duration_ms, s.sample_rate_hz
    (10, 90.0, 100.0)
    """

    x: FloatArray
    y: FloatArray
    time_ms: FloatArray
    pressure: FloatArray | None = None
    pen_down: BoolArray | None = None

    def __init__(
        self,
        x: npt.ArrayLike | Iterable[float],
        y: npt.ArrayLike | Iterable[float],
        time_ms: npt.ArrayLike | Iterable[float],
        pressure: npt.ArrayLike | Iterable[float] | None = None,
        pen_down: npt.ArrayLike | Iterable[bool] | None = None,
        *,
        time_unit: str = "ms",
    ) -> None:
        """Validate and freeze; see the class for the meaning of each array.

        `time_unit` says what `time_ms` counts as it is handed in: "s", "ms", "us" or "ns".
        """
        columns = {"x": _column("x", x)}
        count = len(columns["x"])
        columns["y"] = _column("y", y)
        columns["time_ms"] = _column("time_ms", time_ms) * _factor(time_unit)
        if pressure is not None:
            columns["pressure"] = _column("pressure", pressure)
        ink = np.ones(count, np.bool_) if pen_down is None else _flags(pen_down)
        for name, values in (*columns.items(), ("pen_down", ink)):
            if len(values) != count:
                raise InvalidSignature(
                    f"{name} and x differ in length", expected=str(count), received=str(len(values))
                )
        _check_count(count)
        for name, values in columns.items():
            _check_finite(name, values)
        if pressure is not None and columns["pressure"].min() < 0:
            raise InvalidSignature(
                "negative pressure",
                expected="values of at least 0",
                received=f"{columns['pressure'].min():g}",
            )
        _check_ink(columns["x"], columns["y"], ink)
        for name in ("x", "y", "time_ms", "pressure"):
            object.__setattr__(self, name, _frozen(columns.get(name)))
        ink.flags.writeable = False
        object.__setattr__(self, "pen_down", ink)

    @classmethod
    def from_strokes(cls, strokes: Sequence[npt.ArrayLike], *, time_unit: str = "ms") -> Self:
        """Join strokes of `(n_i, 3)` x, y, time_ms or `(n_i, 4)` with pressure.

        Raises:
            InvalidSignature: a stroke has another shape, or the whole is no signature.
        """
        if not isinstance(strokes, Iterable):
            raise InvalidSignature("no strokes", expected="a list of them", received=type(strokes).__name__)
        # No more strokes than samples are allowed: somebody may hand in an iterator without end.
        arrays = [array for array in map(_stroke, islice(strokes, MAX_SAMPLES + 1)) if len(array)]
        if not arrays:
            raise InvalidSignature("no strokes", expected="at least one stroke with samples")
        if len({array.shape[1] for array in arrays}) != 1:
            raise InvalidSignature("only some strokes have pressure", expected="all or none")
        joined = np.concatenate(arrays)
        # The way to the first sample of each stroke carries no ink; the others are written.
        starts = np.cumsum([0, *(len(array) for array in arrays[:-1])])
        ink = np.ones(len(joined), np.bool_)
        ink[starts] = False
        pressure = joined[:, 3] if joined.shape[1] == 4 else None
        return cls(joined[:, 0], joined[:, 1], joined[:, 2], pressure, ink, time_unit=time_unit)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Freeze the arrays of a copy that came from another process, which are not."""
        for name in ("x", "y", "time_ms", "pressure", "pen_down"):
            _frozen(state[name])
        self.__dict__.update(state)

    def __len__(self) -> int:
        """Count the samples, hover included."""
        return len(self.x)

    def __eq__(self, other: object) -> bool:
        """Compare all samples exactly."""
        if not isinstance(other, Signature):
            return NotImplemented
        if (self.pressure is None) != (other.pressure is None):
            return False
        return all(np.array_equal(a, b) for a, b in zip(self._arrays(), other._arrays(), strict=True))

    def __hash__(self) -> int:
        """Hash all samples."""
        return hash(tuple(array.tobytes() for array in self._arrays()))

    def __repr__(self) -> str:
        """Describe without the ink: samples are personal and must not reach a log."""
        return f"<Signature {len(self)} samples, {self.stroke_count} strokes, {self.duration_ms:.0f} ms>"

    def _repr_svg_(self) -> str:
        """Draw the ink for a notebook, which then holds it: ink is personal."""
        from sigverify.modality.pen.svg import to_svg

        return to_svg(self)

    @property
    def ink(self) -> BoolArray:
        """`(n,)` bool: `pen_down`, never None."""
        if self.pen_down is None:
            raise InvalidSignature("a signature without pen_down", hint="Make it by Signature(...)")
        return self.pen_down

    @property
    def duration_ms(self) -> float:
        """Milliseconds from the earliest to the latest stamp, as the device gave them."""
        return float(np.ptp(self.time_ms))

    @cached_property
    def repaired(self) -> Repaired:
        """The recording without its faults, computed when it is first asked for."""
        return repair(self.x, self.y, self.time_ms, self.pressure, self.ink)

    @property
    def stroke_count(self) -> int:
        """Number of runs of ink."""
        return int(np.count_nonzero(np.diff(np.concatenate([[False], self.ink]).astype(np.int8)) == 1))

    @property
    def sample_rate_hz(self) -> float:
        """Samples per second of the pen, whatever clock stamped them; 0 where there is no time."""
        return 0.0 if self.repaired.flaw else 1000.0 / self.repaired.interval_ms

    def _arrays(self) -> list[npt.NDArray[Any]]:
        arrays: list[npt.NDArray[Any]] = [self.x, self.y, self.time_ms, self.ink]
        return arrays if self.pressure is None else [*arrays, self.pressure]


def _column(name: str, values: object) -> FloatArray:
    """Turn `values` into a fresh one-dimensional float64 array; too many are refused before any is copied."""
    array = _array(name, values)
    if array.ndim != 1:
        raise InvalidSignature(
            f"{name} has {array.ndim} dimensions", expected="shape (n,)", received=str(array.shape)
        )
    return _doubles(array)


def _array(what: str, values: object) -> npt.NDArray[Any]:
    """View `values` as an array of real numbers, of which there are not too many."""
    if not isinstance(values, np.ndarray | list | tuple) and isinstance(values, Iterable):
        values = list(islice(values, MAX_SAMPLES + 1))
    if isinstance(values, Sized) and len(values) > MAX_SAMPLES:
        _check_count(len(values))
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "iufb":
            raise TypeError(f"dtype {array.dtype}")
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidSignature(
            f"{what} is not an array of numbers", expected="one number a sample", received=str(error)
        ) from error
    return array


def _doubles(array: npt.NDArray[Any]) -> FloatArray:
    # A long double beyond float64 becomes infinite, which is refused by that name.
    with np.errstate(over="ignore"):
        return array.astype(np.float64)


def _factor(time_unit: str) -> float:
    """Return the milliseconds in a unit.

    Raises:
        InvalidSignature: no such unit.
    """
    factor = TIME_UNITS.get(time_unit)
    if factor is None:
        raise InvalidSignature(
            "unknown unit of time", expected=" or ".join(TIME_UNITS), received=repr(time_unit)[:40]
        )
    return factor


def _flags(values: object) -> BoolArray:
    """Turn `values` into a fresh one-dimensional bool array; only 0 and 1 are flags."""
    numbers = _column("pen_down", values)
    if not np.isin(numbers, (0.0, 1.0)).all():
        raise InvalidSignature("pen_down is not boolean", expected="only True/False or 1/0")
    return numbers.astype(np.bool_)


def _stroke(stroke: npt.ArrayLike) -> FloatArray:
    array = _array("a stroke", stroke)
    if array.size == 0:
        return np.zeros((0, 3))
    if array.ndim != 2 or array.shape[1] not in (3, 4):
        raise InvalidSignature(
            "a stroke of another shape",
            expected="(n, 3) x, y, time_ms or (n, 4) with pressure",
            received=str(array.shape),
        )
    return _doubles(array)


def _check_count(count: int) -> None:
    if not MIN_SAMPLES <= count <= MAX_SAMPLES:
        raise InvalidSignature(
            "too few samples" if count < MIN_SAMPLES else "too many samples",
            expected=f"{MIN_SAMPLES} to {MAX_SAMPLES}",
            received=str(count),
        )


def _check_finite(name: str, values: FloatArray) -> None:
    if not np.isfinite(values).all():
        index = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InvalidSignature(
            f"{name} is not finite", expected="finite numbers", received=f"{values[index]} at sample {index}"
        )
    largest = float(np.abs(values).max())
    most = MAX_STAMP if name == "time_ms" else MAX_COORDINATE
    if largest > most:
        raise InvalidSignature(
            f"{name} is out of range", expected=f"at most {most:g}", received=f"{largest:g}"
        )


def _check_ink(x: FloatArray, y: FloatArray, ink: BoolArray) -> None:
    if np.count_nonzero(ink) < MIN_SAMPLES - 1:
        raise InvalidSignature(
            "too little ink",
            expected=f"at least {MIN_SAMPLES - 1} samples with the pen down",
            received=str(int(np.count_nonzero(ink))),
        )
    if np.ptp(x[ink]) == 0 and np.ptp(y[ink]) == 0:
        raise InvalidSignature("no extent", expected="ink on more than one spot")


def _frozen(array: FloatArray | None) -> FloatArray | None:
    if array is not None:
        array.flags.writeable = False
    return array
