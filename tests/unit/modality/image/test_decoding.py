import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from builders import signature
from PIL import Image
from toy_images import drawn

from sigverify.errors import FormatError, InvalidSignature, UnknownFormat
from sigverify.modality.image.decoding import LONGEST_KEPT, decode, is_picture
from sigverify.modality.image.signature_image import SignatureImage

PLAIN = drawn(signature())
GREY = np.asarray(PLAIN)


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def moved(picture):
    """How far the sheet of a picture is from that of the plain one, of 1."""
    return float(np.abs(SignatureImage.read(picture).sheet.ink - SignatureImage(GREY).sheet.ink).mean())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "PPM"])
def test_formats_without_loss_give_the_very_levels(kind):
    assert is_picture(saved(PLAIN, kind)[:16])
    assert np.array_equal(decode(saved(PLAIN, kind)), GREY)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_formats_with_loss_give_nearly_the_same_sheet(kind):
    assert is_picture(saved(PLAIN, kind))
    assert moved(saved(PLAIN, kind)) < 0.01


@pytest.mark.parametrize("kind", ["tiff_lzw", "tiff_deflate", "packbits", "tiff_adobe_deflate"])
def test_compressed_tiff(kind):
    assert np.array_equal(decode(saved(PLAIN, "TIFF", compression=kind)), GREY)


def test_a_fax_page():
    assert moved(saved(PLAIN.convert("1"), "TIFF", compression="group4")) < 0.01


def test_a_path_and_a_string_and_all_kinds_of_bytes(tmp_path):
    path = tmp_path / "signature.jpg"  # the content decides, not the name
    path.write_bytes(saved(PLAIN, "PNG"))
    data = path.read_bytes()
    for source in (path, str(path), data, bytearray(data), memoryview(data)):
        assert np.array_equal(decode(source), GREY)


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_pillow(mode):
    # To one bit Pillow dithers, so that edges move; elsewhere roundings differ by a level or three.
    picture = PLAIN.convert("RGB" if mode in ("HSV", "LAB", "P") else "L").convert(mode)
    assert moved(picture) < (0.03 if mode == "1" else 0.005)


@pytest.mark.parametrize("mode", ["La", "PA", "RGBa"])
def test_modes_that_are_made_in_two_steps(mode):
    assert moved(PLAIN.convert("RGBA" if mode == "RGBa" else "LA").convert(mode)) < 0.005


ARRAYS = {
    "grey": GREY,
    "one channel": GREY[..., np.newaxis],
    "grey and alpha": np.stack([GREY, np.full_like(GREY, 255)], axis=-1),
    "RGB": np.repeat(GREY[..., np.newaxis], 3, axis=-1),
    "RGBA": np.dstack([GREY, GREY, GREY, np.full_like(GREY, 255)]),
    "backwards in memory": np.ascontiguousarray(GREY[:, ::-1])[:, ::-1],
    "bool": GREY > 128,
    "bool, ink true": GREY < 128,
    "mask": (GREY < 128).astype(np.uint8),
    "mask of int64": (GREY > 128).astype(np.int64),
    "12 bits in 16": GREY.astype(np.uint16) << 4,
    "16 bits": 257 * GREY.astype(np.uint16),
    "32 bits": GREY.astype(np.uint32) << 24,
    "float": GREY / 255,
    "float32": (GREY / 255).astype(np.float32),
    "float of levels": GREY.astype(np.float64),
    "float16": (GREY / 255).astype(np.float16),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_every_kind_of_array(name):
    assert moved(ARRAYS[name]) < 0.005


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_camera_was_turned(kind, orientation):
    """Each orientation undoes what it names: the picture as the eye should see it comes back."""
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}  # fmt: skip
    held = PLAIN.transpose(undo[orientation]) if orientation in undo else PLAIN
    exif = Image.Exif()
    exif[0x0112] = orientation
    its = decode(saved(held, kind, exif=exif))
    assert its.shape == GREY.shape
    assert moved(its) < 0.01


def test_a_damaged_orientation_counts_as_none():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(PLAIN, "JPEG", exif=exif)
    at = data.index(b"Exif\0\0") + 10  # where the offset of the first directory stands
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of it
        assert decode(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]).shape == GREY.shape


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_frames(kind):
    other = Image.new("L", PLAIN.size, 255)
    extra = {"lossless": True} if kind == "WEBP" else {}
    data = saved(PLAIN, kind, save_all=True, append_images=[other, other], **extra)
    assert moved(data) < 0.005


def test_a_large_picture_is_reduced_and_a_small_one_kept():
    large = PLAIN.resize((6400, 3200))
    for data in (saved(large, "JPEG"), saved(large, "PNG")):
        its = decode(data)
        assert LONGEST_KEPT <= max(its.shape) < 2 * LONGEST_KEPT
        assert moved(its) < 0.02
    assert decode(large.resize((2400, 1200))).shape == (1200, 2400)


def test_a_pillow_image_stays_as_it_was():
    opened = Image.open(io.BytesIO(saved(PLAIN.convert("P"), "PNG")))
    before = opened.copy()
    assert decode(opened).shape == GREY.shape
    assert opened.mode == "P"
    assert opened.tobytes() == before.tobytes()


@pytest.mark.parametrize(
    "source", [None, 7, [[1, 2]], {"a": 1}, object()], ids=lambda source: type(source).__name__
)
def test_no_source_of_pictures(source):
    with pytest.raises(FormatError, match="expected a path, bytes, a Pillow image or an array"):
        decode(source)


FOREIGN = {
    "a PDF document": b"%PDF-1.7\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "an SVG drawing": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">',
    "a web page": b"<!DOCTYPE html><html>",
    "a HEIC or AVIF picture": b"\0\0\0\x18ftypheic",
    "a JPEG 2000 picture": b"\0\0\0\x0cjP  \r\n\x87\n",
    "a JPEG XL picture": b"\xff\x0a\xfa",
    "a Photoshop document": b"8BPS\0\1",
    "an icon": b"\0\0\1\0\1\0\x10\x10",
    "a zip archive": b"PK\3\4\x14\0",
    "an old Microsoft Office document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "an RTF document": b"{\\rtf1",
    "a compressed archive": b"\x1f\x8b\x08",
    "a numpy file": b"\x93NUMPY\1\0",
    "a sigverify model": b"SIGMODEL",
    "a picture as a data URL": b"data:image/png;base64,iVBORw0KGgo=",
    "a picture in base64": b"iVBORw0KGgoAAAANSUhEUg==",
    "text": b"x,y,time_ms\n1,2,3\n",
    "no picture of a known format": b"\0\1\2\3\4",
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_no_picture_is_named(what):
    assert not is_picture(FOREIGN[what])
    with pytest.raises(UnknownFormat, match=f"this is {what}.*expected a picture: PNG, JPEG, GIF.*\\. [A-Z]"):
        decode(FOREIGN[what])


def test_a_data_url_is_no_path():
    with pytest.raises(UnknownFormat, match=r"data URL.*Decode the base64 after the comma"):
        decode("data:image/png;base64,iVBORw0KGgo=")


def test_a_file_is_named_in_its_error(tmp_path):
    path = tmp_path / "name.png"
    path.write_bytes(b"%PDF-1.4")
    with pytest.raises(UnknownFormat, match=r"name.png: this is a PDF document"):
        decode(path)
    with pytest.raises(FormatError, match=r"cannot read .*missing.png.*No such file"):
        decode(tmp_path / "missing.png")
    with pytest.raises(FormatError, match="cannot read"):
        decode(tmp_path)


def test_an_array_of_another_shape():
    for shape in [(8,), (3, 64, 64), (64, 64, 5), (2, 2, 2, 2), ()]:
        with pytest.raises(InvalidSignature, match=r"expected \(h, w\) grey"):
            decode(np.zeros(shape))


def test_pillow_is_loaded_for_pictures_only():
    code = (
        "import sys, sigverify.modality.image.decoding as d; assert d.is_picture(b'GIF89a');"
        "assert 'PIL' not in sys.modules;"
        "from sigverify.modality.registry import modality_of;"
        "from sigverify.modality.pen.signature import Signature;"
        "modality_of(Signature(range(9), range(9), range(9)));"
        "assert 'PIL' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_the_decoder_that_is_needed_is_loaded():
    code = (
        "import sys; from sigverify.modality.image.decoding import decode; decode(sys.stdin.buffer.read());"
        "assert not {'PIL.EpsImagePlugin', 'PIL.GifImagePlugin', 'PIL.WmfImagePlugin'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], input=saved(PLAIN, "PNG"), check=True)
