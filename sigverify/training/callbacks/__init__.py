"""What happens around the epochs of a run, one callback a file."""

from sigverify.training.callbacks.averaging import Averaging
from sigverify.training.callbacks.checkpoint import Keeper
from sigverify.training.callbacks.csv_log import Recorder
from sigverify.training.callbacks.epoch import EpochClock
from sigverify.training.callbacks.progress import Reporter
from sigverify.training.callbacks.validation import Validation

__all__ = ["Averaging", "EpochClock", "Keeper", "Recorder", "Reporter", "Validation"]
