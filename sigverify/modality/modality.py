"""`Modality`: one kind of capture, from the capture to the floats of its embedding, and nothing after."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.matching.aspect import Aspect, AspectMeasure
from sigverify.matching.cue import Cue
from sigverify.matching.pair_inputs import PairLayout
from sigverify.modality.quality import Flaw, Quality

C = TypeVar("C")
"""What is captured: a `Signature` of pen strokes, an image …"""


class Modality(Protocol[C]):
    """A kind of capture. A model names its modality, and everything else asks the model.

    Every step that training and the device share is here once: a difference between the two is the most
    common way in which such systems fail in the field.
    """

    @property
    def name(self) -> str:
        """A token of lower-case letters, digits and "_", at most 16: it stands in models and stores."""

    @property
    def version(self) -> int:
        """Raised with every change that alters a number: a model runs only with the one it was trained on."""

    @property
    def capture(self) -> type[C]:
        """The class of its captures."""

    @property
    def trace_shape(self) -> tuple[int, ...]:
        """Shape of one trace."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of what a network takes of one capture."""

    @property
    def series_shape(self) -> tuple[int, int]:
        """Shape `(t, c)` of what is compared by hand; it `can_be_aligned`."""

    @property
    def detail_shape(self) -> tuple[int, int]:
        """Shape `(t / 2, c')` of what is compared beside the series; `c'` may be 0."""

    @property
    def pair_layout(self) -> PairLayout:
        """What a pair network sees of the channels of series and detail."""

    @property
    def cues(self) -> tuple[Cue, ...]:
        """The cues that its embeddings can be compared by; new models are fitted with all of them."""

    @property
    def aspects(self) -> Mapping[Aspect, AspectMeasure]:
        """What a person would name, and how the embedding tells of it."""

    @property
    def optional(self) -> Mapping[Aspect, int]:
        """Columns of the series that a device may lack the sensor for, and what they tell of."""

    @property
    def copy_distance(self) -> float:
        """A probe whose series lies nearer to that of a reference is a copy of it; see `policy.replay`."""

    @property
    def copy_bits(self) -> int:
        """Sketches of two captures that differ in at most so many bits are of one; see `policy.replay`."""

    def outlines(self, capture: C) -> tuple[bytes, ...]:
        """Return where the pen went, whatever the time it took: at most 255 bytes each, or none.

        The first, of all of it, is kept; others are of parts by which a copy is found too.
        """

    def runs_along(self, outlines: Sequence[bytes], known: Sequence[bytes]) -> bool:
        """Whether an outline of a capture is, with other clocks, noise and turns of the pad, one known."""

    def trace(self, capture: C) -> Float32Array:
        """Repair and normalize a capture, once: what training distorts, of `trace_shape`.

        The device's (or scanner's) faults are gone afterwards.
        """

    def encode(self, traces: npt.ArrayLike) -> Float32Array:
        """Turn traces `(n, *trace_shape)` into what the network sees, `(n, *input_shape)`."""

    def series(self, inputs: Float32Array) -> Float32Array:
        """Return what is compared by hand, `(n, t, c)` in ±4, of encoded captures `(n, *input_shape)`."""

    def detail(self, inputs: Float32Array) -> Float32Array:
        """Return what is compared by hand beside it, `(n, t / 2, c')` in ±4; `c'` may be 0."""

    def reduce(self, inputs: Float32Array) -> Float32Array:
        """Return encoded captures as a device without any optional sensor would have given them."""

    def extent(self, capture: C) -> float:
        """Return a positive number that says how large a capture is; its unit is the modality's own."""

    def assess(self, capture: C) -> Quality:
        """Judge one capture by itself, as a reference."""

    def unfit(self, capture: C) -> Flaw | None:
        """Say what makes a capture unfit to be compared at all; None: nothing. Cheaper than `assess`."""

    def fingerprint(self, capture: C) -> bytes:
        """Return bytes that are equal for an exact copy, wherever and whenever it was taken."""
