"""`Capture`: one signature that comes in pieces. Errors are kept until `end` raises them."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from firmware_bridge.protocol.messages import Captured, End, Message
from sigverify.errors import ProtocolError, SigverifyError

P = TypeVar("P", bound=Message)
"""The messages that carry its pieces."""
W = TypeVar("W")
"""What they make."""


class Capture(ABC, Generic[P, W]):
    """One capture: its pieces; once it is ended the whole, or an error, in their place."""

    def __init__(self) -> None:
        """Begin without a piece."""
        self._pieces = 0
        self._error: SigverifyError | None = None
        self.whole: W | None = None
        """What the pieces made; None: it is not ended."""
        self.ended: End | None = None
        """What ended it, with its signature where it has one."""

    @property
    @abstractmethod
    def held(self) -> int:
        """Samples, or bytes, that count against what a session may keep."""

    def add(self, seq: int, piece: P, error: SigverifyError | None) -> None:
        """Take the piece of that number; with the first `error`, nothing is kept any more."""
        if self._error is not None:
            return  # nobody waits for an answer to a piece: `end` says why
        if self.whole is not None:
            error = ProtocolError("a piece after the end of a capture")
        elif seq != self._pieces:
            error = _lost(self._pieces, seq)
        error = error or self._error_of(piece)
        if error is None:
            self._keep(piece)
            self._pieces += 1
        else:
            self.fail(error)

    def fail(self, error: SigverifyError) -> None:
        """Keep the first error, and nothing else."""
        self._error = self._error or error
        self.whole = None
        self._drop()

    def end(self, ended: End) -> Captured:
        """Make the whole of what came.

        Raises:
            SigverifyError: of whatever went wrong since the beginning.
        """
        # Whether the last messages were lost shows only here, where the client says how many there were.
        if self._error is None and ended.pieces != self._pieces:
            raise _lost(self._pieces, ended.pieces)
        if self._error is not None:
            raise self._error
        # Ended before, it is whole already: the answer was lost, and the client asks again.
        if self.whole is None:
            self.whole = self._made(ended)
            self.ended = ended
            self._drop()
        return self._captured(self.whole)

    @abstractmethod
    def _error_of(self, piece: P) -> SigverifyError | None:
        """Return what is wrong with the next piece; None: nothing."""

    @abstractmethod
    def _keep(self, piece: P) -> None:
        """Put the next piece behind the others."""

    @abstractmethod
    def _drop(self) -> None:
        """Keep no pieces."""

    @abstractmethod
    def _made(self, ended: End) -> W:
        """Return what the pieces make."""

    @abstractmethod
    def _captured(self, whole: W) -> Captured:
        """Return the answer to the end."""


def _lost(received: int, sent: int) -> ProtocolError:
    return ProtocolError(
        "pieces were lost on the way",
        expected=f"{sent} pieces so far",
        received=str(received),
        hint="Send them again",
    )
