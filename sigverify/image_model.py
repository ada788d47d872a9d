"""`ImageModel`: the model of pictures beside one of strokes, which costs nothing before the first picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from sigverify.errors import ConfigError
from sigverify.matcher import Matcher
from sigverify.model_file import Model
from sigverify.model_trust import admit
from sigverify.protection.signing import Trust
from sigverify.runtime.interpreters import Runtime
from sigverify.store import Store

MODALITY: Final = "image"
DEFAULT: Final = "base-image"
"""The model of pictures that ships."""


def open_later(
    source: str | Path | Model | None,
    *,
    beside: Model,
    store: Store,
    trust: Trust | None,
    runtime: Runtime | str,
    threads: int,
) -> dict[str, Callable[[], Matcher]]:
    """Return what opens the matcher of pictures, by its modality; nothing where there is to be none.

    A model that was chosen is read, checked and admitted now, so that a mistake shows at once; its network is
    loaded when the matcher is opened. The default is not even read before.

    Args:
        source: a `Model`, a file, the name of one that ships, or None.
        beside: the model that takes other captures; where it takes pictures itself, it is the only one.
        store: which remembers the releases of models, see `admit`.
        trust: whose signature it must carry; None: it needs none.
        runtime: what computes.
        threads: CPU threads for its network.

    Raises:
        ConfigError: it is no model of pictures, or there would be two.
        UntrustedModel: it is not signed as `trust` demands.
        ModelError: it cannot be read.
    """
    if beside.manifest.modality == MODALITY:
        if source not in (None, DEFAULT):
            raise ConfigError(
                "two models of pictures",
                expected="a model of strokes beside image_model",
                received=f"model={beside.manifest.name!r}, which takes pictures",
                hint="Leave image_model out: pictures are taken by model",
            )
        return {}
    if source is None:
        return {}
    model = None if source == DEFAULT else _read(source, store, trust)

    def opened() -> Matcher:
        its = _read(DEFAULT, store, trust) if model is None else model
        return Matcher.open(its, runtime=runtime, threads=threads, trusted=trust is not None)

    return {MODALITY: opened}


def _read(source: str | Path | Model, store: Store, trust: Trust | None) -> Model:
    """Read a model of pictures; nothing of its network is parsed or run."""
    model = source if isinstance(source, Model) else Model.read(source)
    if model.manifest.modality != MODALITY:
        raise ConfigError(
            "image_model is no model of pictures",
            expected=f"one of modality {MODALITY}",
            received=f"{model.manifest.name!r} of modality {model.manifest.modality}",
            hint="Pass it as model; image_model=None takes no pictures",
        )
    if trust is not None:
        admit(store, model, source, trust)
    return model
