"""`without_chatter`: keep the one line that TFLite prints while it builds an interpreter off stderr."""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from typing import IO, Final

_CHATTER: Final = re.compile(rb"(?m)^INFO: .*(?:\n|\Z)")
_lock: Final = threading.Lock()


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Drop lines that begin with "INFO: " of what native code writes to descriptor 2; the rest comes after.

    The libraries export nothing that would set their level. For a moment only: what other threads write
    meanwhile comes late. Where the descriptor is closed, there is nothing to do.
    """
    with _lock, contextlib.ExitStack() as stack:
        try:
            hidden = stack.enter_context(_hidden())
            screen = os.dup(2)
        except OSError:
            yield
            return
        stack.callback(os.close, screen)
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(screen, 2)
            hidden.seek(0)
            if said := _CHATTER.sub(b"", hidden.read()):
                with contextlib.suppress(OSError):
                    os.write(screen, said)


def _hidden() -> IO[bytes]:
    """Open a file that nobody else sees: in memory, where the system can do that."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("sigverify"), "w+b")
    import tempfile  # half a megabyte of modules

    return tempfile.TemporaryFile()
