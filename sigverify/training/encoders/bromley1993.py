"""The original Siamese time-delay network, as the historical baseline."""

from collections.abc import Sequence
from typing import Any

from sigverify.errors import ConfigError
from sigverify.modality.pen.features import CHANNELS, FRAMES
from sigverify.training.backend import keras


def build(
    *, maps: Sequence[int] = (12, 16), kernels: Sequence[int] = (11, 10), steps: Sequence[int] = (3, 3)
) -> Any:
    """Make the network of 1993: "vector" only, the last layer's maps over time laid end to end, raw.

    There, 8 functions at 200 equidistant points in time enter; a layer of 12 maps sees 11 points and is
    averaged over 3, giving 12 x 64; a layer of 16 maps sees 10 and is averaged over 3, giving 16 x 19;
    units are tanh; two such vectors are compared by the cosine of their angle. Here our CHANNELS functions
    at FRAMES points enter, so that the vector has 16 x 24 = 384 values and 3,400 weights stand behind
    it; the convolutions are 2-D on maps of height 1.

    Args:
        maps: feature maps of each layer.
        kernels: receptive field of each layer, frames.
        steps: frames averaged into one after each layer.

    Raises:
        ConfigError: the lists differ in length or leave nothing of the signature.

    Source: J. Bromley, I. Guyon, Y. LeCun, E. Saeckinger, R. Shah, "Signature verification using a
    'Siamese' time delay neural network", NIPS 1993, section 4 and figure 1.
    """
    left = FRAMES
    for kernel, step in zip(kernels, steps, strict=False):
        left = (left - kernel + 1) // max(step, 1)
    if not len(maps) == len(kernels) == len(steps) > 0 or min(*maps, *kernels, *steps) < 1 or left < 1:
        raise ConfigError(
            "bromley1993 layers do not fit",
            expected=f"maps, kernels and steps of one length that leave a frame of {FRAMES}",
            received=f"{tuple(maps)}, {tuple(kernels)}, {tuple(steps)}",
        )
    features = keras.Input((FRAMES, CHANNELS), name="features")
    trunk = keras.layers.Reshape((1, FRAMES, CHANNELS), name="row")(features)
    for number, (width, kernel, step) in enumerate(zip(maps, kernels, steps, strict=True), start=1):
        trunk = keras.layers.Conv2D(width, (1, kernel), activation="tanh", name=f"layer{number}")(trunk)
        trunk = keras.layers.AveragePooling2D((1, step), name=f"average{number}")(trunk)
    vector = keras.layers.Flatten(dtype="float32", name="vector")(trunk)
    return keras.Model(features, {"vector": vector}, name="bromley1993")
