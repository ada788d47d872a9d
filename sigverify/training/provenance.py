"""What went into a run, for whoever doubts it later."""

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sigverify.features import FEATURES_VERSION
from sigverify.training.backend import backend_name, device_names, keras
from sigverify.training.config import TrainConfig
from sigverify.training.trace_set import TraceSet

_DISTRIBUTIONS = ("sigverify", "tensorflow", "tensorflow-cpu", "jax", "torch", "scikit-learn", "matplotlib")


def provenance(
    config: TrainConfig, corpora: Sequence[TraceSet], train: TraceSet, held_out: TraceSet | None
) -> dict[str, Any]:
    """Describe a run before it starts: plain values for JSON."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config.to_dict(),
        "seed": config.seed,
        "features_version": FEATURES_VERSION,
        "trained_on": [corpus.name for corpus in corpora],
        "licence_note": "; ".join(dict.fromkeys(c.licence_note for c in corpora if c.licence_note)),
        "corpora": [_counts(corpus) for corpus in corpora],
        "train": _counts(train),
        "held_out": None if held_out is None else _counts(held_out),
        "versions": _versions(),
        "backend": backend_name(),
        "devices": device_names(),
        "platform": platform.platform(),
    }


def _counts(traces: TraceSet) -> Mapping[str, Any]:
    return {
        "name": traces.name,
        "fingerprint": traces.fingerprint,
        "writers": len(traces.writers),
        "genuine": int(np.count_nonzero(traces.genuine)),
        "skilled": int(np.count_nonzero(~traces.genuine)),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "numpy": np.__version__, "keras": str(keras.__version__)}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
