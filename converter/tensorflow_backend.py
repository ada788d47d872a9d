"""TensorFlow and Keras, loaded on first use, and what they print."""

import contextlib
import io
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sigverify.errors import ConversionError, MissingExtra

_log = logging.getLogger(__name__)

_stderr: Final = threading.RLock()
"""Held while file descriptor 2 is redirected: it belongs to the process, and two threads that swap it at once
would restore each other's file. So conversions by several threads run one after the other."""


_CLASHES: Final = "usearch.compiled"
"""Where this library is loaded first, TensorFlow's converter takes some of its C++ for its own, and fails to
quantize with words about a version. The other way round both work."""


def load() -> tuple[Any, Any]:
    """Import and return `(tensorflow, keras)`.

    Raises:
        MissingExtra: tensorflow or keras is not installed.
        ConversionError: Keras runs on another backend; only TensorFlow's graphs become TFLite. Or usearch was
            loaded before TensorFlow.
    """
    if _CLASHES in sys.modules and "tensorflow" not in sys.modules:
        raise ConversionError(
            "usearch is loaded, and TensorFlow converts nothing after it",
            expected="TensorFlow loaded first",
            hint="Import tensorflow before the approximate index is used, or convert in a process of its own",
        )
    # 2 lets errors through, and `quiet` keeps them. At 3 the reason is lost where TensorFlow logs it and
    # raises an error without a message.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with quiet():
            import keras
            import tensorflow as tf
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name} is not installed", hint="pip install 'sigverify[train]' (or [train-cpu])"
        ) from error
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ConversionError(
            "Keras runs on another backend",
            expected="tensorflow",
            received=backend,
            hint="Set KERAS_BACKEND=tensorflow: models trained on any backend load there",
        )
    return tf, keras


@dataclass
class Printed:
    """What was printed within `quiet`; filled at its end."""

    text: str = ""


@contextlib.contextmanager
def quiet() -> Iterator[Printed]:
    """Send what the libraries print, natively too, to the debug log and to what this yields.

    `sys.stderr` still shows, for progress bars. For the whole process and one thread at a time, so keep the
    block short.
    """
    printed = Printed()
    with _stderr:
        sys.stderr.flush()
        with (
            tempfile.TemporaryFile() as native,
            os.fdopen(os.dup(2), "w", encoding="utf-8") as terminal,
            contextlib.redirect_stdout(io.StringIO()) as python,
            contextlib.redirect_stderr(terminal),
        ):
            os.dup2(native.fileno(), 2)
            try:
                with _silenced_loggers(), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    yield printed
            finally:
                os.dup2(terminal.fileno(), 2)
                native.seek(0)
                printed.text = python.getvalue() + native.read().decode(errors="replace")
                _log.debug("%s", printed.text)


@contextlib.contextmanager
def _silenced_loggers() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
