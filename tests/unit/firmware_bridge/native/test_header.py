import re

import pytest

from firmware_bridge.native import binding
from firmware_bridge.native.build import HEADER
from sigverify.features import CHANNELS, DYNAMICS, FRAMES
from sigverify.matching import CUES
from sigverify.scoring import MAX_REFERENCES
from sigverify.signature import MAX_SAMPLES

TEXT = HEADER.read_text()


def enum(name):
    body = re.search(rf"typedef enum {name} {{(.*?)}}", TEXT, re.DOTALL).group(1)
    return {key: int(value) for key, value in re.findall(r"SV_(\w+) = (\d+)", body)}


def in_c(name):
    """`InvalidSignature` is SV_INVALID_SIGNATURE; the base of all is SV_ERROR."""
    return "ERROR" if name == "SigverifyError" else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


def test_statuses_are_those_of_the_error_tree():
    of_python = {in_c(kind.__name__): status for status, kind in binding.error_types().items()}
    assert enum("sv_status") == {"OK": 0, "NO_MEMORY": binding.NO_MEMORY, **of_python}


def test_every_status_has_words(library):
    texts = [library.functions.sv_status_text(number).decode() for number in enum("sv_status").values()]
    assert len(set(texts)) == len(texts)
    assert library.functions.sv_status_text(9999) == b"unknown status"


@pytest.mark.parametrize(
    ("name", "members"),
    [("sv_outcome", binding.OUTCOMES), ("sv_reason", binding.REASONS), ("sv_addition", binding.ADDITIONS)],
)
def test_enums_are_in_the_order_of_the_binding(name, members):
    numbers = enum(name)
    assert list(numbers.values()) == list(range(len(members)))
    for key, member in zip(numbers, members, strict=True):
        assert key.replace("_OTHERS", "") == member.name


def test_sizes_are_those_of_python():
    sizes = dict(re.findall(r"#define SV_(\w+) (\d+)", TEXT))
    assert {name: int(sizes[name]) for name in ("FRAMES", "CHANNELS", "DYNAMICS", "CUES")} == {
        "FRAMES": FRAMES,
        "CHANNELS": CHANNELS,
        "DYNAMICS": DYNAMICS,
        "CUES": len(CUES),
    }
    assert (int(sizes["MAX_REFERENCES"]), int(sizes["MAX_SAMPLES"])) == (MAX_REFERENCES, MAX_SAMPLES)


def test_the_library_exports_the_header_and_nothing_else(library_path):
    declared = set(re.findall(r"\b(sv_\w+)\(", TEXT))
    for name in declared:
        assert hasattr(binding.NativeLibrary(library_path).functions, name), name
    for hidden in ("svi_features", "svi_crc32"):
        with pytest.raises(AttributeError):
            getattr(binding.NativeLibrary(library_path).functions, hidden)
