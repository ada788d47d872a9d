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


def altered(place, content):
    data = bytearray(template(count=2).to_bytes())
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
        resealed(altered(4, b"\2")),  # version
        resealed(altered(6, b"\0")),  # references
        resealed(altered(6, b"\x0d")),
        resealed(altered(8, b"\1")),  # flags
        resealed(altered(14, b"\xff" * 8)),  # sizes that overflow 32 bits
        resealed(altered(26, b"\0\0")),  # length of the user id
        resealed(altered(35, b"\x7f")),  # created far beyond the year 9999
        resealed(altered(44, b"\xff")),  # no UTF-8
        resealed(altered(44, b"\0")),
        resealed(altered(49, b"\0\0\x80\x7f")),  # an infinite distance
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

    verifier = NativeVerifier(library, base, unused)
    with pytest.raises(MalformedTemplate):
        verifier.score(template(), signature())
