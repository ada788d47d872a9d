"""`UNREADABLE`: what is raised of a damaged `.npz`, `.keras` or `.h5` file."""

import zlib
from typing import Final
from zipfile import BadZipFile

UNREADABLE: Final = (
    OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RuntimeError, EOFError, MemoryError,
    BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy, Keras, HDF5 and zipfile raise of a file that is damaged, encrypted, or none of theirs.

None of them says so by one error: which it is depends on where the damage lies.
"""
