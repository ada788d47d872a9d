"""`WriterCosines`: what the classification loss sees, and no trained network keeps."""

from typing import Any, Final

from sigverify.training.backend import keras, ops

Tensor = Any

OUTPUT: Final = "writers"
"""Name of the output, which only a network in training has."""

_TINY: Final = 1e-12


class WriterCosines(keras.layers.Layer):
    """Cosines `(n, w)` of vectors `(n, e)` with one learned direction for each of `w` training writers."""

    def __init__(self, writers: int) -> None:
        """Fix the number of writers."""
        super().__init__(name=OUTPUT, dtype="float32")
        self.writers = writers

    def build(self, vectors_shape: tuple[int | None, ...]) -> None:
        """Draw the directions, `(w, e)`, at random."""
        self.directions = self.add_weight(
            shape=(self.writers, vectors_shape[-1]), initializer="random_normal", name="directions"
        )

    def call(self, vectors: Tensor) -> Tensor:
        """Return the cosines."""
        return ops.matmul(_unit(vectors), ops.transpose(_unit(self.directions)))

    def compute_output_shape(self, vectors_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return one number a writer."""
        return (vectors_shape[0], self.writers)


def with_writer_head(network: Any, writers: int) -> Any:
    """Return the network, layers and all, with a further output of `WriterCosines`."""
    cosines = WriterCosines(writers)(network.output["vector"])
    return keras.Model(network.input, {**network.output, OUTPUT: cosines}, name=network.name)


def _unit(vectors: Tensor) -> Tensor:
    values = ops.cast(vectors, "float32")
    return values / ops.sqrt(ops.sum(ops.square(values), axis=-1, keepdims=True) + _TINY)
