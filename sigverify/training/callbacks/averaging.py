"""`Averaging`: what is validated and kept are averaged weights."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from sigverify.training.backend import keras


@contextmanager
def averaged(network: Any) -> Iterator[None]:
    """Put the optimizer's averages in the place of the last weights for a while; nothing without averages."""
    if not network.optimizer.use_ema:
        yield
        return
    last = network.get_weights()
    network.optimizer.finalize_variable_values(network.trainable_variables)
    # Copies: jax shares the averages' memory with the weights now, and reuses that of weights it evaluates.
    network.set_weights([np.array(weight) for weight in network.get_weights()])
    try:
        yield
    finally:
        network.set_weights(last)


class Averaging(keras.callbacks.Callback):
    """Computes `val_loss` with the averaged weights."""

    def __init__(self) -> None:
        """Have nothing to put back."""
        super().__init__()
        self._while_testing = ExitStack()

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Put the averages in."""
        del logs
        self._while_testing.enter_context(averaged(self.model))

    def on_test_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Take them out."""
        del logs
        self._while_testing.close()
