"""`TensorBoardLog`: scalars for TensorBoard, written without tensorflow."""

import logging
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

logger = logging.getLogger(__name__)


class TensorBoardLog:
    """Scalars in TensorBoard's event files, by its own writer: needs no tensorflow."""

    def __init__(self, folder: Path) -> None:
        self._event = import_module("tensorboard.compat.proto.event_pb2").Event
        self._summary = import_module("tensorboard.compat.proto.summary_pb2").Summary
        writer = import_module("tensorboard.summary.writer.event_file_writer")
        self._writer = writer.EventFileWriter(str(folder))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add one point to each curve."""
        scalars = [self._summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = self._event(wall_time=time.time(), step=step, summary=self._summary(value=scalars))
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        """Write what is still buffered, and close the file."""
        self._writer.close()


def open_tensorboard(folder: Path) -> TensorBoardLog | None:
    """Open a log in `folder`; None, and a line in the program's log, where tensorboard is not installed."""
    try:
        return TensorBoardLog(folder)
    except ImportError:
        logger.info("tensorboard is not installed: history.csv alone holds the learning curves")
        return None
