"""`decode`: a file, its bytes, a Pillow image or an array to the grey levels of one picture.

What is read is decided by the first bytes, not by a name. Nothing large is decoded before its header was
looked at, only the decoders named here are loaded, and no other program is ever run. Pillow is imported
when the first picture is decoded.
"""

import importlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from sigverify.errors import FormatError, InvalidSignature, SigverifyError, UnknownFormat, one_line

if TYPE_CHECKING:
    from PIL import Image

    from sigverify.modality.image.grey import GreyArray

MAX_BYTES: Final = 64 * 2**20
"""Larger files are refused unread."""
MAX_PIXELS: Final = 64 * 10**6
"""Larger pictures are refused undecoded: an A4 page at 600 dpi has 35 megapixels."""
MAX_SENT_PIXELS: Final = 16 * 10**6
"""The same of what others send: decoding takes 4 to 8 bytes a pixel. A JPEG is reduced while it is
decoded, and may have more."""
LONGEST_KEPT: Final = 1536
"""Pixels of the longer side that are kept, at least, of a picture that is larger: a signature that takes a
third of a page has all that it needs."""
MIN_SIDE: Final = 8
MAX_ASPECT: Final = 40
"""Sides may differ by so much: no name is longer."""

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | npt.NDArray[Any] | Image.Image"

_DECODERS: Final = {
    "PNG": ("PIL.PngImagePlugin", re.compile(rb"\x89PNG\r\n\x1a\n")),
    "JPEG": ("PIL.JpegImagePlugin", re.compile(rb"\xff\xd8\xff")),
    "GIF": ("PIL.GifImagePlugin", re.compile(rb"GIF8[79]a")),
    "BMP": ("PIL.BmpImagePlugin", re.compile(rb"BM.{4}\0{4}", re.DOTALL)),
    "TIFF": ("PIL.TiffImagePlugin", re.compile(rb"II[*+]\0|MM\0[*+]")),
    "WEBP": ("PIL.WebPImagePlugin", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    "PPM": ("PIL.PpmImagePlugin", re.compile(rb"P[1-6]\s+[#\d]")),
}
"""Formats that are read -> Pillow's decoder, and how their content begins."""

T = TypeVar("T")

FORMATS: Final = tuple(_DECODERS)
"""Names of the formats that are read, as Pillow calls them."""

_ROTATED: Final = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
                   6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}  # fmt: skip
"""Orientations of Exif -> how the picture is turned to stand upright."""
_ORIENTATION: Final = 0x0112

_PAGE: Final = "Save the page, or the part of it with the signature, as a PNG picture"
_CONVERT: Final = "Save it as PNG or JPEG"
_INSIDE: Final = "Take the picture out of it and hand that in"
_RECORDING: Final = "A recording of a pen is read with sigverify.formats.read_signature"
_SERVER: Final = "It is often a server's page about an error: open it and read what it says"
_URL: Final = "Decode the base64 after the comma, and hand in the bytes"


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.lstrip().startswith(starts)


def _markup(pattern: bytes) -> Callable[[bytes], bool]:
    """Look for an element at the start of a text that begins with a tag."""
    element = re.compile(pattern, re.IGNORECASE)
    return lambda data: data.lstrip()[:1] == b"<" and element.search(data[:4096]) is not None


_FOREIGN: Final[tuple[tuple[str, str, Callable[[bytes], bool]], ...]] = (
    ("a PDF document", _PAGE, lambda data: b"%PDF-" in data[:1024]),
    ("PostScript", _PAGE, _begins(b"%!PS", b"\xc5\xd0\xd3\xc6")),
    ("an SVG drawing", _CONVERT, _markup(rb"<svg[\s>]")),
    ("a web page", _SERVER, _markup(rb"<(!doctype\s+html|html|head|body|title)[\s>]")),
    ("a HEIC or AVIF picture", _CONVERT, lambda data: data[4:8] == b"ftyp"),
    ("a JPEG 2000 picture", _CONVERT, _begins(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    ("a JPEG XL picture", _CONVERT, _begins(b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    ("a Photoshop document", _CONVERT, _begins(b"8BPS")),
    ("an icon", _CONVERT, lambda data: data[:4] in (b"\0\0\1\0", b"\0\0\2\0") and data[4:6] != bytes(2)),
    (
        "a zip archive, or an Office document, which is such",
        _INSIDE,
        _begins(b"PK\3\4", b"PK\5\6", b"PK\7\x08"),
    ),
    ("an old Microsoft Office document", _INSIDE, _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")),
    ("an RTF document", _INSIDE, _begins(b"{\\rtf")),
    (
        "a compressed archive",
        _INSIDE,
        _begins(b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf'\x1c", b"\x28\xb5\x2f\xfd"),
    ),
    ("a numpy file", "Load it and hand in the array", _begins(b"\x93NUMPY")),
    ("a sigverify model", "A model is opened with Model.read", _begins(b"SIGMODEL")),
    ("a picture as a data URL", _URL, lambda data: data[:11].lower() == b"data:image/"),
    (
        "a picture in base64",
        "Decode it and hand in the bytes",
        _begins(b"iVBORw0KGgo", b"/9j/", b"R0lGOD", b"UklGR"),
    ),
)
"""What is often handed in by mistake: its name, what to do, how it is recognized."""


def is_picture(data: bytes) -> bool:
    """Tell whether these bytes, or the first 16 of them, begin a picture of a format that is read."""
    return _format_of(data) is not None


def decode_sent(file: bytes) -> "GreyArray":
    """Return grey levels of a file that came over a line or a network, of `MAX_SENT_PIXELS` at most.

    Raises:
        UnknownFormat, FormatError, InvalidSignature: as for `decode`.
    """
    return _from_bytes(file, MAX_SENT_PIXELS)


def decode(source: Source) -> "GreyArray":
    """Return grey levels `(h, w)` of one picture, upright, on white or black, reduced where it is large.

    Of an animation or a file of several pages the first is taken; of a Pillow image the one it stands at.

    Raises:
        UnknownFormat: no picture of a format that is read.
        FormatError: the file cannot be read, is too large, truncated or damaged.
        InvalidSignature: an array that is no picture, or sides that no signature has.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source))
    if isinstance(source, str | os.PathLike):
        return _from_file(source)
    if isinstance(source, np.ndarray):
        return _from_array(source)
    from PIL import Image

    if not isinstance(source, Image.Image):
        raise FormatError(
            f"cannot read a picture from {type(source).__name__}",
            expected="a path, bytes, a Pillow image or an array",
        )
    if getattr(source, "format", None) == "EPS":
        raise _unknown(b"%!PS")  # Pillow would run another program for it
    check_size(*source.size)
    return _sound("Pillow", lambda: _levels(source))


def check_size(width: int, height: int, *, most: int = MAX_PIXELS) -> None:
    """Refuse what is too large, or no picture of a signature by its sides alone.

    Raises:
        FormatError: more than `most` pixels.
        InvalidSignature: too small, or too long a strip.
    """
    if width * height > most:
        raise FormatError(
            "the picture is too large for a signature",
            expected=f"at most {most // 10**6} megapixels",
            received=f"{width} × {height} pixels",
            hint="Cut the signature out of it",
        )
    if min(width, height) < MIN_SIDE or max(width, height) > MAX_ASPECT * min(width, height):
        raise InvalidSignature(
            "sides that no picture of a signature has",
            expected=f"at least {MIN_SIDE} pixels each, one at most {MAX_ASPECT} times the other",
            received=f"{width} × {height} pixels",
        )


def _from_file(source: "str | os.PathLike[str]") -> "GreyArray":
    path = str(os.fspath(source))
    if path[:11].lower() == "data:image/":
        raise _unknown(b"data:image/")
    try:
        with Path(path).open("rb") as file:
            # No more is held than allowed, whatever the file system says of its size.
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FormatError(
            f"cannot read {path!r}", expected="a readable picture", received=one_line(error)
        ) from None
    try:
        return _from_bytes(data)
    except (FormatError, InvalidSignature) as error:
        raise type(error)(f"{path}: {error}") from None


def _from_bytes(data: bytes, most: int = MAX_PIXELS) -> "GreyArray":
    if len(data) > MAX_BYTES:
        raise FormatError(
            "the file is too large for a picture of a signature",
            expected=f"at most {MAX_BYTES} bytes",
            received=f"{len(data)} bytes or more",
        )
    name = _format_of(data)
    if name is None:
        raise _unknown(data)
    picture = _sound(name, lambda: _opened(name, data))
    check_size(*picture.size)
    # A JPEG decoder halves the picture at next to no cost, as often as it is asked to.
    factor = _factor(picture.size)
    if name == "JPEG" and factor > 1:
        picture.draft(None, (picture.width // factor, picture.height // factor))
    check_size(*picture.size, most=most)
    return _sound(name, lambda: _levels(picture))


def _from_array(array: npt.NDArray[Any]) -> "GreyArray":
    from PIL import Image

    from sigverify.modality.image.grey import from_levels

    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (2, 3, 4)):
        raise InvalidSignature(
            "an array that is no picture",
            expected="(h, w) grey, (h, w, 3) RGB or (h, w, 4) RGBA",
            received=str(array.shape),
        )
    check_size(array.shape[1], array.shape[0])
    return _levels(Image.fromarray(np.ascontiguousarray(from_levels(array))))


def _opened(name: str, data: bytes) -> "Image.Image":
    """Read a picture's header by the decoder of its format and no other.

    The decoder is called as `Image.open` would, which would load several, and warn of large pictures.
    """
    from PIL import Image

    importlib.import_module(_DECODERS[name][0])
    factory, _ = Image.OPEN[name]
    return factory(io.BytesIO(data), "")


def _levels(picture: "Image.Image") -> "GreyArray":
    from PIL import Image

    from sigverify.modality.image.grey import dark_colours, on_ground, plain, to_grey
    from sigverify.modality.image.inks import without_print

    picture.load()
    turned = _ROTATED.get(_orientation(picture))
    picture = plain(picture)
    factor = _factor(picture.size)
    if factor > 1:
        picture = picture.reduce(factor)
    if turned:
        picture = picture.transpose(Image.Transpose[turned])
    picture = on_ground(picture)
    if picture.mode == "L":
        return to_grey(picture)
    dark = dark_colours(picture)
    return without_print(picture, to_grey(picture, dark), dark)


def _factor(size: tuple[int, int]) -> int:
    """Return by what whole number a picture is reduced so that it keeps `LONGEST_KEPT` pixels, or all."""
    return max(1, max(size) // LONGEST_KEPT)


def _orientation(picture: "Image.Image") -> int:
    """Return how Exif says that the camera was held, 1 to 8; 1 where its data are damaged."""
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - as of `_sound`; the picture itself may be good
        return 1


def _sound(name: str, step: Callable[[], T]) -> T:
    """Do one step of decoding, and turn whatever damaged data make a decoder raise into a `FormatError`."""
    try:
        return step()
    except SigverifyError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise OSError, SyntaxError, struct.error, anything
        raise FormatError(
            f"a damaged {name} picture",
            expected="a whole picture",
            received=one_line(error) or type(error).__name__,
            hint="Was it cut off on its way? Save or send it anew",
        ) from None


def _format_of(data: bytes) -> str | None:
    return next((name for name, (_, begins) in _DECODERS.items() if begins.match(data[:64])), None)


def _unknown(data: bytes) -> UnknownFormat:
    """Say what content is that is no picture."""
    if not data.strip():
        return UnknownFormat("nothing to read", expected="a picture", received="no content")
    expected = "a picture: " + ", ".join(FORMATS)
    for name, hint, found in _FOREIGN:
        if found(data):
            return UnknownFormat(f"this is {name}, not a picture that is read", expected=expected, hint=hint)
    if _is_text(data[:4096]):
        return UnknownFormat("this is text, not a picture", expected=expected, hint=_RECORDING)
    return UnknownFormat("this is no picture of a known format", expected=expected, hint=_CONVERT)


def _is_text(data: bytes) -> bool:
    """Tell text, in UTF-8 or UTF-16, by its lack of control characters."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return not re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]", data)
