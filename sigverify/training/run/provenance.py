"""`provenance`: what went into a run, so that its result can be traced and repeated."""

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sigverify.modality.registry import find_modality
from sigverify.training.backend import backend_name, device_names, keras
from sigverify.training.config import TrainConfig
from sigverify.training.data.training_data import TrainingData
from sigverify.training.devices import Devices
from sigverify.training.run.origin import Origin

_DISTRIBUTIONS = ("sigverify", "tensorflow", "tensorflow-cpu", "jax", "torch", "scikit-learn", "matplotlib")


def provenance(
    config: TrainConfig, data: TrainingData, devices: Devices, origin: Origin | None = None
) -> dict[str, Any]:
    """Describe a run before it starts: plain values for JSON.

    What the network was trained on includes what the one it starts from was trained on. This travels with a
    model, so that of a path to start from it holds the last part only.
    """
    own = [corpus.record() | {"split": data.split} for corpus in data.corpora]
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.to_dict() | {"init_from": _bare(config.init_from)},
        "seed": config.seed,
        "features_version": find_modality(config.modality).version,
        "trained_on": _unite(origin.trained_on if origin else [], [corpus.name for corpus in data.corpora]),
        "licence_note": _licence_note(data, origin),
        "corpora": _unite(origin.corpora if origin else [], own),
        "init_from": _start(origin),
        "train": data.train.record(),
        "held_out": None if data.held_out is None else data.held_out.record(),
        "versions": _versions(),
        "backend": backend_name(),
        "devices": device_names(),
        "devices_used": devices.count,
        "platform": platform.platform(),
    }


def _licence_note(data: TrainingData, origin: Origin | None) -> str:
    """All terms, none twice; those of the origin first, which may be several in one."""
    inherited = origin.licence_note if origin else ""
    own = [corpus.licence_note for corpus in data.corpora if corpus.licence_note not in inherited]
    return "; ".join(_unite([inherited] if inherited else [], [note for note in own if note]))


def _start(origin: Origin | None) -> Mapping[str, Any] | None:
    if origin is None:
        return None
    return {"source": _bare(origin.source), "sha256": origin.digest, "trained_on": origin.trained_on}


def _bare(source: str) -> str:
    return Path(source).resolve().name if source else ""


def _unite(*lists: Sequence[Any]) -> list[Any]:
    """All items in order, none twice."""
    united: list[Any] = []
    for item in (item for items in lists for item in items):
        if item not in united:
            united.append(item)
    return united


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__, "keras": str(keras.__version__)}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
