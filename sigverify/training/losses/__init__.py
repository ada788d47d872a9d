"""The losses, one file each, by name."""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Final

from sigverify.errors import ConfigError

LOSSES: Final[Mapping[str, tuple[str, str, str]]] = {
    "contrastive": ("sigverify.training.losses.contrastive", "ContrastiveLoss", "vector"),
    "supervised": ("sigverify.training.losses.supervised", "SupervisedContrastiveLoss", "vector"),
    "triplet": ("sigverify.training.losses.triplet", "TripletLoss", "vector"),
    "classification": (
        "sigverify.training.losses.classification",
        "ClassificationLoss",
        "writers",
    ),
    "alignment": ("sigverify.training.losses.alignment", "AlignmentLoss", "sequence"),
}
"""Name to module, class and the network output it works on."""


def output_of(name: str) -> str:
    """Name the network output that the loss works on: "vector", "sequence" or, made of the vector, "writers".

    Raises:
        ConfigError: no such loss.
    """
    if name not in LOSSES:
        raise ConfigError("unknown loss", expected=" or ".join(LOSSES), received=name)
    return LOSSES[name][2]


def build_loss(name: str, options: Mapping[str, Any], *, genuine: int, skilled: int) -> Any:
    """Make the loss `name` for batches of `genuine` + `skilled` slots a writer.

    Raises:
        ConfigError: no such loss, an option it does not have, or one out of range.
    """
    output_of(name)
    module, class_name, _ = LOSSES[name]
    make = getattr(importlib.import_module(module), class_name)
    known = set(inspect.signature(make).parameters) - {"name", "genuine", "skilled"}
    if unknown := sorted(set(options) - known):
        raise ConfigError(
            f"the {name} loss has no such option",
            expected=", ".join(sorted(known)),
            received=", ".join(unknown),
        )
    layout = {"genuine": genuine, "skilled": skilled} if name == "alignment" else {}
    try:
        return make(**layout, **options)
    except TypeError as error:
        raise ConfigError(f"an option of the {name} loss has another type", received=str(error)) from error
