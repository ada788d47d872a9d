"""Turn a trained Keras encoder into one model file for devices.

`convert` makes a model file, of a training run, of a `.keras` file with its settings, or of a model file that
gets other scores. `adjust` fits a model file to the people of a device. `to_tflite` makes the network alone,
of any Keras model of the network contract.

>>> from converter import convert, to_tflite                       # doctest: +SKIP
>>> conversion = convert("runs/base", precision="int8", name="base")   # doctest: +SKIP
>>> conversion.model.write("base.sigmodel")                        # doctest: +SKIP
>>> network = to_tflite(keras_model, representative_inputs)        # doctest: +SKIP
"""

from converter.adjustment import Adjustment, adjust
from converter.conversion import Conversion, convert
from converter.edge_tpu import EdgeTpuMapping
from converter.options import Options
from converter.parity import Agreement, ParityReport
from converter.quantize import to_tflite

__all__ = [
    "Adjustment",
    "Agreement",
    "Conversion",
    "EdgeTpuMapping",
    "Options",
    "ParityReport",
    "adjust",
    "convert",
    "to_tflite",
]
