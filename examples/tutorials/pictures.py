"""What the tutorials learn from: handwritten digits that scikit-learn brings, and invented signatures."""

import numpy as np
from PIL import Image
from showing import SMALL
from sklearn.datasets import load_digits

from sigverify.corpora.rendered import RenderConfig, render
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.training import TraceSet

MOST_DIGITS = 200
"""That the short course takes at a time."""


def digits(first, last):
    """Return digits number `first` to below `last` of 1,797 as a trace set whose "writers" are "0" to "9".

    A picture of 8 × 8 pixels is enlarged to the sheet that the encoders of this SDK see.
    """
    known = load_digits()
    whole = slice(first, min(last, first + MOST_DIGITS) if SMALL else last)
    sheets = [
        np.asarray(Image.fromarray((picture * 15).astype(np.uint8)).resize((WIDTH, HEIGHT), 2), np.float32)
        for picture in known.images[whole]
    ]
    return TraceSet(
        name="digits",
        traces=np.stack(sheets) / 255,
        extent=np.ones(len(sheets)),
        writer=known.target[whole].astype(str),
        genuine=np.ones(len(sheets), bool),
        modality="image",
    )


def signatures(writers, *, genuine=8, skilled=0, seed=0):
    """Return pictures of signatures of people who do not exist, drawn by pens and scanners of many kinds."""
    strokes = synthesize(SyntheticConfig(writers=writers, genuine=genuine, skilled=skilled, seed=seed))
    return render(strokes, RenderConfig(seed=seed))
