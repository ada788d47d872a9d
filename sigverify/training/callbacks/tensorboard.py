"""`TensorBoardLog`: scalars for TensorBoard, written without tensorflow."""

import logging
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from sigverify.errors import one_line

logger = logging.getLogger(__name__)


class TensorBoardLog:
    """Scalars in TensorBoard's event files, by its own writer: needs no tensorflow."""

    def __init__(self, folder: Path) -> None:
        self._event = import_module("tensorboard.compat.proto.event_pb2").Event
        self._summary = import_module("tensorboard.compat.proto.summary_pb2").Summary
        writer = import_module("tensorboard.summary.writer.event_file_writer")
        self._writer = writer.EventFileWriter(str(folder))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Add one point to each curve.

        Raises:
            Exception: it cannot be written; TensorBoard raises errors of the system's and of its own.
        """
        scalars = [self._summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = self._event(wall_time=time.time(), step=step, summary=self._summary(value=scalars))
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        """Write what is still buffered, and close the file."""
        self._writer.close()


def open_tensorboard(folder: Path) -> TensorBoardLog | None:
    """Open a log in `folder`; None, and a line in the program's log, where that cannot be."""
    try:
        return TensorBoardLog(folder)
    except ImportError:
        logger.info("tensorboard is not installed: history.csv alone holds the learning curves")
        return None
    except Exception as error:  # noqa: BLE001 - TensorBoard's own errors are no system's errors
        given_up(error)
        return None


def given_up(error: Exception) -> None:
    """Say that nothing more is logged for TensorBoard: what it shows stands in history.csv as well."""
    logger.warning("nothing more is logged for TensorBoard: %s", one_line(error))
