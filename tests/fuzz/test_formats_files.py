"""Files of pads, tablets and corpora: whatever happened to one, it is read or refused by an error of ours."""

import contextlib
import struct

import numpy as np
import pytest
from builders import signature
from damage import damaged
from hypothesis import given

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import FORMATS, deepsigndb, inkml, read_recording, svc2004, unipen
from sigverify.formats.notes import Notes

SMALL = signature(samples=12)
ROWS = [
    (round(x), round(y), round(time), round(100 * pressure), int(ink))
    for x, y, time, pressure, ink in zip(
        SMALL.x, SMALL.y, SMALL.time_ms, SMALL.pressure, SMALL.ink, strict=True
    )
]


UIM = bytes.fromhex(
    "524946469a01000055494e4b484541440c000000030100000301000100000000494e5054790100000aec010a060a0163"
    "1a01731a1212100a096465762e6d6f64656c12035061642acd010a017312c701122c0a03696430121a77696c6c3a2f2f"
    "696e7075742f332e302f6368616e6e656c2f5818002100000000006af840122c0a03696431121a77696c6c3a2f2f696e"
    "7075742f332e302f6368616e6e656c2f5918002100000000006af84012340a03696432122277696c6c3a2f2f696e7075"
    "742f332e302f6368616e6e656c2f54696d657374616d701801210000000000408f4012330a03696433122177696c6c3a"
    "2f2f696e7075742f332e302f6368616e6e656c2f507265737375726518042100000000000090401251120163180020e8"
    "072a110a03696430120ac80114141414141414142a100a0369643112090a040504060d0c0d042a100a03696432120900"
    "14141414141414142a100a0369643312090202020202010101011235120163180120cc082a0a0a036964301203900314"
    "2a090a0369643112020a012a090a036964321202000a2a090a036964331202000000"
)
"""Two strokes, the second hovering, as tests/unit/formats/test_uim.py puts them together."""


def text(rows):
    return "\n".join([str(len(ROWS)), *rows, ""]).encode()


FILES = {
    "inkml": [
        inkml.encode(SMALL),
        (
            b"<ink><inkSource><sampleRate value='100'/></inkSource><traceGroup><trace timeOffset='3'>"
            b"1 2,'3'4,\"1-1,**,#A.5e1</trace></traceGroup></ink>"
        ),
        (
            b"<i:ink xmlns:i='http://www.w3.org/2003/InkML'><i:definitions><i:context id='c'/>"
            b"<i:traceFormat id='f'><i:channel name='X' units='cm' type='integer'/><i:channel name='Y'/>"
            b"<i:intermittentChannels><i:channel name='S' default='F'/></i:intermittentChannels>"
            b"</i:traceFormat></i:definitions><i:trace contextRef='#c'>1 2 T,3 4,5 6F</i:trace></i:ink>"
        ),
    ],
    "svc2004": [
        svc2004.encode(SMALL),
        text(f"{x} {y} {t / 1000} {ink} 0 0 {p * ink}" for x, y, t, p, ink in ROWS),
    ],
    "deepsigndb": [
        deepsigndb.encode(SMALL),
        text(f"{x} {y} {t} 0" for x, y, t, _, _ in ROWS),
        text(f"{x} {y} 0 0 0 {p}" for x, y, _, p, _ in ROWS),
    ],
    "fpg": [
        b"FPG "
        + struct.pack("<HHHHIHIIIIHIII", 60, 4, 2, 1, 0, 16, 0, 0, 5, 12, 0, 100, 0, 0).ljust(56, b"\0")
        + np.array([(x, y, p, 7, 9) for x, y, _, p, _ in ROWS]).astype("<u2").tobytes()
    ],
    "uim": [UIM],
    "unipen": [
        unipen.encode(SMALL),
        (
            b".VERSION 1.0\n.INCLUDE x\n.POINTS_PER_SECOND 100\n.X_POINTS_PER_INCH 200\n"
            b".COORD X Y P B\n.PEN_DOWN\n1 2 3 4\n5 6 7 8\n.PEN_UP\n.DT 30\n.PEN_DOWN\n9 1 2 3\n"
        ),
    ],
}


def is_sound(recording):
    """Say whether a recording keeps its promises."""
    return recording.ink.dtype == bool and all(
        channel.values.shape == (len(recording),) and np.isfinite(channel.values).all()
        for channel in recording.channels.values()
    )


@pytest.mark.parametrize("name", list(FILES))
def test_the_originals_are_good(name):
    for data in FILES[name]:
        assert is_sound(FORMATS[name].decode(data, Notes()))
        assert read_recording(data).format == name


def decodes_or_refuses(name, data):
    with contextlib.suppress(FormatError, InvalidSignature):
        recording = FORMATS[name].decode(data, Notes())
        assert is_sound(recording)
        recording.signature()
    with contextlib.suppress(FormatError, InvalidSignature):
        assert is_sound(read_recording(data))


@given(damaged(FILES["inkml"]))
def test_inkml(data):
    decodes_or_refuses("inkml", data)


@given(damaged(FILES["svc2004"]))
def test_svc2004(data):
    decodes_or_refuses("svc2004", data)


@given(damaged(FILES["deepsigndb"]))
def test_deepsigndb(data):
    decodes_or_refuses("deepsigndb", data)


@given(damaged(FILES["fpg"]))
def test_fpg(data):
    decodes_or_refuses("fpg", data)


@given(damaged(FILES["unipen"]))
def test_unipen(data):
    decodes_or_refuses("unipen", data)


@given(damaged(FILES["uim"]))
def test_uim(data):
    decodes_or_refuses("uim", data)
