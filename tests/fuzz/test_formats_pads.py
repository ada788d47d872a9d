"""Files of browser and app pads, damaged: each reader returns what it promises or raises an error of ours."""

import contextlib
import json

import numpy as np
import pytest
from builders import signature
from damage import damaged
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import FORMATS, read_recording, svg
from sigverify.formats.notes import Notes

SMALL = signature(samples=12)
STROKES = [[(20 * n, n * n % 17) for n in range(6)], [(130, 3), (131, 5)], [(9, 9)]]
POINTS = [
    [{"x": float(x), "y": float(y), "t": 1_763_800_000_000 + 9 * n} for n, (x, y) in enumerate(stroke)]
    for stroke in STROKES
]
LINES = ["9", "3", *(f"{x} {y}" for stroke in STROKES for x, y in stroke), "0", "6", "8"]
SETTINGS = {"penColor": "black", "dotSize": 0, "minWidth": 0.5, "compositeOperation": "source-over"}
DRAWN = b"".join(
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><g fill="none" stroke="black" transform="translate(1 2)">',
        b'<path d="M20,30C25,30.5 25,30 30,31" data-time="0 8"/>',
        b'<path d="M30,31c5 1 5 1 10 3" data-time="8 16"/><path d="M1 1a1 1 0 015.5.5z" data-time="1 2 3"/>',
        b'<circle cx="9" cy="9" data-time="20"/></g></svg>',
    ]
)
FILES = {
    "svg": [
        svg.encode(SMALL),
        DRAWN,
    ],
    "jsignature": [
        b"image/jsignature;base30,hw26Z1Efu0_a2Z30Y3vZ1u_5_6",
        b"hw26Z1Efu0_a2Z30Y3vZ1u_5_6",
        b'[{"x":[512,514,520,480.5,30,30],"y":[10,12,9,9,100,70]},{"x":[5],"y":[6]}]',
    ],
    "sigstring": [
        b"0300060014001400020103020402010205020200820003000102010009000900",
        "".join(f"{line}\r\n" for line in LINES).encode().hex().encode(),
    ],
    "hand_signature": [
        json.dumps({"bounds": {"width": 400, "height": 200}, "paths": POINTS}).encode(),
        json.dumps({"version": 2, "bounds": {}, "paths": POINTS, "setup": [{}]}, indent=1).encode(),
    ],
    "signature_pad": [
        json.dumps([SETTINGS | {"points": stroke} for stroke in POINTS]).encode(),
        json.dumps(
            [[point | {"color": "black"} for point in [*stroke, stroke[0]]] for stroke in POINTS]
        ).encode(),
    ],
}
REFUSED = (FormatError, InvalidSignature)


def is_sound(its):
    """Say whether a recording keeps its promises."""
    return all(
        channel.values.shape == (len(its),) and np.isfinite(channel.values).all()
        for channel in its.channels.values()
    )


@pytest.mark.parametrize("name", list(FILES))
def test_the_originals_are_good(name):
    for data in FILES[name]:
        recording = read_recording(data)
        assert recording.format == name
        assert is_sound(recording)


@pytest.mark.parametrize("name", list(FILES))
@given(st.data())
def test_damaged(name, data):
    content = data.draw(damaged(FILES[name]))
    with contextlib.suppress(*REFUSED):
        assert is_sound(FORMATS[name].decode(content, Notes()))
    with contextlib.suppress(*REFUSED):
        recording = read_recording(content)
        assert is_sound(recording)
        assert len(recording.signature())
