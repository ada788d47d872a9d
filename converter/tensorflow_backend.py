"""TensorFlow and Keras, loaded on first use, and kept from talking."""

import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

from sigverify.errors import ConversionError, MissingExtra

_log = logging.getLogger(__name__)


def load() -> tuple[Any, Any]:
    """Import and return `(tensorflow, keras)`.

    Raises:
        MissingExtra: tensorflow or keras is not installed.
        ConversionError: Keras runs on another backend; only TensorFlow's graphs become TFLite.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
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


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what the libraries print, natively too, to the debug log; `sys.stderr` goes on, for progress bars.

    For the whole process, so keep the block short.
    """
    sys.stderr.flush()
    with (
        tempfile.TemporaryFile() as native,
        os.fdopen(os.dup(2), "w", encoding="utf-8") as terminal,
        contextlib.redirect_stdout(io.StringIO()) as printed,
        contextlib.redirect_stderr(terminal),
    ):
        os.dup2(native.fileno(), 2)
        try:
            with _silenced_loggers(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            os.dup2(terminal.fileno(), 2)
            native.seek(0)
            _log.debug("%s%s", printed.getvalue(), native.read().decode(errors="replace"))


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
