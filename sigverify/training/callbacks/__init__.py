"""What happens around the epochs of a run, one callback a file."""

from sigverify.training.callbacks.averaging import Averaging
from sigverify.training.callbacks.epoch_clock import EpochClock
from sigverify.training.callbacks.keeper import Keeper
from sigverify.training.callbacks.recorder import Recorder
from sigverify.training.callbacks.reporter import Reporter
from sigverify.training.callbacks.validation import Validation

__all__ = ["Averaging", "EpochClock", "Keeper", "Recorder", "Reporter", "Validation"]
