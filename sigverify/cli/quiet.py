"""`quiet`: keep the chatter of C++ libraries off the screen."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from sigverify.errors import SigverifyError


@contextmanager
def quiet() -> Iterator[None]:
    """Hide what native libraries write to file descriptor 2; what Python writes to stderr still shows.

    TensorFlow logs lines at every import and conversion that no option turns off. If the body ends with
    anything but an error of ours, which says why by itself, they are shown after all.
    """
    sys.stderr.flush()
    before, saved = sys.stderr, os.dup(2)
    with tempfile.TemporaryFile() as hidden, os.fdopen(os.dup(saved), "w", buffering=1) as screen:
        os.dup2(hidden.fileno(), 2)
        sys.stderr = screen
        try:
            yield
        except SigverifyError:
            raise
        except BaseException:
            hidden.seek(0)
            shutil.copyfileobj(hidden, screen.buffer)
            raise
        finally:
            sys.stderr = before
            os.dup2(saved, 2)
            os.close(saved)
