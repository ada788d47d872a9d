"""Turn a trained Keras encoder into one model file for devices.

>>> from converter import convert                                  # doctest: +SKIP
>>> conversion = convert("runs/base", precision="int8", name="base")   # doctest: +SKIP
>>> conversion.model.write("base.sigmodel")                        # doctest: +SKIP
"""

from converter.conversion import Conversion, convert
from converter.edge_tpu import EdgeTpuMapping
from converter.options import Options
from converter.parity import Agreement, ParityReport

__all__ = ["Agreement", "Conversion", "EdgeTpuMapping", "Options", "ParityReport", "convert"]
