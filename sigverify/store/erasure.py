"""`Erasure`: what became of the bytes of what was deleted or replaced."""

from enum import StrEnum


class Erasure(StrEnum):
    """Whether deleted rows can still be read by who has the key; `words.sentence` says it.

    Only `DONE` is true.
    """

    DONE = "done"
    """They are overwritten, in the file and in its log."""
    PENDING = "pending"
    """They are in the log, or in the file behind it: somebody has been reading since before. Every further
    change of this process tries again, and so do the next to open the store and the last to close it."""
    SERVER = "server"
    """They lie in what a server keeps until its VACUUM, in its log and in its backups: sealed, but for
    vectors in clear, where it searches by those (`ClearVectors`)."""

    def __bool__(self) -> bool:
        return self is Erasure.DONE
