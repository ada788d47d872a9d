import ctypes
import re

import native_core
import pytest
from c_header import enum, in_c

from firmware_bridge.libsigverify.build import HEADER
from sigverify.decision import Outcome
from sigverify.errors import BY_STATUS
from sigverify.matching.cue import MAX_CUES
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.pen import features, outlines
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.signature import MAX_SAMPLES
from sigverify.runtime.native.library import ABI, NO_MEMORY
from sigverify.runtime.pair_network import pair_shape

TEXT = HEADER.read_text()


def test_statuses_are_those_of_the_error_tree():
    of_python = {in_c(kind.__name__): status for status, kind in BY_STATUS.items()}
    assert enum(TEXT, "sv_status", "SV") == {"OK": 0, "NO_MEMORY": NO_MEMORY, **of_python}


def test_every_status_has_words(library):
    def text(number):
        return library.ffi.string(library.functions.sv_status_text(number))

    texts = [text(number) for number in enum(TEXT, "sv_status", "SV").values()]
    assert len(set(texts)) == len(texts)
    assert text(9999) == b"unknown status"


@pytest.mark.parametrize(
    ("name", "members", "numbers"),
    [
        ("sv_outcome", native_core.OUTCOMES.values(), list(native_core.OUTCOMES)),
        ("sv_reason", native_core.REASONS, list(range(7))),
        ("sv_addition", native_core.ADDITIONS, list(range(10))),
        ("sv_repair", Repair, list(range(12))),
    ],
)
def test_enums_are_in_the_order_of_python(name, members, numbers):
    said = enum(TEXT, name, "SV")
    assert list(said.values()) == numbers
    for key, member in zip(said, members, strict=True):
        assert key.replace("_OTHERS", "") == member.name


def test_cleared_memory_lets_nobody_in(library):
    cleared = library.ffi.new("sv_decision *")
    assert not cleared.accepted
    assert native_core.OUTCOMES[cleared.outcome] is Outcome.REJECT
    cleared.accepted = cleared.outcome = 1
    null = library.ffi.NULL
    assert library.functions.sv_verify(null, null, null, null, cleared) != 0
    assert (cleared.accepted, cleared.outcome) == (0, 0), "a failure that nobody looks at lets nobody in"


def test_sizes_are_those_of_python():
    sizes = dict(re.findall(r"#define SV_(\w+) (\d+)", TEXT))
    expected = {
        "FRAMES": features.FRAMES,
        "OUTLINES": outlines.LINES,
        "OUTLINE_STEPS": outlines.POINTS - 1,
        "CHANNELS": features.CHANNELS,
        "SERIES_CHANNELS": features.SERIES_CHANNELS,
        "DETAIL_FRAMES": features.DETAIL_FRAMES,
        "DETAIL_CHANNELS": features.DETAIL_CHANNELS,
        "PAIR_STEPS": pair_shape(PEN)[0],
        "PAIR_DEPTH": pair_shape(PEN)[1],
        "MAX_CUES": MAX_CUES,
    }
    assert {name: int(sizes[name]) for name in expected} == expected
    assert (int(sizes["MAX_REFERENCES"]), int(sizes["MAX_SAMPLES"])) == (MAX_REFERENCES, MAX_SAMPLES)
    assert (int(sizes["ABI"]), int(sizes["FEATURES_VERSION"])) == (ABI, features.FEATURES_VERSION)


def test_the_library_exports_the_header_and_nothing_else(library_path):
    declared = set(re.findall(r"\b(sv_\w+)\(", TEXT))
    for name in declared:
        assert hasattr(ctypes.CDLL(str(library_path)), name), name
    for hidden in ("svi_features", "svi_crc32"):
        with pytest.raises(AttributeError):
            getattr(ctypes.CDLL(str(library_path)), hidden)
