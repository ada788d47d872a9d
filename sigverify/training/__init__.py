"""Train the Siamese encoders with Keras 3, on tensorflow, jax or torch alike.

Importing this package loads numpy only; keras comes with the first `train`. Start reading at `train`.
"""

from typing import TYPE_CHECKING, Any

from sigverify.training.config import (
    BatchConfig,
    LossConfig,
    PairConfig,
    ScheduleConfig,
    TrainConfig,
    ValidationConfig,
)
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.distortion.augmentation import Augmentation
from sigverify.training.progress import Progress
from sigverify.training.run.run import Run

if TYPE_CHECKING:
    from sigverify.training.trainer import train

__all__ = [
    "Augmentation",
    "BatchConfig",
    "LossConfig",
    "PairConfig",
    "Progress",
    "Run",
    "ScheduleConfig",
    "TraceSet",
    "TrainConfig",
    "ValidationConfig",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load `train`, and keras with it, on first use."""
    if name != "train":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sigverify.training.trainer import train

    return train
