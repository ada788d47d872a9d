"""`Progress`: how far a training run is, for its caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One step of a run. `epoch` and `step` count from 1; `metrics` is filled at the end of an epoch."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    steps_per_second: float
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def fraction(self) -> float:
        """Share of the run that is done, 0 to 1."""
        return ((self.epoch - 1) * self.steps + self.step) / (self.epochs * self.steps)
