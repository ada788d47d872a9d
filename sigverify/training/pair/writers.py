"""`WriterPairs`: writers of a `TraceSet`, each laid out as the pairs that `trials` names."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, IndexArray, IntArray
from sigverify.errors import CorpusError, RuntimeUnavailable
from sigverify.matching.elastic import NUMPY, Aligner
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.pair_inputs import pair_inputs
from sigverify.matching.pairing import Engine, Pairing
from sigverify.modality.registry import find_modality
from sigverify.runtime.native.library import Library
from sigverify.runtime.pair_network import pair_shape
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.data.training_data import TrainingData
from sigverify.training.distortion import Distortion, build_forger
from sigverify.training.pair.trials import GENUINE, PROBES, REFERENCES, SKILLED, SLOTS, STRANGERS

_NOTHING: Final = np.zeros((1, 1), np.float32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Laid:
    """Some writers, laid out; `m` pairs each.

    Attributes:
        pairs: `(writers, m, steps, depth)` float32, what the network sees.
        measured: `(writers, m, k)` float32, what the cues that are not learned say.
        reduced: `(writers,)` bool, whose signatures lack what a device may lack.
    """

    pairs: Float32Array
    measured: Float32Array
    reduced: BoolArray


def check_pairs(data: TrainingData) -> None:
    """Refuse writers that are too few for a pair network, before the long part.

    Raises:
        CorpusError: so they are, of those to train on or of those held out.
    """
    for traces in (data.train, data.held_out):
        if traces is not None:
            _able(traces)


def _able(traces: TraceSet) -> list[IndexArray]:
    """Return the rows of each writer that has as many genuine signatures as the trials need."""
    owners = traces.writer_index
    rows = [np.flatnonzero(owners == number) for number in range(len(traces.writers))]
    able = [its for its in rows if traces.genuine[its].sum() >= GENUINE]
    if len(able) < STRANGERS + 1:
        raise CorpusError(
            f"{traces.name} is too small to train a pair network on",
            expected=f"at least {STRANGERS + 1} writers with {GENUINE} genuine signatures, held out too",
            received=str(len(able)),
            hint="Set [pair] epochs = 0, or add writers",
        )
    return able


class WriterPairs:
    """Draws signatures of writers, distorts them, and compares them by the code that the device runs."""

    def __init__(self, traces: TraceSet, augmentation: Distortion | None) -> None:
        """Index the signatures by writer.

        Raises:
            CorpusError: too few writers with as many genuine signatures as the trials need.
        """
        self._traces = traces
        self._augmentation = augmentation
        self._modality = find_modality(traces.modality)
        self._forger: Any = None
        self.cues = tuple(cue for cue in self._modality.cues if not cue.learned)
        """The columns of `Laid.measured`."""
        self.channels = self._modality.pair_layout.channels
        """Of which the network sees the absolute difference, in the first columns of `Laid.pairs`."""
        self.shape = pair_shape(self._modality)
        """Of what the network sees of a pair."""
        self._engine = Engine(_aligner())
        able = _able(traces)
        self._genuine = [its[traces.genuine[its]] for its in able]
        self._skilled = [its[~traces.genuine[its]] for its in able]

    def __len__(self) -> int:
        """Count the writers that have signatures enough."""
        return len(self._genuine)

    def lay(self, writers: IndexArray, rng: np.random.Generator, *, reduced: float = 0.0) -> Laid:
        """Draw slots for these writers; a share of them lacks what a device may lack."""
        count = len(writers)
        rows = np.concatenate([self._rows(number, writers, rng) for number in range(count)])
        traces = self._traces.traces[rows]
        forged = np.tile((np.arange(SLOTS) >= GENUINE) & (np.arange(SLOTS) < GENUINE + SKILLED), count)
        forged &= self._traces.genuine[rows]
        if forged.any():
            self._forger = self._forger or build_forger(self._traces.modality)
            traces[forged] = self._forger.apply(traces[forged], rng)
        if self._augmentation is not None:
            groups: IntArray = np.repeat(np.arange(count), SLOTS)
            traces = self._augmentation.apply(traces, groups, rng)
        embedded = self._embed(traces, self._traces.extent[rows])
        lacking = self._drop(embedded, count, rng.random(count) < reduced)
        first = SLOTS * np.arange(count)[:, np.newaxis]
        pairing = Pairing(
            embedded.take((first + PROBES).ravel()), embedded.take((first + REFERENCES).ravel()), self._engine
        )
        pairs = pair_inputs(pairing, self._modality.pair_layout)
        measured = np.stack([cue.measure(pairing) for cue in self.cues], axis=-1)
        return Laid(
            pairs=pairs.reshape(count, len(PROBES), *pairs.shape[1:]),
            measured=measured.reshape(count, len(PROBES), -1),
            reduced=lacking,
        )

    def _rows(self, number: int, writers: IndexArray, rng: np.random.Generator) -> IndexArray:
        """Rows of one writer's slots, `(SLOTS,)`; where there are no forgeries, genuine ones to be forged."""
        writer = int(writers[number])
        genuine = rng.permutation(self._genuine[writer])
        skilled = self._skilled[writer] if len(self._skilled[writer]) else genuine
        others = np.delete(np.arange(len(self)), writer)
        strangers = [rng.choice(self._genuine[other]) for other in rng.choice(others, STRANGERS)]
        return np.concatenate([genuine[:GENUINE], np.resize(rng.permutation(skilled), SKILLED), strangers])

    def _embed(self, traces: Float32Array, extent: Any) -> References:
        """Embed as a device does, but for what the network for one capture says."""
        inputs = self._modality.encode(traces)
        series, detail = self._modality.series(inputs), self._modality.detail(inputs)
        return References.stack(
            [
                Embedding.from_floats(one, other, None, _NOTHING[0], size)
                for one, other, size in zip(series, detail, extent, strict=True)
            ]
        )

    def _drop(self, embedded: References, writers: int, chosen: BoolArray) -> BoolArray:
        """Take optional channels from writers chosen, or of whom a signature lacks one; say from whom."""
        columns = list(self._modality.optional.values())
        series = embedded.series.reshape(writers, SLOTS, *embedded.series.shape[1:])
        lacking = np.zeros(writers, np.bool_)
        for column in columns:
            has = np.all(np.any(series[..., column], axis=2), axis=1) & ~chosen
            series[~has, :, :, column] = 0
            lacking |= ~has
        return lacking


def _aligner() -> Aligner:
    """Return what aligns fastest here."""
    try:
        return Library.find()
    except RuntimeUnavailable:
        return NUMPY
