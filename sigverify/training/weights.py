"""Reading networks and starting one from another."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sigverify.errors import TrainingError, one_line
from sigverify.training.backend import keras
from sigverify.training.run.unreadable import UNREADABLE
from sigverify.whole_file import replacing

HEADS: Final = ("vector", "sequence")
"""How the names of the layers of an output begin."""


def load_network(path: str | os.PathLike[str]) -> Any:
    """Load a `.keras` file, written under any backend.

    Raises:
        TrainingError: no such file, or not a network.
    """
    try:
        return keras.saving.load_model(Path(path), compile=False)
    except UNREADABLE as error:
        raise TrainingError(
            f"{path} cannot be loaded", expected="a .keras file", received=one_line(error)
        ) from error


def start_from(network: Any, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Copy the weights of the network at `path` into `network`, layer by layer.

    An output head that the source does not have keeps its fresh weights; returns the names of such outputs.

    Raises:
        TrainingError: `path` cannot be loaded, or holds another architecture.
    """
    source = {layer.name: layer for layer in load_network(path).layers}
    fresh: list[str] = []
    for layer in network.layers:
        shapes = [tuple(weight.shape) for weight in layer.weights]
        found = source.get(layer.name)
        if not shapes:
            continue
        if found is None and layer.name.startswith(HEADS):
            fresh += [head for head in HEADS if layer.name.startswith(head)]
            continue
        found_shapes = None if found is None else [tuple(weight.shape) for weight in found.weights]
        if found is None or shapes != found_shapes:
            raise TrainingError(
                f"{path} holds another architecture",
                expected=f"layer {layer.name} with weights of shapes {shapes}",
                received="no such layer" if found_shapes is None else str(found_shapes),
                hint="Give the encoder and encoder_options that the network was trained with",
            )
        layer.set_weights(found.get_weights())
    return tuple(dict.fromkeys(fresh))


def copy_weights(network: Any, twin: Any) -> None:
    """Copy the weights of `network`, which may have further layers, into its `twin`."""
    for layer in twin.layers:
        layer.set_weights(network.get_layer(layer.name).get_weights())


def save_whole(network: Any, path: Path) -> None:
    """Write a `.keras` file whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    _write(path, network.save)


def save_weights(model: Any, path: Path) -> None:
    """Write weights and optimizer to a `.weights.h5` file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    _write(path, model.save_weights)


def load_weights(model: Any, path: Path) -> None:
    """Load what `save_weights` wrote into a model of the same architecture, compiled in the same way.

    Raises:
        TrainingError: there is no such file, or it is damaged or of another network.
    """
    try:
        model.load_weights(path)
    except UNREADABLE as error:
        raise TrainingError(
            f"{path} cannot be loaded", expected="weights of this network", received=one_line(error)
        ) from error


class _Memory(io.BytesIO):
    """Memory that Keras takes for a file: it goes by the ending of the name, and writes into what it got."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def __str__(self) -> str:
        """Return the name, from the current folder: of some that begin with / Keras thinks as remote."""
        return os.path.relpath(self._path)


def _write(path: Path, save: Callable[[Any], None]) -> None:
    """Have Keras write into the memory, and this to the disk.

    HDF5 ends the whole process where the disk is full: it writes what is left when a file is closed, and
    again when nobody holds it any more.
    """
    with replacing(path) as draft:
        memory = _Memory(draft)
        save(memory)
        if content := memory.getbuffer():  # none of a Keras that takes the name alone: the draft is written
            draft.write_bytes(content)
