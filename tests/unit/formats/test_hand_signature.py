"""hand_signature: what its toMap() gives, in both versions of it."""

import json

import numpy as np
import pytest

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import hand_signature, read_recording, signature_pad
from sigverify.formats.channel import Quantity

EPOCH_MS = 1_763_800_000_000


def path(first, count, **more):
    return [{"x": 3.5 * n, "y": 40.0 - n, "t": EPOCH_MS + 9 * n, **more} for n in range(first, first + count)]


VERSION_1 = {
    "bounds": {"width": 400.0, "height": 200.0},
    "paths": [path(0, 8), path(9, 5)],
    "threshold": 3.0,
    "smoothRatio": 0.65,
    "velocityRange": 2.0,
}
VERSION_2 = {
    "version": 2,
    "bounds": {"width": 400.0, "height": 200.0},
    "paths": [path(0, 8, p=0.5), path(9, 5, p=0.25)],
    "setup": [{"threshold": 3.0, "smoothRatio": 0.65, "velocityRange": 2.0, "pressureRatio": 0.0}] * 2,
}


@pytest.mark.parametrize("content", [VERSION_1, VERSION_2], ids=["1", "2"])
@pytest.mark.parametrize("indent", [None, 2])
def test_both_versions(content, indent):
    recording = read_recording(json.dumps(content, indent=indent).encode())
    assert recording.format == "hand_signature"
    assert recording.facts["width_px"] == 400
    assert recording.facts.get("version") == content.get("version")
    signature = recording.signature()
    assert signature.stroke_count == 2
    assert np.flatnonzero(~signature.ink).tolist() == [0, 8]
    assert signature.time_ms[0] == EPOCH_MS
    assert (signature.pressure is None) == (content is VERSION_1)


def test_the_paths_alone_are_read_as_the_same_strokes():
    alone = signature_pad.decode(json.dumps(VERSION_1["paths"]).encode())
    assert alone.signature() == read_recording(json.dumps(VERSION_1).encode()).signature()


def test_in_a_json_string():
    quoted = json.dumps(json.dumps(VERSION_2)).encode()
    assert hand_signature.decode(quoted)[Quantity.X].tolist()[:2] == [0, 3.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no paths"),
        ({"bounds": {}}, "no paths"),
        ({"paths": {"x": 1}}, "not groups of points"),
        ({"paths": [[3]]}, "stroke 1, point 1: not a point"),
        ({"paths": [[{"x": 1, "y": 2}]]}, "time is not a number"),
    ],
)
def test_foul_content(content, message):
    with pytest.raises(FormatError, match=message):
        hand_signature.decode(json.dumps(content).encode())


def test_an_empty_pad():
    recording = read_recording(b'{"bounds": {"width": 0, "height": 0}, "paths": [], "setup": []}')
    with pytest.raises(InvalidSignature):
        recording.signature()


def test_bounds_of_another_kind_are_left_out():
    content = VERSION_1 | {"bounds": {"width": "wide", "height": None}, "threshold": []}
    assert dict(read_recording(json.dumps(content).encode()).facts) == {}
