"""`PairBatches`: batches of writers, laid out as pairs, with the log odds that the network has to add to."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from sigverify.training.backend import keras
from sigverify.training.config import PairConfig
from sigverify.training.pair.offset import Offset
from sigverify.training.pair.trials import PROBES, SIGN, WEIGHTS
from sigverify.training.pair.writers import WriterPairs

Batch = tuple[dict[str, Any], dict[str, Any]]

_AHEAD: Final = 3
"""Batches made before they are asked for, by one thread: numpy and the core in C let others work then."""


class PairBatches(keras.utils.PyDataset):
    """An epoch of batches, each drawn by its own generator: the same whenever it is made."""

    def __init__(self, writers: WriterPairs, offset: Offset, config: PairConfig, seed: int) -> None:
        """Draw from these writers."""
        super().__init__(workers=1)
        self.epoch = 0
        self._writers, self._offset, self._config, self._seed = writers, offset, config, seed
        self._size = min(config.writers, len(writers))
        self._executor = ThreadPoolExecutor(1, "pairs")
        self._pending: dict[int, Future[Batch]] = {}

    def __len__(self) -> int:
        """Batches an epoch."""
        return self._config.steps_per_epoch

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index` of the current epoch, and have the next ones made."""
        number = self.epoch * len(self) + index
        for ahead in range(number, number + _AHEAD + 1):
            if ahead not in self._pending:
                self._pending[ahead] = self._executor.submit(self.make, ahead)
        for stale in [each for each in self._pending if each < number]:
            self._pending.pop(stale).cancel()
        return self._pending.pop(number).result()

    def make(self, number: int) -> Batch:
        """Make one batch: distorted, with noise, and some channels that the network does not see."""
        rng = np.random.default_rng((self._seed, number))
        chosen = rng.choice(len(self._writers), self._size, replace=False)
        laid = self._writers.lay(chosen, rng, reduced=self._config.sensor_drop)
        pairs = laid.pairs + self._config.noise * rng.standard_normal(laid.pairs.shape, np.float32)
        channels = self._writers.channels
        seen = rng.random((len(pairs), 1, 1, channels)) >= self._config.channel_drop
        pairs[..., :channels] *= seen.astype(np.float32)
        return batch(pairs, self._offset.odds(laid))

    def close(self) -> None:
        """Stop the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def held_out_batches(
    writers: WriterPairs, offset: Offset, config: PairConfig, seed: int
) -> tuple[Batch, float]:
    """Lay out held-out writers as they are, in one; beside them the loss of the measured cues alone."""
    rng = np.random.default_rng(seed)
    count = min(config.held_out, len(writers))
    chosen = np.linspace(0, len(writers) - 1, count).astype(np.intp)
    laid = writers.lay(chosen, rng, reduced=config.sensor_drop)
    odds = offset.odds(laid)
    alone = float((WEIGHTS * np.logaddexp(0, -SIGN * odds)).sum(axis=1).mean())
    return batch(laid.pairs, odds), alone


def batch(pairs: Any, odds: Any) -> Batch:
    """Return inputs and targets, of which nothing is asked; see `network.in_score`."""
    count = len(pairs)
    targets = {"odds": np.zeros_like(odds), "said": np.zeros((count, len(PROBES)), np.float32)}
    return {"pairs": pairs, "offset": odds}, targets
