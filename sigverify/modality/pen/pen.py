"""`PEN`: signatures as a pen wrote them, seen as functions of time."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.matching.aspect import Aspect, AspectMeasure
from sigverify.matching.cue import Cue
from sigverify.matching.cues import EXTENT, PAIR, SEQUENCE, SERIES, TRIMMED, VECTOR
from sigverify.matching.pair_inputs import PairLayout
from sigverify.modality.pen import assessment, features
from sigverify.modality.pen import outlines as lines
from sigverify.modality.pen.features import CHANNEL_NAMES
from sigverify.modality.pen.signature import Signature
from sigverify.modality.pen.tempo import TEMPO
from sigverify.modality.quality import Flaw, Quality


def _columns(*names: str) -> tuple[int, ...]:
    return tuple(CHANNEL_NAMES.index(name) for name in names)


class Pen:
    """The modality of pen strokes; see `Modality` for what each part is.

    An extent is the milliseconds from the first to the last ink, on the repaired time axis.
    """

    name: Final = "pen"
    version: Final = features.FEATURES_VERSION
    capture: Final = Signature
    trace_shape: Final = (features.FRAMES, len(features.TRACE_CHANNELS))
    input_shape: Final = (features.FRAMES, features.CHANNELS)
    series_shape: Final = (features.FRAMES, features.SERIES_CHANNELS)
    detail_shape: Final = (features.DETAIL_FRAMES, features.DETAIL_CHANNELS)
    cues: Final[tuple[Cue, ...]] = (SERIES, TRIMMED, PAIR, SEQUENCE, VECTOR, EXTENT, TEMPO)
    pair_layout: Final = PairLayout(
        channels=features.CHANNELS,
        signed=_columns("pace", "pressure"),
        context=_columns("dx", "dy", "speed", "ink", "pace"),
    )
    # Standard deviations and spreads were measured on synthetic and SigComp 2009 writers, whose genuine
    # signatures deviate by 0 on the average, within 0.02; benchmarks/policy.py prints those of others.
    aspects: Final[Mapping[Aspect, AspectMeasure]] = MappingProxyType(
        {
            Aspect.SHAPE: AspectMeasure(columns=_columns("cos", "sin"), usual=0.18, spread=0.43),
            Aspect.SPEED: AspectMeasure(columns=_columns("speed", "acceleration"), usual=0.11, spread=0.6),
            Aspect.PRESSURE: AspectMeasure(columns=_columns("pressure"), usual=0.22, spread=0.2),
            Aspect.DURATION: AspectMeasure(usual=0.52, spread=0.07),
        }
    )
    optional: Final[Mapping[Aspect, int]] = MappingProxyType(
        {Aspect.PRESSURE: CHANNEL_NAMES.index("pressure")}
    )
    copy_distance: Final = 0.6
    """Of 2820 pairs of genuine signatures (synthetic, SigComp 2009) the nearest lie 0.65 apart;
    benchmarks/policy.py prints other corpora, and what copies give."""

    copy_bits: Final = 24
    """Of the same pairs each differs in 29 bits and more."""

    def outlines(self, capture: Signature) -> tuple[bytes, ...]:
        """Return equal steps along the line, at whatever speed it was written; see `outlines.follow`."""
        return lines.distinct(lines.follow(capture))

    def runs_along(self, outlines: Sequence[bytes], known: Sequence[bytes]) -> bool:
        """Whether an outline lies nearer to one of those known than people sign twice."""
        return bool(known) and any(lines.is_copy(outline, known) for outline in outlines)

    def trace(self, capture: Signature) -> Float32Array:
        """Repair, drop hover, resample uniformly in time, center and scale: `(FRAMES, 4)`."""
        return features.trace(capture)

    def encode(self, traces: npt.ArrayLike) -> Float32Array:
        """Turn traces `(n, FRAMES, 4)` into functions of time `(n, FRAMES, CHANNELS)`."""
        return features.encode(traces)

    def series(self, inputs: Float32Array) -> Float32Array:
        """Return the functions that are compared by hand, `(n, FRAMES, SERIES_CHANNELS)`."""
        return np.asarray(inputs[..., : features.SERIES_CHANNELS])

    def detail(self, inputs: Float32Array) -> Float32Array:
        """Return the other functions at half the rate, `(n, DETAIL_FRAMES, DETAIL_CHANNELS)`."""
        return features.detail(inputs)

    def reduce(self, inputs: Float32Array) -> Float32Array:
        """Return functions of time without pressure, `(…, FRAMES, CHANNELS)`."""
        reduced = inputs.copy()
        reduced[..., list(self.optional.values())] = 0
        return reduced

    def extent(self, capture: Signature) -> float:
        """Milliseconds from the first to the last ink."""
        return capture.repaired.duration_ms

    def assess(self, capture: Signature) -> Quality:
        """Judge one capture by itself, as a reference."""
        return assessment.assess(capture)

    def unfit(self, capture: Signature) -> Flaw | None:
        """Say what makes a capture unfit to be compared at all; None: nothing."""
        return assessment.unfit(capture)

    def fingerprint(self, capture: Signature) -> bytes:
        """Return the samples relative to the first: a copy that was moved, or stamped anew, is one."""
        columns = [capture.x, capture.y, capture.time_ms]
        columns += [] if capture.pressure is None else [capture.pressure]
        return b"".join((column - column[0]).tobytes() for column in columns) + capture.ink.tobytes()


PEN: Final = Pen()
