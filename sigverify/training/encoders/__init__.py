"""The encoders, one file each, by name.

An encoder is for one modality. It is a function of keyword-only options that returns a `keras.Model` from
"features", of the modality's `input_shape`, to a dict of "vector" `(E,)` and, unless it has none, "sequence"
`(T', D)`.
"""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Final

from sigverify.errors import ConfigError

ENCODERS: Final[Mapping[str, tuple[str, str]]] = {
    "tdnn": ("pen", "sigverify.training.encoders.tdnn"),
    "bromley1993": ("pen", "sigverify.training.encoders.bromley1993"),
    "cnn": ("image", "sigverify.training.encoders.cnn"),
    "koch2015": ("image", "sigverify.training.encoders.koch2015"),
    "signet": ("image", "sigverify.training.encoders.signet"),
    "backbone": ("image", "sigverify.training.encoders.backbone"),
}
"""Name to modality, and to the module whose `build` makes it."""


def encoder_names(modality: str) -> tuple[str, ...]:
    """Names that `build_encoder` takes for that modality."""
    return tuple(name for name, (kind, _) in ENCODERS.items() if kind == modality)


def build_encoder(name: str, options: Mapping[str, Any] | None = None, *, modality: str = "pen") -> Any:
    """Make a fresh, untrained encoder of captures of that modality.

    Raises:
        ConfigError: no such encoder, one of another modality, or an option that it does not have or that is
            out of range.
    """
    if name not in ENCODERS:
        raise ConfigError("unknown encoder", expected=" or ".join(ENCODERS), received=name)
    kind, module = ENCODERS[name]
    if kind != modality:
        raise ConfigError(
            f"the {name} encoder is for another modality",
            expected=" or ".join(encoder_names(modality)) or f"an encoder for {modality}",
            received=f"{name}, which is for {kind}",
        )
    build = importlib.import_module(module).build
    known = inspect.signature(build).parameters
    if unknown := sorted(set(options or {}) - set(known)):
        raise ConfigError(
            f"the {name} encoder has no such option", expected=", ".join(known), received=", ".join(unknown)
        )
    try:
        return build(**(options or {}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"an option of the {name} encoder does not fit", received=str(error)) from error
