"""Pictures for tests: strokes of `builders.signature` drawn as ink, and a network of arithmetic for them."""

import functools
from dataclasses import replace

import numpy as np
from builders import matcher_around, signature
from PIL import Image, ImageDraw

from sigverify.manifest import Manifest, Precision
from sigverify.matching.cues import PAIR
from sigverify.matching.scoring import Scoring
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.model_file import Model
from sigverify.runtime.embedder import Output

SIZE = 400, 200


def drawn(strokes, *, width=4, size=SIZE):
    """Strokes as black ink on white paper: a Pillow image of mode L."""
    x, y = strokes.x, strokes.y
    scale = min((size[0] - 20) / np.ptp(x), (size[1] - 20) / np.ptp(y))
    places = [(10 + scale * (a - x.min()), 10 + scale * (b - y.min())) for a, b in zip(x, y, strict=True)]
    picture = Image.new("L", size, 255)
    pen = ImageDraw.Draw(picture)
    for start, end, inked in zip(places, places[1:], strokes.ink[1:], strict=False):
        if inked:
            pen.line([start, end], fill=20, width=width)
    return picture


def picture(writer=0, repetition=0, **options):
    """The picture of a loopy scrawl of that writer; repetitions differ by smooth noise."""
    return SignatureImage(np.asarray(drawn(signature(writer, repetition, **options))))


def _scoring():
    """The default scoring, with a bias that fits these pictures: they differ more than strokes do."""
    plain = Scoring.default([cue for cue in IMAGE.cues if cue != PAIR])
    rows = {count: replace(row, bias=row.bias + 6) for count, row in plain.rows.items()}
    return replace(plain, rows=rows, calibrated=True)


def image_model(**changes):
    """A model of pictures whose network nobody runs."""
    fields = {
        "name": "toy-images",
        "encoder": "toy",
        "precision": Precision.INT8,
        "modality": "image",
        "vector_size": 32,
        "scoring": _scoring(),
    }
    return Model(manifest=Manifest(**fields | changes), network=b"no network")


class ImageEmbedder:
    """Stands in for `Embedder`: a fixed random projection of direction maps."""

    def __init__(self, model=None):
        self.model = model or image_model()
        self._projection = np.random.default_rng(0).normal(size=(int(np.prod(IMAGE.input_shape)), 32))

    def run(self, inputs):
        vector = inputs.reshape(-1) @ self._projection.astype(np.float32)
        return Output(vector / np.linalg.norm(vector), None)


def image_matcher(model=None):
    """Return a matcher of pictures around an `ImageEmbedder`."""
    return matcher_around(ImageEmbedder(model))


@functools.cache
def running_model():
    """The model of `image_model` with an untrained network that runs."""
    from converter import tensorflow_backend
    from converter.encoder import Encoder
    from converter.quantize import convert_encoder
    from converter.tensors import describe

    _, keras = tensorflow_backend.load()
    keras.utils.set_random_seed(1)
    inputs = keras.Input(IMAGE.input_shape, name="features")
    pooled = keras.layers.AveragePooling2D(8)(inputs)
    outputs = {"vector": keras.layers.Dense(32)(keras.layers.Flatten()(pooled))}
    encoder = Encoder.of(keras.Model(inputs, outputs))
    some = IMAGE.encode(np.stack([picture(writer).sheet.ink for writer in range(8)]))
    network = convert_encoder(encoder, Precision.INT8, some)
    tensors = describe(network, encoder.input_shape, encoder.vector_size, None)
    return replace(image_model(tensors=tensors), network=network)
