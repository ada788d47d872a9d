import zlib
from pathlib import Path

import numpy as np
import pytest
from builders import signature, template
from native_core import NativeModel, NativeVerifier, exported, imported

from sigverify import Template
from sigverify.errors import MalformedTemplate

GOLDEN = Path(__file__).parents[3] / "golden"


@pytest.fixture
def again(library):
    """A function that has C read a template's bytes and write them anew."""

    def round_trip(data):
        return exported(library, imported(library, data))

    return round_trip


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("depth", [0, 16])
def test_c_writes_the_very_bytes_it_read(again, count, depth):
    data = template("Zoë", count, depth=depth).to_bytes()
    assert again(data) == data


def test_the_golden_template_still_reads(again):
    data = (GOLDEN / "template.bin").read_bytes()
    assert again(data) == data


def test_the_golden_model_still_reads(library):
    data = (GOLDEN / "model.sigmodel").read_bytes()
    native = NativeModel(library, data)
    assert native.threshold(0.01) == pytest.approx(0.9)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, 65504.0, 6.1e-5, 5.96e-8, -3.3e-6, 0.1])
def test_every_float16_survives(again, value):
    its = template(count=1)
    its.references.vector[:] = np.float32(np.float16(value))
    assert again(its.to_bytes()) == its.to_bytes()


def resealed(data):
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


EXTENT_AT = 54 + 4 * 6
"""Behind the head, "alice" and "pen", and six distances between two references."""


def altered(place, content):
    data = bytearray(template(count=2).to_bytes())
    place %= len(data)
    data[place : place + len(content)] = content
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        template().to_bytes()[:-1],
        template().to_bytes() + b"\0",
        altered(100, b"\x55\xaa\x55"),  # its checksum differs
        resealed(altered(0, b"SIGX")),
        resealed(altered(4, b"\1")),  # version
        resealed(altered(4, b"\2")),
        resealed(altered(6, b"\0")),  # references
        resealed(altered(6, b"\x0d")),
        resealed(altered(8, b"\0")),  # length of the modality's name
        resealed(altered(8, b"\4")),
        resealed(altered(14, b"\xff" * 10)),  # sizes that overflow 32 bits
        resealed(altered(18, b"\6")),  # channels of the detail
        resealed(altered(28, b"\0\0")),  # length of the user id
        resealed(altered(37, b"\x7f")),  # created far beyond the year 9999
        resealed(altered(46, b"\xff")),  # no UTF-8
        resealed(altered(46, b"\0")),
        resealed(altered(51, b"\xff")),  # the modality
        resealed(altered(54, b"\0\0\x80\x7f")),  # an infinite distance
        resealed(altered(54, b"\0\0\xc0\x7f")),  # a distance that is NaN
        *(resealed(altered(EXTENT_AT, each)) for each in (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\0\0")),
        resealed(altered(EXTENT_AT + 4, b"\0\0\x80\xbf")),  # an extent of -1
        resealed(altered(-6, b"\0\x7e")),  # a vector that ends in NaN
        resealed(altered(-6, b"\0\xfc")),  # in -infinity
    ],
)
def test_what_python_refuses_c_refuses(again, data):
    with pytest.raises(MalformedTemplate):
        Template.from_bytes(data)
    with pytest.raises(MalformedTemplate):
        again(data)


def test_a_template_of_another_model_is_refused(library, base):
    def unused(_):
        raise AssertionError("refused before the network runs")

    verifier = NativeVerifier(library, base, unused, unused)
    with pytest.raises(MalformedTemplate):
        verifier.score(template(), signature())


def test_a_template_of_another_modality_is_refused(again):
    for modality in ("image", "pan", "pe"):
        with pytest.raises(MalformedTemplate):
            again(template(modality=modality).to_bytes())


@pytest.mark.parametrize("signs", [0, 0b110000, 0b111111, 0xFF])
def test_what_the_file_says_of_signs_is_read_as_python_reads_it(again, signs):
    """A bit beyond the last cue, or of one that is 0 throughout, says nothing and is dropped by both."""
    for data in (resealed(altered(9, bytes([signs]))), resealed(with_flat_cue(signs))):
        assert again(data) == Template.from_bytes(data).to_bytes()


def with_flat_cue(signs):
    data = bytearray(altered(9, bytes([signs])))
    data[54 + 4 * 4 : 54 + 5 * 4] = bytes(4)
    return bytes(data)


def test_signs_are_written_where_there_are_signed_cues():
    assert template(count=2).to_bytes()[9] == 0b110000
    assert template(count=1).to_bytes()[9] == 0
