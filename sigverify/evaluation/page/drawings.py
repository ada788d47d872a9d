"""`draw`: a capture as HTML: strokes in the color of the text, pictures as they are."""

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sigverify.evaluation.page.parts import data_address
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature

if TYPE_CHECKING:
    from markupsafe import Markup

_POINTS: Final = 300
"""Of a drawing: more are finer than its pixels."""
_BOX: Final = 240, 110
"""Pixels of a drawing."""


def draw(capture: Any, *, flip_y: bool = False) -> "Markup":
    """Draw a capture; of another kind than strokes or pictures there is nothing to show."""
    from markupsafe import Markup

    if isinstance(capture, SignatureImage):
        return Markup('<img alt="signature" src="{}">').format(_picture(capture))
    if not isinstance(capture, Signature):
        return Markup("")
    width, height = _BOX
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="signature"><path d="{}" fill="none" '
        'stroke="currentColor" stroke-width="1.3" stroke-linecap="round" stroke-linejoin="round"/></svg>'
    ).format(width, height, _path(capture, flip_y=flip_y))


def _path(signature: Signature, *, flip_y: bool) -> str:
    """Return the strokes as the data of an SVG path, as large as the drawing allows."""
    width, height = _BOX
    drawn, ink = signature.repaired.kept, signature.repaired.ink
    xy = np.stack([signature.x, signature.y if flip_y else -signature.y], axis=1)
    low, high = xy[drawn].min(axis=0), xy[drawn].max(axis=0)
    scale = min((width - 8) / max(high[0] - low[0], 1e-9), (height - 8) / max(high[1] - low[1], 1e-9))
    places = (xy - (low + high) / 2) * scale + np.array([width / 2, height / 2])
    every = max(1, len(signature) // _POINTS)
    # Where strokes begin or end, and every so many samples between.
    kept = drawn & ((np.arange(len(signature)) % every == 0) | ~ink)
    kept |= drawn & np.append(~ink[1:], True)
    steps = [
        f"{'L' if written else 'M'}{x:.1f} {y:.1f}"
        for (x, y), written in zip(places[kept].tolist(), ink[kept].tolist(), strict=True)
    ]
    return "M" + "".join(steps)[1:]


def _picture(picture: SignatureImage) -> str:
    """Return the address of a picture twice as fine as the drawing."""
    from PIL import Image

    image = Image.fromarray(picture.grey)
    image.thumbnail((2 * _BOX[0], 2 * _BOX[1]))
    file = io.BytesIO()
    image.save(file, "PNG")
    return data_address("image/png", file.getvalue())
