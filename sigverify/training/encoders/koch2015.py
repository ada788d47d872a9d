"""The convolutional Siamese network for one-shot recognition, as a baseline for pictures."""

from typing import Any, Final

from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.training.backend import keras

SIDE: Final = 105
"""The network of 2015 sees squares of 105 × 105 pixels."""


def build(*, vector_size: int = 4096) -> Any:
    """Make the twin of 2015: "vector" only, after the last fully connected layer, a sigmoid.

    Convolutions of 64 filters 10 × 10, 128 of 7 × 7, 128 of 4 × 4 and 256 of 4 × 4, rectified, each but the
    last followed by a maximum over 2 × 2, then `vector_size` units. With 4,096 of them 38.9 million weights.
    There, a weighted L1 distance of two twins goes through a sigmoid; here vectors are compared as those of
    any other encoder. The sheet is stretched to the square that the network was made for.

    Args:
        vector_size: units of the last layer; 4,096 in the paper.

    Source: G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image recognition",
    ICML Deep Learning Workshop 2015, section 3.1 and figure 4.
    """
    sheet = keras.Input((HEIGHT, WIDTH, 1), name="features")
    trunk = keras.layers.Resizing(SIDE, SIDE, name="square")(sheet)
    layers = ((64, 10), (128, 7), (128, 4), (256, 4))
    for number, (filters, kernel) in enumerate(layers, start=1):
        trunk = keras.layers.Conv2D(filters, kernel, activation="relu", name=f"layer{number}")(trunk)
        if number < len(layers):
            trunk = keras.layers.MaxPooling2D(2, name=f"pool{number}")(trunk)
    flat = keras.layers.Flatten(name="flat")(trunk)
    vector = keras.layers.Dense(vector_size, activation="sigmoid", dtype="float32", name="vector")(flat)
    return keras.Model(sheet, {"vector": vector}, name="koch2015")
