"""`find_modality`: a modality by its name, loaded on first use."""

import importlib
import re
from collections.abc import Sequence
from typing import Any, Final

from sigverify.errors import ConfigError, IncompatibleModel, InvalidSignature
from sigverify.matching.elastic import ALIGNABLE, can_be_aligned
from sigverify.modality.modality import Modality

NAME: Final = re.compile("[a-z][a-z0-9_]{0,15}")
"""What can be the name of a modality: models, templates and stores have room for so much."""

_HOMES: Final = {
    "image": "sigverify.modality.image.image:IMAGE",
    "pen": "sigverify.modality.pen.pen:PEN",
}
"""Those that come with sigverify: name -> module and object."""

_loaded: dict[str, Modality[Any]] = {}


def register(modality: Modality[Any]) -> None:
    """Make a modality known, in place of any of its name.

    Raises:
        ConfigError: its name cannot be one, or its series cannot be aligned.
    """
    if not NAME.fullmatch(modality.name):
        raise ConfigError(
            "this cannot name a modality", expected=f"a name like {NAME.pattern}", received=modality.name
        )
    if not can_be_aligned(*modality.series_shape):
        raise ConfigError(
            f"the series of modality {modality.name} cannot be aligned",
            expected=ALIGNABLE,
            received="{} × {}".format(*modality.series_shape),
        )
    _loaded[modality.name] = modality


def modalities() -> Sequence[str]:
    """Return the names of all that are known, loaded or not, sorted."""
    return sorted({*_HOMES, *_loaded})


def find_modality(name: str) -> Modality[Any]:
    """Return the modality of that name.

    Raises:
        IncompatibleModel: there is none in this release.
    """
    if name not in _loaded:
        if name not in _HOMES:
            raise IncompatibleModel(
                "a modality that this release does not know",
                expected=" or ".join(modalities()),
                received=repr(name)[:60],
                hint="Install the sigverify release that the model was trained with",
            )
        module, _, attribute = _HOMES[name].partition(":")
        register(getattr(importlib.import_module(module), attribute))
    return _loaded[name]


def modality_of(capture: object) -> Modality[Any]:
    """Return the modality that a capture is of.

    Raises:
        InvalidSignature: it is of none.
    """
    # Those loaded come first: who has a capture of one has loaded it, and the others cost imports.
    for name in sorted(modalities(), key=lambda name: (name not in _loaded, name != "pen")):
        modality = find_modality(name)
        if isinstance(capture, modality.capture):
            return modality
    raise InvalidSignature(
        "no capture of a known kind", expected=" or ".join(modalities()), received=type(capture).__name__
    )
