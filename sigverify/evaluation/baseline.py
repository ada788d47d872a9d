"""`DtwBaseline`: elastic matching of what is compared by hand, with nothing learned.

What every learned model has to beat: of pen strokes seven functions of time, of pictures columns of stroke
directions. Functions, band and normalization are the field's.
"""

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Final

import numpy as np

from sigverify.arrays import RealArray
from sigverify.errors import MissingExtra
from sigverify.matching.scoring import Impostor
from sigverify.metrics.normalized_distance import normalized_distance
from sigverify.modality.registry import modality_of

BAND: Final = 0.2
"""Half-width of the Sakoe-Chiba band as a share of the frames."""

SCALE: Final = 40.0
"""Normalized distance that scores 0.5: about where genuine and forged pen strokes meet on public corpora."""


class DtwBaseline:
    """DTW with Euclidean distance per frame, by dtaidistance (compiled C).

    The score falls with the `normalized_distance`, `SCALE / (SCALE + distance)`, and is no probability.
    """

    name = "DTW baseline"
    calibrated = False

    def __init__(self) -> None:
        """Load the library.

        Raises:
            MissingExtra: dtaidistance is not installed, or without its compiled part.
        """
        try:
            from dtaidistance import dtw_cc
        except ImportError as error:
            raise MissingExtra(
                "dtaidistance is not installed, or without its compiled part",
                hint="pip install 'sigverify[evaluate]'",
            ) from error
        self._compiled = dtw_cc

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Name the method and its settings."""
        return {
            "kind": "baseline",
            "method": "dtw",
            "library": f"dtaidistance {metadata.version('dtaidistance')}",
            "compares": "the series of the captures' modality",
            "band": BAND,
            "frame_distance": "euclidean",
            "normalization": "min/sqrt(d_min) + mean/sqrt(d_mean)",
        }

    def embed(self, capture: Any) -> RealArray:
        """Return what is compared by hand, `(t, c)` float64.

        Raises:
            InvalidSignature: nothing of a known kind.
        """
        modality = modality_of(capture)
        inputs = modality.encode(modality.trace(capture)[np.newaxis])
        return np.ascontiguousarray(modality.series(inputs)[0], np.float64)

    def distances(self, probes: Sequence[RealArray], references: Sequence[RealArray]) -> RealArray:
        """Align every probe with every reference: `(p, r, 1)`."""
        return np.array([[[self._distance(probe, other)] for other in references] for probe in probes])

    def spread(self, references: Sequence[RealArray]) -> RealArray:
        """Align references with each other: `(r, r, 1)`, symmetric, 0 on the diagonal."""
        out = np.zeros((len(references), len(references), 1))
        for row, one in enumerate(references):
            for column in range(row):
                out[row, column] = out[column, row] = self._distance(one, references[column])
        return out

    def score(self, distances: RealArray, spread: RealArray) -> RealArray:
        """Score by normalized distance."""
        return SCALE / (SCALE + normalized_distance(distances[..., 0], spread[..., 0]))

    def thresholds(self, references: int) -> Mapping[str, Sequence[tuple[float, float]]]:  # noqa: ARG002 - System
        """Promise nothing."""
        return {}

    def cohort(self) -> Sequence[RealArray]:
        """Bring nobody along."""
        return ()

    def decided(
        self,
        score: RealArray,
        distances: RealArray,  # noqa: ARG002 - System
        impostor: Impostor,  # noqa: ARG002
    ) -> RealArray:
        """Leave scores as they are."""
        return score

    def limited(
        self,
        score: RealArray,
        distances: RealArray,  # noqa: ARG002 - System
        spread: RealArray,  # noqa: ARG002
        cohort: RealArray,  # noqa: ARG002
    ) -> RealArray:
        """Leave scores as they are."""
        return score

    def _distance(self, one: RealArray, other: RealArray) -> float:
        # The library counts the diagonal as part of the window, so that 1 is no warping at all.
        window = int(BAND * len(one)) + 1
        return float(self._compiled.distance_ndim(one, other, window=window, inner_dist="euclidean"))
