"""The encoders, one file each, by name.

An encoder is a function of keyword-only options that returns a `keras.Model` from "features"
`(FRAMES, CHANNELS)` to a dict of "vector" `(E,)` and, unless it has none, "sequence" `(T', D)`.
"""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Final

from sigverify.errors import ConfigError

ENCODERS: Final[Mapping[str, str]] = {
    "tdnn": "sigverify.training.encoders.tdnn",
    "bromley1993": "sigverify.training.encoders.bromley1993",
}
"""Name to the module whose `build` makes it."""


def encoder_names() -> tuple[str, ...]:
    """Names that `build_encoder` takes."""
    return tuple(ENCODERS)


def build_encoder(name: str, options: Mapping[str, Any] | None = None) -> Any:
    """Make a fresh, untrained encoder.

    Raises:
        ConfigError: no such encoder, an option it does not have, or one out of range.
    """
    if name not in ENCODERS:
        raise ConfigError("unknown encoder", expected=" or ".join(ENCODERS), received=name)
    build = importlib.import_module(ENCODERS[name]).build
    known = inspect.signature(build).parameters
    if unknown := sorted(set(options or {}) - set(known)):
        raise ConfigError(
            f"the {name} encoder has no such option", expected=", ".join(known), received=", ".join(unknown)
        )
    try:
        return build(**(options or {}))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"an option of the {name} encoder does not fit", received=str(error)) from error
