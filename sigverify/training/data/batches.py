"""`WriterBatches`: P writers, each with K genuine signatures and F forgeries, batch by batch."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, FloatArray, Int32Array, IntArray
from sigverify.errors import CorpusError, TrainingError
from sigverify.modality.registry import find_modality
from sigverify.training.backend import keras
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.distortion import Distortion, build_forger

Batch = tuple[Float32Array, dict[str, Int32Array]]

_NOTHING: Final = 1e-9
"""Shares whose sum is so near 1 leave nothing for others: it is rounding."""


class WriterBatches(keras.utils.PyDataset):
    """Batches of n = P (K + F) signatures: inputs `(n, *input_shape)` float32, labels `(n, 2)` int32.

    A label is [writer, 1 genuine / 0 forgery].

    Writer by writer: K genuine signatures, then F forgeries of that writer. A writer with fewer than K
    genuine signatures repeats some (each distorted anew). One with fewer than F skilled forgeries repeats
    those; one with none gets genuine signatures of other writers there, labeled as forgeries of this one,
    which is what random forgeries are, or its own, forged by the modality's forger.

    A batch depends on (seed, epoch, index) alone, whatever the number of workers. Set `epoch` before each
    epoch. Keras's own workers carry batches over from one epoch to the next, so threads of our own make
    batches ahead of time here.

    Args:
        traces: the signatures.
        outputs: names of the network outputs that want the labels.
        writers, genuine, skilled: P, K and F; P is at most the number of writers that may be drawn.
        steps: batches an epoch.
        augmentation: None leaves the traces as they are.
        forged: share of those slots that are forged.
        shares: share of each batch's writers by corpus name, for a joined set; without it every writer is
            as likely.
        workers: threads that prepare batches; 0 prepares them when asked.
        parts: into how many equal parts devices split a batch; P is lowered to a multiple of it, so that no
            writer is split.
        share: which of how many equal shares of a batch to make, (0, 1) being all of it: of several processes
            that train together each makes its own.
        first_label: label of the first writer. Those of held-out writers begin after the training ones, so
            that no loss takes the one for the other.
    """

    def __init__(
        self,
        traces: TraceSet,
        *,
        outputs: tuple[str, ...],
        writers: int,
        genuine: int,
        skilled: int,
        steps: int,
        seed: int,
        augmentation: Distortion | None = None,
        forged: float = 0.0,
        shares: Mapping[str, float] | None = None,
        workers: int = 0,
        parts: int = 1,
        share: tuple[int, int] = (0, 1),
        first_label: int = 0,
    ) -> None:
        """Index the signatures by writer.

        Raises:
            CorpusError: fewer than two writers with a genuine signature that may be drawn, or fewer than
                `parts`, or a share of a corpus that is not there.
            ConfigError: `forged`, and the modality has no forger.
        """
        super().__init__(workers=1)
        self.traces, self.outputs, self.steps, self.seed = traces, outputs, steps, seed
        self.slots_genuine, self.slots_skilled = genuine, skilled
        self.augmentation, self.forged = augmentation, forged
        self.epoch = 0
        self._modality = find_modality(traces.modality)
        self._forger = build_forger(traces.modality) if forged else None
        self._genuine = _by_writer(traces, traces.genuine)
        self._skilled = _by_writer(traces, ~traces.genuine)
        self._pool_of_writers = np.flatnonzero([len(rows) > 0 for rows in self._genuine])
        if len(self._pool_of_writers) < max(2, parts):
            raise CorpusError(
                f"{traces.name} is too small to train on",
                expected=f"at least {max(2, parts)} writers with genuine signatures",
                received=str(len(self._pool_of_writers)),
            )
        self._odds = _odds(traces, self._pool_of_writers, shares or {})
        drawn = len(self._pool_of_writers) if self._odds is None else np.count_nonzero(self._odds)
        if drawn < max(2, parts):
            raise CorpusError(
                "too few writers to train on: a share of 0, or what others leave, draws nobody of a corpus",
                expected=f"at least {max(2, parts)} of corpora with a share",
                received=str(drawn),
                hint="Change [batch.shares]",
            )
        self.writers_per_batch = int(min(writers, drawn)) // parts * parts
        self._share, self._first_label = share, first_label
        self._ahead = 2 * workers
        self._executor = ThreadPoolExecutor(workers, "batches") if workers else None
        self._pending: dict[tuple[int, int], Future[Batch]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Batches an epoch."""
        return self.steps

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index` of the current epoch, and have the next ones made."""
        if self._executor is None:
            return self.make(self.epoch, index)
        with self._lock:
            ahead = [self._following(index, distance) for distance in range(self._ahead + 1)]
            for key in [key for key in self._pending if key not in ahead]:
                self._pending.pop(key).cancel()
            for key in ahead:
                if key not in self._pending:
                    self._pending[key] = self._executor.submit(self.make, *key)
            future = self._pending.pop(ahead[0])
        return future.result()

    def close(self) -> None:
        """Stop the threads."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def make(self, epoch: int, index: int) -> Batch:
        """Make one batch; safe to call from any thread."""
        rng = np.random.default_rng((self.seed, epoch, index))
        chosen = rng.choice(self._pool_of_writers, self.writers_per_batch, replace=False, p=self._odds)
        number, of = self._share
        if of > 1:
            chosen = np.split(chosen, of)[number]
            rng = np.random.default_rng((self.seed, epoch, index, number))
        rows = np.concatenate([self._rows(int(writer), rng) for writer in chosen])
        slots = self.slots_genuine + self.slots_skilled
        batch = self.traces.traces[rows]
        is_genuine = np.tile(np.arange(slots) < self.slots_genuine, len(chosen))
        own = self.traces.writer_index[rows] == np.repeat(chosen, slots)
        if (forged := ~is_genuine & own & self.traces.genuine[rows]).any():
            if self._forger is None:  # only it makes a forged slot hold a signature of the writer
                raise TrainingError("a forged slot holds a genuine signature, and nothing forges")
            batch[forged] = self._forger.apply(batch[forged], rng)
        if self.augmentation is not None:
            batch = self.augmentation.apply(batch, np.repeat(np.arange(len(chosen)), slots), rng)
        names = np.repeat(chosen, slots) + self._first_label
        labels = np.stack([names, is_genuine], axis=1).astype(np.int32)
        return self._modality.encode(batch), dict.fromkeys(self.outputs, labels)

    def _following(self, index: int, distance: int) -> tuple[int, int]:
        epochs, batch = divmod(index + distance, self.steps)
        return self.epoch + epochs, batch

    def _rows(self, writer: int, rng: np.random.Generator) -> IntArray:
        """Rows of one writer's slots, `(K + F,)`."""
        genuine = _draw(self._genuine[writer], self.slots_genuine, rng)
        if not self.slots_skilled:
            return genuine
        if len(self._skilled[writer]):
            return np.concatenate([genuine, _draw(self._skilled[writer], self.slots_skilled, rng)])
        others = rng.choice(self._pool_of_writers, self.slots_skilled)
        others = np.where(others == writer, self._other_than(writer), others)
        if self.forged:
            others = np.where(rng.random(self.slots_skilled) < self.forged, writer, others)
        return np.concatenate([genuine, [rng.choice(self._genuine[int(other)]) for other in others]])

    def _other_than(self, writer: int) -> int:
        """Return some other writer: the first, or the second for the first."""
        first, second = self._pool_of_writers[:2]
        return int(second if writer == first else first)


def _by_writer(traces: TraceSet, mask: BoolArray) -> list[IntArray]:
    """Rows where `mask` holds, for each writer in order."""
    rows = np.flatnonzero(mask)
    owners = traces.writer_index[rows]
    order = np.argsort(owners, kind="stable")
    borders = np.searchsorted(owners[order], np.arange(1, len(traces.writers)))
    return [np.asarray(part, np.int64) for part in np.split(rows[order], borders)]


def _draw(rows: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Draw `count` rows, none twice unless there are too few, and then all equally often but for one."""
    rounds = -(-count // len(rows))
    return np.concatenate([rng.permutation(rows) for _ in range(rounds)])[:count]


def _odds(traces: TraceSet, pool: IntArray, shares: Mapping[str, float]) -> FloatArray | None:
    """Probability of each writer of the pool, or None where all are alike.

    Raises:
        CorpusError: a share for a corpus that is not in the set.
    """
    if not shares:
        return None
    corpora = np.array([traces.writers[writer].partition("/")[0] for writer in pool])
    if unknown := sorted(set(shares) - set(corpora.tolist())):
        raise CorpusError(
            "a share for a corpus that is not there",
            expected=", ".join(sorted(set(corpora.tolist()))),
            received=unknown[0],
        )
    names, counts = np.unique(corpora, return_counts=True)
    rest = 1.0 - sum(shares.values())
    rest = rest / max(1, len(names) - len(shares)) if rest > _NOTHING else 0.0
    weight = {name: shares.get(name, rest) / count for name, count in zip(names, counts, strict=True)}
    odds = np.array([weight[name] for name in corpora])
    return np.asarray(odds / max(odds.sum(), _NOTHING))  # all 0: of nobody, which is refused where they count
