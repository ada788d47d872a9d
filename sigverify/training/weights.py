"""Reading networks and starting one from another."""

import os
from pathlib import Path
from typing import Any

from sigverify.errors import TrainingError
from sigverify.training.backend import keras
from sigverify.training.run import MODEL


def load_network(path: str | os.PathLike[str]) -> Any:
    """Load a `.keras` file, or that of a run directory, written under any backend.

    Raises:
        TrainingError: no such file, or not a network.
    """
    file = Path(path) / MODEL if Path(path).is_dir() else Path(path)
    try:
        return keras.saving.load_model(file, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(
            f"{path} cannot be loaded", expected="a run directory or a .keras file", received=str(error)[:200]
        ) from error


def start_from(network: Any, path: str | os.PathLike[str]) -> None:
    """Copy the weights of the network at `path` into `network`.

    Raises:
        TrainingError: `path` cannot be loaded, or holds another architecture.
    """
    source = load_network(path)
    mine = [tuple(weight.shape) for weight in network.weights]
    theirs = [tuple(weight.shape) for weight in source.weights]
    if mine != theirs:
        raise TrainingError(
            f"{path} holds another architecture",
            expected=f"{len(mine)} weights of {network.count_params()} values",
            received=f"{len(theirs)} weights of {source.count_params()} values",
            hint="Give the encoder and encoder_options that the network was trained with",
        )
    network.set_weights(source.get_weights())


def save_whole(network: Any, path: Path) -> None:
    """Write a `.keras` file whole or not at all."""
    partial = path.with_name(f".partial-{path.name}")
    network.save(partial)
    partial.replace(path)
