"""Distortions that make more signatures out of those there are, by modality.

An augmentation is a frozen dataclass of strengths, the table `[augmentation]` of the training config. A
forger makes forgeries of genuine signatures, for writers without any.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final, Protocol

import numpy as np

from sigverify.arrays import Float32Array, IntArray
from sigverify.errors import ConfigError

AUGMENTATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "pen": ("sigverify.training.distortion.augmentation", "Augmentation"),
    "image": ("sigverify.training.distortion.sheets", "SheetAugmentation"),
}
"""Modality to module and class."""

FORGERS: Final[Mapping[str, tuple[str, str]]] = {
    "pen": ("sigverify.training.distortion.pulses", "PulseForger"),
    "image": ("sigverify.training.distortion.sheets", "SheetForger"),
}
"""Modality to module and class."""


class Distortion(Protocol):
    """An augmentation of one modality."""

    def apply(self, traces: Float32Array, groups: IntArray, rng: np.random.Generator) -> Float32Array:
        """Return distorted copies of traces; `groups` `(n,)` int from 0 names the device of each."""


class Forger(Protocol):
    """Makes forgeries of genuine signatures of one modality."""

    def apply(self, traces: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Return forged copies of traces."""


def augmentation_class(modality: str) -> type[Any]:
    """Return the class of `[augmentation]` for that modality.

    Raises:
        ConfigError: there is none.
    """
    return _load(AUGMENTATIONS, modality, "augmentation")


def build_forger(modality: str) -> Forger:
    """Make the forger of that modality.

    Raises:
        ConfigError: there is none.
    """
    forger: Forger = _load(FORGERS, modality, "forger")()
    return forger


def _load(known: Mapping[str, tuple[str, str]], modality: str, what: str) -> type[Any]:
    if modality not in known:
        raise ConfigError(f"no {what} for this modality", expected=" or ".join(known), received=modality)
    module, name = known[modality]
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found
