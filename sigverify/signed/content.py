"""The bytes of a capture that are signed: the same for every transport, and what is compared is made of them.

Strokes are their samples one after the other, little endian, without anything in between: x, y and t as
float64, the pressure as float64 where the capture has it, and a byte, 1 where the way to the sample carries
ink and 0 where not. Time is in milliseconds, so the rate is signed too; −0 is written as 0. The wire carries
each of these numbers without a loss, so both ends have the same bytes. A picture is the bytes of its file.
"""

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.errors import InvalidSignature
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

if TYPE_CHECKING:
    from sigverify.modality.image.signature_image import SignatureImage

MAX_BYTES: Final = 4 * 2**20
"""Of a picture's file: as much as the wire carries."""


class Form(IntEnum):
    """What the bytes are, as the signature says it."""

    STROKES = 1
    STROKES_WITH_PRESSURE = 2
    PICTURE = 3


_PLACES: Final = [("x", "<f8"), ("y", "<f8"), ("t", "<f8")]
_SAMPLE: Final = {
    Form.STROKES: np.dtype([*_PLACES, ("ink", "u1")]),
    Form.STROKES_WITH_PRESSURE: np.dtype([*_PLACES, ("p", "<f8"), ("ink", "u1")]),
}
"""25 and 33 bytes: numpy puts nothing between the fields of such a type."""


def pack(signature: Signature) -> tuple[Form, bytes]:
    """Return what is signed of strokes.

    >>> form, content = pack(Signature(range(8), range(8), range(0, 80, 10)))
    >>> form.name, len(content), content[25:33].hex()
    ('STROKES', 200, '000000000000f03f')
    """
    form = Form.STROKES if signature.pressure is None else Form.STROKES_WITH_PRESSURE
    samples = np.empty(len(signature), _SAMPLE[form])
    columns = {"x": signature.x, "y": signature.y, "t": signature.time_ms, "p": signature.pressure}
    for name, values in columns.items():
        if values is not None:
            samples[name] = values + 0.0  # of −0 and 0 there is one
    samples["ink"] = signature.ink
    return form, samples.tobytes()


def size_of(form: Form, content: bytes) -> int:
    """Return how many samples, or bytes of a picture, there are; the signature says it too.

    Raises:
        InvalidSignature: not whole samples, none, or too many.
    """
    step = 1 if form is Form.PICTURE else _SAMPLE[form].itemsize
    most = MAX_BYTES if form is Form.PICTURE else MAX_SAMPLES
    size, rest = divmod(len(content), step)
    if rest or not 1 <= size <= most:
        raise InvalidSignature(
            "not the content of a signed capture",
            expected=f"1 to {most} times {step} bytes",
            received=f"{len(content)} bytes",
        )
    return size


def unpack(form: Form, content: bytes) -> "Signature | SignatureImage":
    """Return the capture that these bytes are.

    Raises:
        InvalidSignature, FormatError: they are none.
    """
    size_of(form, content)
    if form is Form.PICTURE:
        # A device of strokes alone loads nothing of pictures.
        from sigverify.modality.image.decoding import decode_sent
        from sigverify.modality.image.signature_image import SignatureImage

        return SignatureImage(decode_sent(content))
    samples = np.frombuffer(content, _SAMPLE[form])
    pressure = samples["p"] if form is Form.STROKES_WITH_PRESSURE else None
    return Signature(samples["x"], samples["y"], samples["t"], pressure, samples["ink"])
