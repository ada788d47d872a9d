"""SigNet, the convolutional Siamese network for offline signatures, as a baseline for pictures."""

from typing import Any, Final

from sigverify.errors import ConfigError
from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.training.backend import keras

SIZE: Final = (155, 220)
"""Height and width of what the network of 2017 sees."""


def build(*, width: float = 1.0, vector_size: int = 128, dropout: float = 0.3) -> Any:
    """Make the twin of 2017: "vector" only.

    Convolutions of 96 filters 11 × 11, 256 of 5 × 5, 384 and 256 of 3 × 3, with maxima over 3 × 3 at a stride
    of 2 after the first, the second and the last, then 1,024 and 128 units. The first convolution has a
    stride of 4 here: the sheet holds no more than 64 × 128 pixels, and is enlarged. Batch normalization
    stands where the paper has local response normalization, which no edge runtime has in int8.

    Args:
        width: share of the filters kept.
        vector_size: units of the last layer.
        dropout: after the last convolution, while training.

    Raises:
        ConfigError: an option out of range.

    Source: S. Dey, A. Dutta, J. I. Toledo, S. K. Ghosh, J. Llados, U. Pal, "SigNet: convolutional Siamese
    network for writer independent offline signature verification", 2017, table 1.
    """
    if not 0.05 <= width <= 1 or not 0 <= dropout < 1:
        raise ConfigError(
            "signet options out of range",
            expected="0.05 <= width <= 1, 0 <= dropout < 1",
            received=f"{width}, {dropout}",
        )
    sheet = keras.Input((HEIGHT, WIDTH, 1), name="features")
    trunk = keras.layers.Resizing(*SIZE, name="enlarged")(sheet)
    layers = ((96, 11, 4, True), (256, 5, 1, True), (384, 3, 1, False), (256, 3, 1, True))
    for number, (filters, kernel, stride, pooled) in enumerate(layers, start=1):
        trunk = keras.layers.Conv2D(
            max(1, round(width * filters)),
            kernel,
            strides=stride,
            padding="valid" if number == 1 else "same",
            activation="relu",
            name=f"layer{number}",
        )(trunk)
        trunk = keras.layers.BatchNormalization(name=f"norm{number}")(trunk)
        if pooled:
            trunk = keras.layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(trunk)
    flat = keras.layers.Flatten(name="flat")(keras.layers.Dropout(dropout, name="drop")(trunk))
    hidden = keras.layers.Dense(max(1, round(width * 1024)), activation="relu", name="hidden")(flat)
    vector = keras.layers.Dense(vector_size, dtype="float32", name="vector")(hidden)
    return keras.Model(sheet, {"vector": vector}, name="signet")
