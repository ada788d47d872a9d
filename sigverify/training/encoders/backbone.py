"""A network trained on photographs whose last layers are trained on signatures: transfer learning."""

from pathlib import Path
from typing import Any, Final

from sigverify.errors import ConfigError
from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.training.backend import keras
from sigverify.training.weights import load_network

APPLICATIONS: Final = ("MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "NASNetMobile")
"""Those of Keras that are small enough for an edge device."""


def build(
    *, application: str = "MobileNetV2", weights: str = "", trained_layers: int = 20, vector_size: int = 64
) -> Any:
    """Make a network of Keras Applications without its head, and a dense layer "vector" in its place.

    The sheet is laid into the three channels and stretched to the range that the network was made for.

    Args:
        application: one of `APPLICATIONS`.
        weights: a `.keras` file of a network that has these layers, or a weights file (`.weights.h5`) of the
            application without its head; "imagenet" where Keras may load them from its own server; empty:
            none, drawn at random.
        trained_layers: layers, from the last, that are trained, all where there are no more; the others keep
            their weights.
        vector_size: values of the vector.

    Raises:
        ConfigError: no such application, or weights that do not fit it.
        TrainingError: the file cannot be loaded.
    """
    if application not in APPLICATIONS:
        raise ConfigError("unknown backbone", expected=" or ".join(APPLICATIONS), received=application)
    if trained_layers < 0 or vector_size < 1:
        raise ConfigError(
            "backbone options out of range",
            expected="trained_layers of at least 0, vector_size of at least 1",
            received=f"{trained_layers}, {vector_size}",
        )
    sheet = keras.Input((HEIGHT, WIDTH, 1), name="features")
    # White paper and black ink in -1..1, as photographs come.
    colours = keras.layers.Rescaling(-2.0, 1.0, name="grey")(sheet)
    colours = keras.layers.Concatenate(name="colours")([colours] * 3)
    named = weights if weights == "imagenet" or weights.endswith(".h5") else None
    make = getattr(keras.applications, application)
    try:
        known = make(input_shape=(HEIGHT, WIDTH, 3), include_top=False, weights=named, pooling="avg")
        if weights and named is None:
            _copy(load_network(Path(weights)), known)
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"weights do not fit {application}", expected="those of this network", received=str(error)[:200]
        ) from error
    for layer in known.layers[: max(0, len(known.layers) - trained_layers)]:
        layer.trainable = False
    vector = keras.layers.Dense(vector_size, dtype="float32", name="vector")(known(colours))
    return keras.Model(sheet, {"vector": vector}, name="backbone")


def _copy(source: Any, known: Any) -> None:
    """Copy the weights of the layers that both have by name and shape; there must be some."""
    found = {layer.name: layer for layer in source.layers}
    copied = 0
    for layer in known.layers:
        if (other := found.get(layer.name)) is not None and layer.weights:
            layer.set_weights(other.get_weights())
            copied += 1
    if not copied:
        raise ValueError("no layer of that name in the file")
