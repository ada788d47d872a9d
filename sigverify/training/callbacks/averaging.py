"""`Averaging`: validation uses the averages of the weights."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from sigverify.training.backend import keras


@contextmanager
def averaged(network: Any) -> Iterator[None]:
    """Within: the network has the optimizer's averaged weights; unchanged where there are no averages."""
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
        """Start outside of a validation."""
        super().__init__()
        self._while_testing = ExitStack()

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Switch to the averages."""
        del logs
        self._while_testing.enter_context(averaged(self.model))

    def on_test_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Switch back to the last weights."""
        del logs
        self._while_testing.close()
