import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import FORMATS, Quantity, fpg, read_recording, recognize_format
from sigverify.modality.pen.signature import MAX_SAMPLES

VECTORS = np.array(
    [(1000 + 7 * i, 2000 + i * i, 0 if i in (5, 6) else 300 + i, 1200, 550) for i in range(16)], "<u2"
)


def file_of(vectors=VECTORS, *, size=60, kind=4, bits=16, rate=100, width=None, count=None):
    """As the corpus is read: the fields of the header in their order, zeros in those that are not used."""
    header = b"FPG " + struct.pack("<HHHHIH", size, kind, 2, 1, 10_000, bits) + bytes(4)
    header += struct.pack("<I", 0)
    header += struct.pack(
        "<II",
        vectors.shape[1] if width is None else width,
        vectors.shape[0] if count is None else count,
    )
    header += struct.pack("<H", 0) + struct.pack("<III", rate, 0, 0)
    return header.ljust(size, b"\0")[:size] + vectors.tobytes()


def test_the_fields_stand_where_the_reader_of_the_corpus_takes_them():
    data = file_of()
    assert struct.unpack_from("<H", data, 16) == (16,)
    assert struct.unpack_from("<II", data, 26) == (5, 16)
    assert struct.unpack_from("<I", data, 36) == (100,)


@pytest.mark.parametrize("size", [48, 60])
def test_vectors(size):
    data = file_of(size=size)
    assert recognize_format(data) is FORMATS["fpg"]
    recording = read_recording(data)
    assert recording[Quantity.X].tolist() == VECTORS[:, 0].tolist()
    assert recording.channels[Quantity.Y].in_units.tolist() == (VECTORS[:, 1] / 100).tolist()
    assert recording.channels[Quantity.Y].unit == "mm"
    assert recording[Quantity.PRESSURE].tolist() == VECTORS[:, 2].tolist()
    assert recording.channels[Quantity.AZIMUTH].in_units.tolist() == [120] * 16
    assert recording.channels[Quantity.ALTITUDE].in_units.tolist() == [55] * 16
    assert np.flatnonzero(~recording.ink).tolist() == [0, 5, 6, 7]
    assert recording.rate_hz == 100
    assert recording.signature().time_ms.tolist() == [10.0 * i for i in range(16)]


@pytest.mark.parametrize(("bits", "kind"), [(8, "<u1"), (16, "<u2"), (32, "<f4"), (64, "<f8")])
def test_values_of_any_size(bits, kind):
    vectors = (VECTORS % 250).astype(kind)
    recording = read_recording(file_of(vectors, bits=bits))
    assert recording[Quantity.X].tolist() == vectors[:, 0].tolist()


def test_more_and_fewer_values_of_each_sample():
    more = np.hstack([VECTORS, VECTORS])
    recording = read_recording(file_of(more))
    assert [note.words() for note in recording.notes] == ["ignored: 5 more values a sample"]
    assert list(read_recording(file_of(VECTORS[:, :3].copy())).channels) == ["x", "y", "pressure"]


@pytest.mark.parametrize("data", [file_of(rate=0), file_of(size=52)])
def test_without_a_rate_it_is_no_signature(data):
    with pytest.raises(InvalidSignature, match="does not say when"):
        read_recording(data).signature()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"FPG \x3c\0\4\0", "not a file of MCYT"),
        (file_of()[:-1], "truncated; expected 220 bytes; received 219"),
        (file_of(bits=12), "unknown size; expected 8, 16, 32 or 64 bits; received 12"),
        (file_of(width=2), "a header that cannot be"),
        (file_of(width=2**32 - 1), "a header that cannot be"),
        (file_of(size=60)[:4] + b"\3\0" + file_of()[6:], "a header that cannot be"),
        (file_of(np.full((16, 5), np.nan, "<f4"), bits=32), "no numbers"),
    ],
)
def test_refused(data, message):
    with pytest.raises(FormatError, match=message):
        read_recording(data)


def test_more_samples_than_a_signature_has():
    for count in (MAX_SAMPLES + 1, 2**32 - 1):
        with pytest.raises(InvalidSignature, match="too many"):
            read_recording(file_of(count=count))


@given(st.binary(max_size=200))
def test_any_bytes_behind_its_first(data):
    for content in (b"FPG \x3c\0\4\0" + data, file_of()[:36] + data):
        with contextlib.suppress(FormatError, InvalidSignature):
            assert len(fpg.decode(content)) <= MAX_SAMPLES
