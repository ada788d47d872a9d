import contextlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sigverify.errors import FormatError, InvalidSignature, UnknownFormat
from sigverify.formats import (
    FORMATS,
    limits,
    plain_csv,
    read_capture,
    read_signature,
    recognize_format,
    signature_pad,
)
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature

SIGNATURE = Signature(range(0, 30, 3), np.arange(10) ** 2, range(0, 100, 10))


def rows(template):
    return "".join(template.format(x=3 * i, y=i * i, t=10 * i) + "\n" for i in range(10)).encode()


CONTENT = {
    "svc2004": b"10\n" + rows("{x} {y} {t} 1"),
    "susig": b"X, Y, TStamp, Pres., EndPts\nDataSize: 10\n" + rows("{x} {y} {t} 5 0"),
    "sigcomp": b"NLDCC-051_012_005 10\n" + rows("\t{x} {y} 5 1070 520"),
    "csv": plain_csv.encode(SIGNATURE),
    "signature_pad": signature_pad.encode(SIGNATURE),
}


@pytest.mark.parametrize("name", list(CONTENT))
def test_format_is_told_from_the_content_and_not_the_name(name, tmp_path):
    path = tmp_path / "signature.bin"
    path.write_bytes(CONTENT[name])
    assert recognize_format(CONTENT[name]) is FORMATS[name]
    for source in (path, str(path), CONTENT[name], bytearray(CONTENT[name]), memoryview(CONTENT[name])):
        signature = read_signature(source)
        assert np.array_equal(signature.x, SIGNATURE.x)
        assert np.array_equal(signature.y, SIGNATURE.y)


@pytest.mark.parametrize("name", ["csv", "signature_pad", "svc2004"])
def test_byte_order_mark_changes_nothing(name):
    assert read_signature(b"\xef\xbb\xbf" + CONTENT[name]) == read_signature(CONTENT[name])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n\n",
        b"\xef\xbb\xbf",
        b"\x89PNG\r\n\x1a\n",
        b"hello",
        b"name,age\nx,3\n",
        b"1.5\n",
        bytes(1000),
    ],
)
def test_unknown_content(data):
    with pytest.raises(UnknownFormat, match="expected a"):
        read_signature(data)


def test_unknown_content_lists_what_is_known():
    with pytest.raises(
        UnknownFormat, match=r"SVC2004.*SUSIG.*SigComp2009.*x,y,time_ms.*signature_pad.*'hello'"
    ):
        read_signature(b"hello\nworld")


def test_error_names_the_file(tmp_path):
    path = tmp_path / "alice.csv"
    path.write_bytes(b"x,y,time_ms\n1,2\n")
    with pytest.raises(FormatError, match=r"alice\.csv: line 2: a row of 2 columns"):
        read_signature(path)
    path.write_bytes(b"x,y,time_ms\n1,2,3\n")
    with pytest.raises(InvalidSignature, match=r"alice\.csv: too few samples"):
        read_signature(path)


@pytest.mark.parametrize("source", ["", "absent.csv", ".", "nul\0.csv"])
def test_unreadable_path(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match="cannot read"):
        read_signature(source)


@pytest.mark.parametrize("source", [None, 3, np.zeros((10, 3)), [[1, 2, 3]], io.BytesIO(b"")])
def test_other_sources_are_told_what_to_use(source):
    with pytest.raises(FormatError, match=r"expected a path or bytes.*Signature"):
        read_signature(source)


def test_large_files_are_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "large.csv"
    path.touch()
    os.truncate(path, limits.MAX_BYTES + 1)
    with pytest.raises(FormatError, match="too large"):
        read_signature(path)
    monkeypatch.setattr(limits, "MAX_BYTES", 100)
    with pytest.raises(FormatError, match="too large"):
        read_signature(bytes(101))


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_endless_files_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "MAX_BYTES", 10_000)
    with pytest.raises(FormatError, match="too large"):
        read_signature("/dev/zero")


@given(st.binary(max_size=400))
def test_any_bytes_give_a_signature_or_a_typed_error(data):
    with contextlib.suppress(FormatError, InvalidSignature):
        read_signature(data)


@given(st.sampled_from(list(CONTENT)), st.data())
def test_any_damage_gives_a_signature_or_a_typed_error(name, data):
    content = bytearray(CONTENT[name])
    for _ in range(data.draw(st.integers(1, 6))):
        index = data.draw(st.integers(0, len(content) - 1))
        content[index : index + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
        content = content or bytearray(b" ")
    with contextlib.suppress(FormatError, InvalidSignature):
        read_signature(content)


def test_white_space_of_latin_1_is_no_number():
    data = b"8\n" + b"".join(b"%d %d %d 1\n" % (n, n, 10 * n) for n in range(7)) + b"7 \x857 70 1\n"
    with pytest.raises(FormatError, match="line 9: not a number"):
        read_signature(data)


# ------------------------------------------------------------------------------------ either kind
def png(shape=(40, 120)):
    picture = np.full(shape, 255, np.uint8)
    picture[10:30, 20:100:7] = 0
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue(), picture


def test_strokes_or_a_picture_is_told_from_the_content(tmp_path):
    content, picture = png()
    path = tmp_path / "signature.csv"
    path.write_bytes(content)
    for source in (path, str(path), content, memoryview(content)):
        captured = read_capture(source)
        assert isinstance(captured, SignatureImage)
        np.testing.assert_array_equal(captured.grey, picture)
    for content in CONTENT.values():
        path.write_bytes(content)
        assert read_capture(path) == read_signature(path)


def test_what_is_neither_names_the_file(tmp_path):
    path = tmp_path / "alice.bin"
    for content, message in (
        (b"hello", "not a signature file of a known format"),
        (png()[0][:60], "a damaged PNG picture"),
        (b"%PDF-1.7", "this is a PDF document, .*as a PNG picture"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=f"alice.bin: .*{message}"):
            read_capture(path)
    with pytest.raises(FormatError, match="cannot read a signature from int"):
        read_capture(5)
    with pytest.raises(UnknownFormat, match=r"a PNG picture, not pen strokes.* read_capture"):
        read_signature(png()[0])


BEGINNINGS = [
    b"",
    b"[",
    b'"data:image/jsignature;base30,',
    b'[{"x":[1',
    b"<?xml ",
    b"<svg d='M",
    b".PEN_DOWN\n",
]
BEGINNINGS += [content[:40] for content in CONTENT.values()]


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("run", [b" ", b"\n", b"[", b"[ ", b",", b'"', b"1", b"1 ", b"_", b"<!--"])
def test_a_long_run_takes_no_longer_than_its_length(beginning, run):
    data = beginning + run * 200_000
    with contextlib.suppress(FormatError, InvalidSignature):
        read_signature(data)  # what goes through the run again at each place takes hours: `timeout` of pytest
