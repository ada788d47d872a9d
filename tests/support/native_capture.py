"""`NativeCapture`: what libsigverify makes of a recording before the features, which it does not export."""

import ctypes

import numpy as np
from native_core import FLAWS

_DOUBLES = ctypes.POINTER(ctypes.c_double)
_BYTES = ctypes.POINTER(ctypes.c_uint8)


class _Signature(ctypes.Structure):
    """`sv_signature`."""

    _fields_ = [
        ("count", ctypes.c_size_t),
        ("x", _DOUBLES),
        ("y", _DOUBLES),
        ("time_ms", _DOUBLES),
        ("pressure", _DOUBLES),
        ("pen_down", _BYTES),
    ]


class _Capture(ctypes.Structure):
    """`svi_capture`."""

    _fields_ = [
        ("count", ctypes.c_size_t),
        ("time", _DOUBLES),
        ("x", _DOUBLES),
        ("y", _DOUBLES),
        ("pressure", _DOUBLES),
        ("ink", _BYTES),
        ("block", _DOUBLES),
        ("interval", ctypes.c_double),
        ("lost", ctypes.c_double),
        ("flaw", ctypes.c_int),
        ("repair_count", ctypes.c_int),
        ("repairs", ctypes.c_int * 14),
    ]


class NativeCapture:
    """A recording, repaired in C.

    `time_ms`, `x`, `y`, `pressure` and `ink` hold the samples kept; `interval_ms`, `lost` and `flaw` (of the
    time axis) are those of `Repaired`; `duration_ms`, `complexity`, `unfit` and `assessed` are those of the
    assessment.
    """

    def __init__(self, functions, signature):
        """Repair by a library that exports its internal functions."""
        functions.svi_capture_duration.restype = functions.svi_complexity.restype = ctypes.c_double
        view, capture = _Signature(), _Capture()
        view.count = len(signature)
        for name in ("x", "y", "time_ms", "pressure"):
            values = getattr(signature, name)
            if values is not None:
                setattr(view, name, values.ctypes.data_as(_DOUBLES))
        ink = signature.ink.view(np.uint8)
        view.pen_down = ink.ctypes.data_as(_BYTES)
        assert functions.svi_capture_open(ctypes.byref(view), ctypes.byref(capture)) == 0
        its = ctypes.byref(capture)
        count = capture.count
        self.time_ms, self.x, self.y, self.pressure, self.ink = (
            np.ctypeslib.as_array(values, (count,)).copy()
            for values in (capture.time, capture.x, capture.y, capture.pressure, capture.ink)
        )
        self.interval_ms, self.lost, self.flaw = capture.interval, capture.lost, FLAWS[capture.flaw]
        self.duration_ms = functions.svi_capture_duration(its)
        self.complexity = functions.svi_complexity(its)
        self.unfit = FLAWS[functions.svi_capture_flaw(its)]
        self.assessed = FLAWS[functions.svi_assess(its)]
        functions.svi_capture_close(its)
