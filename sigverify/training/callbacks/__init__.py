"""What happens around the epochs of a run, one callback a file."""

from sigverify.training.callbacks.averaging import Averaging
from sigverify.training.callbacks.checkpoint import Checkpoint
from sigverify.training.callbacks.csv_log import CsvLog
from sigverify.training.callbacks.epoch import EpochCounter
from sigverify.training.callbacks.progress import ProgressReport
from sigverify.training.callbacks.validation import Validation

__all__ = ["Averaging", "Checkpoint", "CsvLog", "EpochCounter", "ProgressReport", "Validation"]
