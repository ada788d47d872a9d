"""`writing`: what is said where a run cannot be written, as on a full disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigverify.errors import TrainingError, one_line


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's errors of the block, which writes `path`, into one that says what to do.

    Raises:
        TrainingError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written",
            expected="a disk with room, that may be written to",
            received=one_line(error),
            hint="What was written before is whole: make room, and go on with --resume",
        ) from error
