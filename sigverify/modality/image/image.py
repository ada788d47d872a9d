"""`IMAGE`: signatures as pictures, seen as columns of stroke directions."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.matching.aspect import Aspect, AspectMeasure
from sigverify.matching.cue import Cue
from sigverify.matching.cues import PAIR, SEQUENCE, SERIES, VECTOR
from sigverify.matching.pair_inputs import PairLayout
from sigverify.modality.image import assessment, columns, sheet
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.quality import Flaw, Quality


class Picture:
    """The modality of pictures of signatures; see `Modality` for what each part is.

    An extent is width over height of what the sheet shows: nothing in a picture tells its true size.
    """

    name: Final = "image"
    version: Final = columns.FEATURES_VERSION
    capture: Final = SignatureImage
    trace_shape: Final = (sheet.HEIGHT, sheet.WIDTH)
    input_shape: Final = (sheet.HEIGHT, sheet.WIDTH, 1)
    series_shape: Final = (columns.COLUMNS, columns.SERIES_CHANNELS)
    detail_shape: Final = (columns.COLUMNS // 2, columns.DETAIL_CHANNELS)
    # The path without its dearest cells, and width over height, add nothing to these.
    cues: Final[tuple[Cue, ...]] = (SERIES, PAIR, SEQUENCE, VECTOR)
    pair_layout: Final = PairLayout(
        channels=columns.SERIES_CHANNELS + columns.DETAIL_CHANNELS,
        context=tuple(range(columns.SERIES_CHANNELS, columns.SERIES_CHANNELS + columns.DETAIL_CHANNELS, 2)),
    )
    # Measured on signatures of SVC 2004 and SUSIG, rendered as pictures, and on BHSig260, as
    # benchmarks/images.py does.
    aspects: Final[Mapping[Aspect, AspectMeasure]] = MappingProxyType(
        {
            Aspect.SHAPE: AspectMeasure(columns=tuple(range(columns.SERIES_CHANNELS)), usual=0.1, spread=7.3),
            Aspect.PROPORTION: AspectMeasure(usual=0.5, spread=0.1),
        }
    )
    optional: Final[Mapping[Aspect, int]] = MappingProxyType({})
    copy_distance: Final = 2.5
    """Of 1510 genuine signatures (SVC 2004, SUSIG, rendered as pictures) the nearest lie 2.79 apart;
    benchmarks/images.py prints other corpora, and what copies give."""

    copy_bits: Final = 26
    """Of the same pairs each differs in 29 bits and more."""

    def outlines(self, capture: SignatureImage) -> tuple[bytes, ...]:
        """Return nothing: a picture has no line that could be followed in one order."""
        del capture
        return ()

    def runs_along(self, outlines: Sequence[bytes], known: Sequence[bytes]) -> bool:
        """Whether an outline is one of those known: there are none."""
        del outlines, known
        return False

    def trace(self, capture: SignatureImage) -> Float32Array:
        """Find the ink, level it, place it on the sheet: `(HEIGHT, WIDTH)` in 0..1."""
        return capture.sheet.ink

    def encode(self, traces: npt.ArrayLike) -> Float32Array:
        """Turn sheets `(n, HEIGHT, WIDTH)` into pictures of one channel, `(n, HEIGHT, WIDTH, 1)`."""
        return columns.encode(traces)

    def series(self, inputs: Float32Array) -> Float32Array:
        """Return the columns that are compared by hand, `(n, COLUMNS, SERIES_CHANNELS)`."""
        return columns.series(inputs)

    def detail(self, inputs: Float32Array) -> Float32Array:
        """Return finer rows of two columns in one, `(n, COLUMNS / 2, DETAIL_CHANNELS)`."""
        return columns.detail(inputs)

    def reduce(self, inputs: Float32Array) -> Float32Array:
        """Return sheets as they are: there is no optional sensor."""
        return inputs

    def extent(self, capture: SignatureImage) -> float:
        """Width over height of what the sheet shows."""
        return capture.sheet.aspect

    def assess(self, capture: SignatureImage) -> Quality:
        """Judge one capture by itself, as a reference."""
        return assessment.assess(capture)

    def unfit(self, capture: SignatureImage) -> Flaw | None:
        """Say what makes a capture unfit to be compared at all; None: nothing."""
        return assessment.unfit(capture)

    def fingerprint(self, capture: SignatureImage) -> bytes:
        """Return the sheet: a picture that was cropped otherwise, or saved in another format, is a copy."""
        return np.rint(255 * capture.sheet.ink).astype(np.uint8).tobytes()


IMAGE: Final = Picture()
