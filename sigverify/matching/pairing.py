"""`Pairing`: a probe beside references, and what the cues measure of them; `Engine`: what computes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sigverify.arrays import Float32Array
from sigverify.errors import ConfigError
from sigverify.matching.elastic import NUMPY, Aligner, Paths
from sigverify.matching.embedding import Embedding, References, check_model

if TYPE_CHECKING:
    from sigverify.matching.cue import Cue


class PairJudge(Protocol):
    """A learned comparison of aligned signatures; see `pair_inputs`."""

    def __call__(self, pairing: "Pairing") -> Float32Array:
        """Say how far the probe lies from each reference, as a logarithm: `(r,)` float32."""


@dataclass(frozen=True, eq=False)
class Engine:
    """What computes.

    Attributes:
        aligner: aligns, in numpy or in C.
        judge: runs the model's pair network; None where it has none.
        whole: measures all of `cues` at once, `(r, k)`, as the core in C does; None: each by itself.
        across: the same of several probes with each of `r` references, `(n, r, k)`; None: pair by pair.
        cues: of the model; asked for others, each is measured by itself.
        examine: judges and embeds a capture, and follows its outlines if asked, all at once: an
            `Examined`; None: the modality does it step by step.
        assess: judges a capture as a reference, as `Modality.assess`; None: that does it.
        outlines: follows the outlines of a capture, as `Modality.outlines`; None: that does it.
        runs_along: whether an outline is one of those known, as `Modality.runs_along`; None: that does it.
    """

    aligner: Aligner = NUMPY
    judge: PairJudge | None = None
    whole: "Callable[[Pairing], Float32Array] | None" = None
    across: Callable[[References, References], Float32Array] | None = None
    cues: "tuple[Cue, ...]" = ()
    examine: Callable[[Any, bool], Any] | None = None
    assess: Callable[[Any], Any] | None = None
    outlines: Callable[[Any], tuple[bytes, ...]] | None = None
    runs_along: Callable[[Sequence[bytes], Sequence[bytes]], bool] | None = None


PLAIN: Final = Engine()
"""Alignment in numpy, no network."""


class Pairing:
    """A probe, or one for each reference, beside `r` references. What several cues need is computed once."""

    def __init__(self, probe: Embedding | References, references: References, engine: Engine = PLAIN) -> None:
        """Put them together.

        Raises:
            InvalidSignature: they are of different models.
        """
        check_model(probe, references)
        self.probe = probe
        self.references = references
        self.engine = engine
        self._paths: Paths | None = None

    def __len__(self) -> int:
        """Count the references."""
        return len(self.references)

    @property
    def paths(self) -> Paths:
        """How the series of the probe runs along that of each reference; computed once."""
        # Not a `cached_property`: in Python 3.11 all of one class share a lock, which threads would wait for,
        # and which a process forked meanwhile would never get.
        if self._paths is None:
            self._paths = self.engine.aligner.paths(self.probe.series, self.references.series)
        return self._paths

    def judged(self) -> Float32Array:
        """Ask the pair network: `(r,)` logarithms.

        Raises:
            ConfigError: there is none here.
        """
        if self.engine.judge is None:
            raise ConfigError("this model compares by a pair network", expected="an engine that runs it")
        return self.engine.judge(self)
