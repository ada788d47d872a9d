"""Names for the arrays that functions here take and return; shapes stand in the docstrings."""

from typing import Any

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
Int8Array = npt.NDArray[np.int8]
Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
IntArray = npt.NDArray[np.integer[Any]]
"""Whole numbers of any width."""
IndexArray = npt.NDArray[np.intp]
"""Positions in other arrays."""
Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
RealArray = npt.NDArray[np.floating[Any]]
"""Floating-point numbers of any width."""
