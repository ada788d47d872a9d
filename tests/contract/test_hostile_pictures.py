"""Hostile and broken pictures, and what is said of each: a typed error, or a flaw.

A row is a name, what is handed in, the error or flaw, and words of its message. `tests/fuzz` looks for rows
that are missing here.
"""

import io
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from builders import signature
from PIL import Image, PngImagePlugin
from toy_images import drawn

from sigverify.errors import FormatError, InvalidSignature, UnknownFormat
from sigverify.modality.image.assessment import unfit
from sigverify.modality.image.decoding import MAX_BYTES, MAX_PIXELS
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.quality import Flaw

PLAIN = drawn(signature())


def saved(kind, picture=PLAIN, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *chunks, depth=8, colour=0):
    """A PNG that claims to be so large, of chunks of one's choice."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def bomb(megabytes=200):
    """200 MB of nothing in 200 kB: what one becomes, so often, since to compress them all takes long."""
    content, packer = bytes(2**20), zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    part = packer.compress(content) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 1
    for _ in range(megabytes):
        check = zlib.adler32(content, check)
    return b"\x78\xda" + megabytes * part + packer.flush() + struct.pack(">I", check)


BOMB = bomb()


def patched(data, at, content):
    return data[:at] + content + data[at + len(content) :]


def jpeg_of(width, height):
    data = saved("JPEG")
    return patched(data, data.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width))


def with_text():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 2**21, zip=True)
    return saved("PNG", pnginfo=info)


def endless_tiff():
    """Two directories, each of which names the other as the next."""
    data = bytearray(saved("TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    return bytes(data)


def scene():
    rng = np.random.default_rng(0)
    patches = Image.fromarray(rng.integers(0, 256, (9, 12)).astype(np.uint8)).resize((480, 360))
    return np.clip(np.asarray(patches) + rng.normal(0, 25, (360, 480)), 0, 255).astype(np.uint8)


HUGE = MAX_PIXELS // 8_000 + 1
DAMAGED = "damaged {} picture"
ROWS = {
    "no bytes": (b"", UnknownFormat, "nothing to read"),
    "white space": (b" \n", UnknownFormat, "nothing to read"),
    "random bytes": (np.random.default_rng(0).bytes(4096), UnknownFormat, "no picture of a known format"),
    "a pen's recording": (b"x,y,time_ms\n1,2,3\n", UnknownFormat, "text.*read_signature"),
    "text in UTF-16": ("x,y,time_ms\n".encode("utf-16"), UnknownFormat, "text"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", UnknownFormat, "PDF document.*Save the page"),
    "a PDF after a line of a mailer": (b"\n%PDF-1.4\n", UnknownFormat, "PDF document"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n", UnknownFormat, "PostScript"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', UnknownFormat, "SVG drawing"),
    "HEIC of a telephone": (b"\0\0\0\x24ftypheic\0\0\0\0", UnknownFormat, "HEIC.*Save it as PNG"),
    "a Word document": (b"PK\3\4\x14\0\6\0", UnknownFormat, "zip archive, or an Office document"),
    "a data URL": (b"data:image/png;base64,iVBORw0KGgo=", UnknownFormat, "data URL.*Decode"),
    "only the first bytes of a PNG": (b"\x89PNG\r\n\x1a\n", FormatError, DAMAGED.format("PNG")),
    "a PNG without pixels": (png(100, 100), FormatError, DAMAGED.format("PNG")),
    "a PNG cut short": (saved("PNG")[:-700], FormatError, DAMAGED.format("PNG")),
    "a PNG with a wrong checksum": (
        patched(saved("PNG"), 29, b"\0\0\0\0"), FormatError, DAMAGED.format("PNG"),
    ),
    "a PNG of 4 × 10^18 pixels": (png(2**31 - 1, 2**31 - 1), FormatError, ""),
    "a PNG of 65 megapixels": (png(8_000, HUGE, chunk(b"IDAT", BOMB)), FormatError, "at most 64 megapixels"),
    "a PNG of no width": (png(0, 100, chunk(b"IDAT", BOMB)), (FormatError, InvalidSignature), ""),
    "a PNG whose profile unpacks to 200 MB": (
        png(64, 64, chunk(b"iCCP", b"p\0\0" + BOMB), chunk(b"IDAT", zlib.compress(bytes(65 * 64)))),
        None, "",
    ),
    "a PNG whose text unpacks to 200 MB": (
        png(64, 64, chunk(b"zTXt", b"c\0\0" + BOMB), chunk(b"IDAT", zlib.compress(bytes(65 * 64)))),
        FormatError, DAMAGED.format("PNG"),
    ),
    "a PNG with 2 MB of text": (with_text(), (FormatError, None), ""),
    "a JPEG cut short": (saved("JPEG")[:-900], FormatError, DAMAGED.format("JPEG")),
    "a JPEG of 4 × 10^9 pixels": (jpeg_of(65_500, 65_500), FormatError, "at most 64 megapixels"),
    "a JPEG larger than its data": (jpeg_of(4_000, 4_000), (FormatError, None), ""),
    "a GIF cut short": (saved("GIF")[:-900], FormatError, DAMAGED.format("GIF")),
    "a GIF of 4 × 10^9 pixels": (patched(saved("GIF"), 6, b"\xff\xff\xff\xff"), FormatError, "64 megapixels"),
    "a BMP cut short": (saved("BMP")[:-900], FormatError, DAMAGED.format("BMP")),
    "a BMP of 10^18 pixels": (
        patched(saved("BMP"), 18, struct.pack("<ii", 10**9, 10**9)), FormatError, "at most 64 megapixels",
    ),
    "a TIFF cut short": (saved("TIFF")[:-900], FormatError, DAMAGED.format("TIFF")),
    "a TIFF whose pages never end": (endless_tiff(), (FormatError, None), ""),
    "a WebP cut short": (saved("WEBP")[:-300], FormatError, DAMAGED.format("WEBP")),
    "a PPM that claims 10^18 pixels": (b"P5 1000000000 1000000000 255\n", FormatError, "64 megapixels"),
    "a PPM without pixels": (b"P5 100 100 255\n", FormatError, DAMAGED.format("PPM")),
    "a PPM whose sides are no numbers": (b"P5 1e9 #\n\n 255\n", FormatError, DAMAGED.format("PPM")),
    "more bytes than any scan": (b"P5 10 10 255\n" + bytes(MAX_BYTES), FormatError, "too large"),
    "an array of 65 megapixels": (np.broadcast_to(np.uint8(0), (8_000, HUGE)), FormatError, "64 megapixels"),
    "an array of 10^18 pixels": (
        np.broadcast_to(np.uint8(0), (10**9, 10**9)), FormatError, "at most 64 megapixels",
    ),
    "a Pillow image of 65 megapixels": (Image.new("1", (8_000, HUGE)), FormatError, "64 megapixels"),
    "an array of NaN": (np.full((64, 64), np.nan), InvalidSignature, "not finite"),
    "an infinite level": (np.full((64, 64), np.inf), InvalidSignature, "not finite"),
    "negative levels": (np.full((64, 64), -1), InvalidSignature, "negative"),
    "an array of text": (np.full((64, 64), "a"), InvalidSignature, "no picture"),
    "an array of objects": (np.full((64, 64), None), InvalidSignature, "no picture"),
    "complex numbers": (np.ones((64, 64), complex), InvalidSignature, "no picture"),
    "channels first": (np.zeros((3, 64, 64), np.uint8), InvalidSignature, r"\(h, w, 3\) RGB"),
    "a row": (np.zeros(64, np.uint8), InvalidSignature, r"\(h, w\) grey"),
    "one pixel": (np.zeros((1, 1), np.uint8), InvalidSignature, "at least 8 pixels"),
    "no pixels": (np.zeros((0, 64), np.uint8), InvalidSignature, "at least 8 pixels"),
    "a strip": (np.zeros((8, 6_000_000), np.uint8), InvalidSignature, "40 times"),
    "nothing": (None, FormatError, "cannot read a picture from NoneType"),
    "a file that is not there": ("missing.png", FormatError, "cannot read"),
    "a path with a zero": ("a\0b.png", FormatError, "cannot read"),
    "a white sheet": (np.full((200, 400), 255, np.uint8), Flaw.NO_INK, ""),
    "a black sheet": (np.zeros((200, 400), np.uint8), Flaw.NO_INK, ""),
    "an all transparent picture": (Image.new("RGBA", (400, 200)), Flaw.NO_INK, ""),
    "white noise": (
        np.random.default_rng(0).integers(0, 256, (200, 400)).astype(np.uint8), Flaw.NO_STROKES, "",
    ),
    "a photograph of a room": (scene(), Flaw.NO_STROKES, ""),
    "a checkerboard": (np.indices((200, 400)).sum(axis=0) // 4 % 2 * np.uint8(255), None, ""),
}  # fmt: skip


def said(source):
    """Return the error that a picture ends in, or its flaw or None."""
    try:
        return unfit(SignatureImage.read(source))
    except (FormatError, InvalidSignature) as error:
        return error


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it mends, and of what we refuse
@pytest.mark.parametrize("name", ROWS)
def test_hostile_pictures(name):
    source, expected, words = ROWS[name]
    start = time.monotonic()
    found = said(source)
    assert time.monotonic() - start < 5
    if isinstance(expected, Flaw):
        assert found is expected
    elif expected is not None:
        allowed = expected if isinstance(expected, tuple) else (expected,)
        assert any(
            not isinstance(found, Exception) if each is None else isinstance(found, each) for each in allowed
        )
    assert words == "" or pytest.raises(type(found), match=words).matches(found)


@pytest.mark.parametrize(
    "name", ["a PNG whose profile unpacks to 200 MB", "a PNG whose text unpacks to 200 MB"]
)
def test_a_bomb_is_never_unpacked(name):
    """In a process that may hold 150 MB more than it needs to begin with."""
    code = (
        "import resource, sys; from sigverify.modality.image.decoding import decode;"
        "from sigverify.errors import SigverifyError; import PIL.PngImagePlugin, PIL.Image, numpy;"
        "size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + 150 * 2**20;"
        "resource.setrlimit(resource.RLIMIT_AS, (size, size));"
        "import contextlib\nwith contextlib.suppress(SigverifyError): decode(sys.stdin.buffer.read())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=ROWS[name][0], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
