"""`Matcher`: one model at work: captures to embeddings, embeddings to distances, distances to a score.

Everything here is in the model's own coordinates; what a store holds is turned, see `protection.renewal`.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, Float32Array, FloatArray
from sigverify.errors import IncompatibleModel, InvalidSignature, ModelError, RuntimeUnavailable
from sigverify.matching import distances as between
from sigverify.matching.aspect import Aspect
from sigverify.matching.comparison import (
    Comparison,
    channels,
    common,
    compare,
    compare_each,
    lacked,
    without,
)
from sigverify.matching.cues import SERIES, VECTOR
from sigverify.matching.elastic import NUMPY
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.explanation import unlike
from sigverify.matching.pairing import Engine, Pairing, PairJudge
from sigverify.matching.scoring import Impostor
from sigverify.matching.strangers import NormalFit, Strangers
from sigverify.modality.examined import Examined
from sigverify.modality.modality import Modality
from sigverify.modality.quality import Quality
from sigverify.modality.registry import find_modality
from sigverify.model_file import Model, is_shipped
from sigverify.protection.renewal import Renewal
from sigverify.runtime.embedder import Embedder, Output
from sigverify.runtime.interpreters import Runtime, parse_runtime
from sigverify.runtime.native.embedder import NativeEmbedder
from sigverify.runtime.native.library import Library
from sigverify.runtime.pair_network import PairNetwork
from sigverify.template import Template, stored

_log = logging.getLogger(__name__)


class Matcher:
    """All that is computed by one model, in numpy or, where it is built, in C. Threads may share it."""

    def __init__(
        self, model: Model, runtime: Runtime, embed: Callable[[Any], Embedding], engine: Engine
    ) -> None:
        """Put the steps together; `Matcher.open` does it for a model."""
        self.model = model
        """The model it runs."""
        self.modality: Modality[Any] = find_modality(model.manifest.modality)
        """The kind of capture it takes."""
        self.scoring = model.manifest.scoring
        """How distances become a score."""
        self.cues = model.manifest.cues
        """The columns of distances."""
        self.runtime = runtime
        """What runs it: never `Runtime.AUTO`."""
        self.engine = engine
        """What aligns, and looks at aligned pairs."""
        self._embed = embed

    @classmethod
    def open(
        cls,
        model: Model,
        *,
        runtime: Runtime | str = Runtime.AUTO,
        threads: int = 1,
        trusted: bool = False,
    ) -> Self:
        """Load what is needed.

        Args:
            model: what to run.
            runtime: what runs it; `AUTO` takes libsigverify where that is, else the first interpreter. The
                networks go through LiteRT's C interface only if the model is `trusted` or ships: that
                interface aborts the process at some networks which an interpreter refuses.
            threads: CPU threads the network may use; one is fastest for networks of this size.
            trusted: whether the model's signature was checked, see `model_trust.admit`.

        Raises:
            RuntimeUnavailable: the library or device is not here; the message says how to get it.
            MalformedModel: the network is no network, or not the one its manifest describes.
            IncompatibleModel: libsigverify is asked for, and does not compute what the model takes.
            ConfigError: no such runtime, or threads out of range.
        """
        chosen = parse_runtime(runtime)
        if chosen in (Runtime.AUTO, Runtime.NATIVE):
            try:
                library = Library.find()
                if chosen is Runtime.NATIVE:
                    _check_computes(library, model)
                elif not (trusted or is_shipped(model)):
                    return cls.interpreted(model, Runtime.AUTO, threads, library)
                return cls._native(library, model, threads)
            except RuntimeUnavailable as error:
                if chosen is Runtime.NATIVE:
                    raise
                level = logging.WARNING if Library.is_expected() else logging.DEBUG
                _log.log(level, "computing in numpy: %s", error)
        return cls.interpreted(model, chosen, threads)

    @classmethod
    def interpreted(
        cls, model: Model, runtime: Runtime, threads: int = 1, library: Library | None = None
    ) -> Self:
        """Run the networks by an interpreter, and compute the rest in numpy, or by `library` in C."""
        embedder = Embedder.open(model, runtime=runtime, threads=threads)
        judge = PairNetwork.open(model, runtime=embedder.runtime, threads=threads)
        return cls.around(embedder, library, judge=judge)

    @classmethod
    def around(
        cls, embedder: Embedder, library: Library | None = None, *, judge: PairJudge | None = None
    ) -> Self:
        """Compute all but the networks in numpy, or by `library` in C."""
        modality: Modality[Any] = find_modality(embedder.model.manifest.modality)
        engine = Engine(NUMPY if library is None else library, judge)
        # The core in C computes the features of one modality; it aligns whatever there is.
        runtime, encode = embedder.runtime, _encode_one(modality)
        if library is not None and library.modality == modality.name:
            runtime, encode = Runtime.NATIVE, library.features
            engine = replace(
                engine, assess=library.assess, outlines=library.outlines, runs_along=library.runs_along
            )

        def embed(capture: Any) -> Embedding:
            inputs = encode(capture)
            return embedding_of(modality, inputs, embedder.run(inputs), modality.extent(capture))

        return cls(embedder.model, runtime, embed, engine)

    @classmethod
    def _native(cls, library: Library, model: Model, threads: int) -> Self:
        """Compute all in C; where LiteRT's library cannot run the network, an interpreter does that."""
        if threads == 1:
            try:
                whole = NativeEmbedder(library, model)
            except (RuntimeUnavailable, ModelError) as error:  # what is wrong with a model it says better
                _log.debug("an interpreter runs the network: %s", error)
            else:
                engine = Engine(
                    library,
                    whole=whole.measure,
                    across=whole.across,
                    cues=model.manifest.cues,
                    examine=whole.examine,
                    assess=library.assess,
                    outlines=library.outlines,
                    runs_along=library.runs_along,
                )
                return cls(model, Runtime.NATIVE, whole.embed, engine)
        return cls.interpreted(model, Runtime.AUTO, threads, library)

    def embed(self, capture: object) -> Embedding:
        """Embed one capture.

        Raises:
            InvalidSignature: something else than a capture of the model's modality.
        """
        self._check(capture)
        return self._embed(capture)

    def examine(self, capture: object, *, outlined: bool = False) -> Examined:
        """Judge one capture, and embed it where it is fit; `outlined`: follow its outlines too.

        Raises:
            InvalidSignature: something else than a capture of the model's modality.
        """
        self._check(capture)
        if self.engine.examine is not None:
            examined: Examined = self.engine.examine(capture, outlined)
            return examined
        flaw = self.modality.unfit(capture)
        if flaw is not None:
            return Examined(flaw=flaw)
        outlines = self.outlines(capture) if outlined else ()
        return Examined(embedding=self._embed(capture), outlines=outlines)

    def assess(self, capture: object) -> Quality:
        """Judge one capture by itself, as a reference, see `Modality.assess`."""
        quality: Quality = (self.engine.assess or self.modality.assess)(capture)
        return quality

    def outlines(self, capture: object) -> tuple[bytes, ...]:
        """Return what a copy in another time is known by, see `Modality.outlines`."""
        return (self.engine.outlines or self.modality.outlines)(capture)

    def runs_along(self, outlines: Sequence[bytes], known: Sequence[bytes]) -> bool:
        """Whether an outline is that of one of these captures, see `Modality.runs_along`."""
        return (self.engine.runs_along or self.modality.runs_along)(outlines, known)

    def _check(self, capture: object) -> None:
        if not isinstance(capture, self.modality.capture):
            raise InvalidSignature(
                "no signature",
                expected=f"a {self.modality.capture.__name__}",
                received=type(capture).__name__,
                hint="Read files with read_capture, make arrays into Signature(x, y, time_ms)",
            )

    def distances(self, probe: Embedding | References, references: References) -> Float32Array:
        """Compare a probe with `r` references, see `distances.distances`: `(r, k)`."""
        return between.distances(probe, references, self.cues, engine=self.engine)

    def spread(self, references: References) -> Float32Array:
        """Compare references with each other, see `distances.spread`: `(r, r, k)`."""
        return between.spread(references, self.cues, engine=self.engine)

    @cached_property
    def optional(self) -> BoolArray:
        """Channels of the series that a device may lack, `(c,)`."""
        marked = np.zeros(self.modality.series_shape[1], np.bool_)
        marked[list(self.modality.optional.values())] = True
        return marked

    def compare(self, probe: Embedding, references: References, spread: Float32Array) -> Comparison:
        """Compare a probe with references whose spread is known, by what both have; see `comparison`."""
        return compare(probe, references, spread, self.cues, self.optional, engine=self.engine)

    def compare_each(
        self, probe: Embedding, enrolled: Sequence[tuple[References, Float32Array]]
    ) -> list[Comparison]:
        """Compare a probe with several people's references and spreads, see `compare`."""
        return compare_each(probe, enrolled, self.cues, self.optional, engine=self.engine)

    def common(self, references: References) -> References:
        """Return references without what one of them lacks, before any renewal; see `comparison`."""
        return common(references, self.optional)

    def score_of(self, compared: Comparison) -> float:
        """Return the score of a comparison, 0 to 1."""
        return float(self.score(compared.distances, compared.spread, reduced=compared.reduced))

    def score(self, distances: npt.ArrayLike, spread: npt.ArrayLike, *, reduced: bool = False) -> FloatArray:
        """Score `(…, r, k)` distances to `r` references that lie `(r, r, k)` apart: `(…,)` in 0..1."""
        return self.scoring.score(distances, spread, reduced=reduced)

    def threshold(
        self,
        fmr: float,
        *,
        impostor: Impostor | str = Impostor.SKILLED,
        references: int = 5,
        reduced: bool = False,
        strangers: Strangers | None = None,
    ) -> float:
        """Return the score to reach at a false-match rate; see `Scoring.threshold`.

        Raises:
            ConfigError: an unknown impostor, or a rate outside those the model was calibrated for.
        """
        return self.scoring.threshold(
            fmr, impostor=impostor, references=references, reduced=reduced, strangers=strangers
        )

    def strangers(self, references: References, spread: Float32Array) -> Strangers | None:
        """Compare the model's cohort with references that lie `(r, r, k)` apart; None: it has no cohort."""
        cohort = self._cohort
        if cohort is None:
            return None
        less = without(references, self.optional)
        known = spread if less is references else self.spread(less)
        odds = self.odds_of(cohort.reduced, less, known)
        reduced = NormalFit.of(odds)
        if less is references:
            return Strangers(whole=reduced, reduced=reduced)
        # Whoever lacks something is compared without it anyway.
        if cohort.sensing is not None:
            odds[cohort.sensed] = self.odds_of(cohort.sensing, references, spread)
        return Strangers(whole=NormalFit.of(odds), reduced=reduced)

    @cached_property
    def _cohort(self) -> "_Cohort | None":
        """The model's cohort in the forms in which references meet it; None: it has none."""
        people = self.model.people
        if people is None:
            return None
        sensed = channels(people, self.optional)
        sensing = people if sensed.all() else people.take(np.flatnonzero(sensed)) if sensed.any() else None
        return _Cohort(reduced=without(people, self.optional), sensed=sensed, sensing=sensing)

    def odds_of(self, people: References, references: References, spread: Float32Array) -> FloatArray:
        """Return log odds of each of `n` people, by one signature, against somebody's references: `(n,)`.

        Both have all that a device may lack, or neither has any of it.
        """
        count, each = len(people), len(references)
        if self.engine.across is None:
            probes = people.take(np.repeat(np.arange(count), each))
            others = references.take(np.tile(np.arange(each), count))
            distances = self.distances(probes, others).reshape(count, each, len(self.cues))
        else:
            distances = self.engine.across(people, references)
        reduced = bool(lacked(references, self.optional).any())
        return self.scoring.odds(distances, spread, reduced=reduced)

    def unlike(self, probe: Embedding, references: References) -> tuple[Aspect, ...]:
        """Name what sets a probe apart, the worst first. See `explanation`."""
        return unlike(probe, references, self.modality.aspects, self.engine.aligner)

    def template(
        self, user_id: str, plain: References, renewal: Renewal, known: Float32Array | None = None
    ) -> Template:
        """Return the template of references that are in the model's own coordinates, turned and rounded.

        Where their spread `(r, r, k)` is `known`, only what the rounding of vectors changes is measured anew.
        """
        kept = stored(renewal.turn(plain))
        restored = renewal.restore(kept)
        if known is None:
            spread = self.spread(restored)
        else:
            spread = known.copy()
            for column, cue in enumerate(self.cues):
                if cue == VECTOR:
                    spread[..., column] = between.spread(restored, (cue,), engine=self.engine)[..., 0]
        return Template(
            user_id=user_id,
            model_id=self.model.id,
            modality=self.modality.name,
            references=kept,
            spread=spread,
            strangers=self.strangers(restored, spread),
            created=datetime.now(UTC),
        )

    def is_copy(self, distances: Float32Array, probe: Embedding, references: References) -> bool:
        """Whether a probe, so far `(r, k)` from the references, is one of them once more."""
        if SERIES in self.cues:
            series = distances[:, self.cues.index(SERIES)]
        else:
            series = SERIES.measure(Pairing(probe, references, self.engine))
        return bool(series.min() < self.modality.copy_distance)

    def copies(self, spread: Float32Array, references: References) -> BoolArray:
        """Whether each of references that lie `(r, r, k)` apart is another one once more: `(r, r)`."""
        if SERIES in self.cues:
            series = spread[..., self.cues.index(SERIES)]
        else:
            series = between.spread(references, (SERIES,), engine=self.engine)[..., 0]
        copies: BoolArray = series < self.modality.copy_distance
        np.fill_diagonal(copies, val=False)
        return copies


@dataclass(frozen=True, eq=False, kw_only=True)
class _Cohort:
    """A model's cohort of `n` people.

    Attributes:
        reduced: all of them, without what a device may lack.
        sensed: `(n,)`, who lacks nothing of that.
        sensing: these, with all they have; None: nobody.
    """

    reduced: References
    sensed: BoolArray
    sensing: References | None


def _check_computes(library: Library, model: Model) -> None:
    """Refuse a model of captures whose features libsigverify does not compute."""
    if model.manifest.modality != library.modality:
        raise IncompatibleModel(
            "libsigverify does not compute the features of such captures",
            expected=f"a model of modality {library.modality}",
            received=f"{model.manifest.name!r} of modality {model.manifest.modality}",
            hint='With runtime="auto" an interpreter runs its network, and libsigverify aligns',
        )


def embedding_of(modality: Modality[Any], inputs: Float32Array, output: Output, extent: float) -> Embedding:
    """Put together what is kept of a capture: its encoding `inputs`, the network's output, its extent."""
    series = modality.series(inputs[np.newaxis])[0]
    detail = modality.detail(inputs[np.newaxis])[0]
    return Embedding.from_floats(series, detail, output.sequence, output.vector, extent)


def _encode_one(modality: Modality[Any]) -> Callable[[Any], Float32Array]:
    """Return what encodes one capture, `(*input_shape)`."""
    return lambda capture: np.asarray(modality.encode(modality.trace(capture)[np.newaxis])[0])
