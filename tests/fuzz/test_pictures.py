"""Whatever picture is handed in, it is read and judged, or an error of ours is raised."""

import contextlib
import io

import numpy as np
import pytest
from builders import signature
from damage import damaged
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from toy_images import drawn

from sigverify.errors import FormatError, InvalidSignature
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.ink import LONGEST
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.quality import Flaw

REFUSED = (FormatError, InvalidSignature)
SMALL = drawn(signature(), size=(60, 30), width=2)


def saved(kind, mode="L", **options):
    file = io.BytesIO()
    SMALL.convert(mode).save(file, kind, **options)
    return file.getvalue()


def oriented():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


FILES = {
    "PNG": [saved("PNG"), saved("PNG", "P"), saved("PNG", "RGBA", exif=oriented()), saved("PNG", "1")],
    "JPEG": [saved("JPEG"), saved("JPEG", "CMYK"), saved("JPEG", "RGB", exif=oriented(), progressive=True)],
    "GIF": [saved("GIF"), saved("GIF", save_all=True, append_images=[Image.new("L", (60, 30))])],
    "BMP": [saved("BMP"), saved("BMP", "RGB"), saved("BMP", "1")],
    "TIFF": [
        saved("TIFF"),
        saved("TIFF", "RGB", compression="tiff_lzw"),
        saved("TIFF", "1", compression="group4"),
        saved("TIFF", exif=oriented()),
    ],
    "WEBP": [saved("WEBP"), saved("WEBP", "RGBA", lossless=True)],
    "PPM": [saved("PPM"), saved("PPM", "RGB"), b"P2 9 9 255\n" + b"7 " * 81],
}
pytestmark = pytest.mark.filterwarnings("ignore")  # Pillow warns of what it mends


def is_sound(its):
    """Say whether all that is computed of a picture keeps its promises."""
    sheet = IMAGE.trace(its)
    quality = IMAGE.assess(its)
    inputs = IMAGE.encode(sheet[np.newaxis])
    return (
        its.grey.dtype == np.uint8
        and not its.grey.flags.writeable
        and max(its.ink.where.shape) <= LONGEST
        and sheet.shape == IMAGE.trace_shape
        and 0 <= sheet.min() <= sheet.max() <= 1
        and np.isfinite(IMAGE.series(inputs)).all()
        and np.isfinite(IMAGE.detail(inputs)).all()
        and 0 < IMAGE.extent(its) < np.inf
        and 0 <= quality.complexity <= 1
        and (quality.flaw is None or quality.flaw in Flaw)
        and len(IMAGE.fingerprint(its)) == sheet.size
    )


@pytest.mark.parametrize("kind", FILES)
def test_the_originals_are_good(kind):
    for data in FILES[kind]:
        assert is_sound(SignatureImage.read(data))


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=40)
@given(st.data())
def test_damaged_files(kind, data):
    with contextlib.suppress(*REFUSED):
        assert is_sound(SignatureImage.read(data.draw(damaged(FILES[kind]))))


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", *(data[:16] for files in FILES.values() for data in files)]),
)
def test_any_bytes(data, start):
    with contextlib.suppress(*REFUSED):
        assert is_sound(SignatureImage.read(start + data))


LEVELS = st.sampled_from(["uint8", "uint16", "int64", "float32", "float64", "bool"])


@st.composite
def arrays(draw):
    """Pictures of any shape and depth: blank, noise, stripes, blots, extreme values."""
    height, width = draw(st.integers(0, 90)), draw(st.integers(0, 90))
    shape = (height, width, *draw(st.sampled_from([(), (), (1,), (2,), (3,), (4,), (5,)])))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kind = draw(st.sampled_from(["blank", "noise", "few", "stripes", "blots"]))
    if kind == "blank":
        values = np.full(shape, draw(st.integers(0, 255)))
    elif kind == "noise":
        values = rng.integers(0, 256, shape)
    elif kind == "few":
        values = np.where(rng.random(shape) < 0.02, 0, 255)
    elif kind == "stripes":
        values = 255 * (np.indices(shape).sum(axis=0) // draw(st.integers(1, 20)) % 2)
    else:
        values = np.full(shape, 255)
        for _ in range(draw(st.integers(1, 5))):
            row, column = draw(st.integers(0, 90)), draw(st.integers(0, 90))
            values[row : row + draw(st.integers(1, 40)), column : column + draw(st.integers(1, 90))] = draw(
                st.integers(0, 255)
            )
    values = values.astype(draw(LEVELS))
    if values.size and values.dtype.kind == "f" and draw(st.booleans()):
        values.flat[0] = draw(st.sampled_from([np.nan, np.inf, -np.inf, -1.0, 1e30, 0.5]))
    return values


@settings(max_examples=150)
@given(arrays())
def test_any_array(values):
    with contextlib.suppress(*REFUSED):
        assert is_sound(SignatureImage.read(values))


@given(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I", "F"]), st.data()
)
def test_any_pillow_image(mode, data):
    size = data.draw(st.integers(1, 64)), data.draw(st.integers(1, 64))
    levels = np.random.default_rng(data.draw(st.integers(0, 99))).bytes(len(Image.new(mode, size).tobytes()))
    picture = Image.frombytes(mode, size, levels)
    if mode == "P":
        picture.putpalette(bytes(range(256)) * 3)
        picture.info["transparency"] = data.draw(st.integers(0, 255))
    with contextlib.suppress(*REFUSED):
        assert is_sound(SignatureImage.read(picture))
