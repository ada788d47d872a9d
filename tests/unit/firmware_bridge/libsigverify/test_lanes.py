"""Alignment by vector instructions: the integers of the scalar code, to the last bit, on every processor."""

import ctypes
import platform
import shutil
import subprocess
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from firmware_bridge.libsigverify.build import FLAGS, FOLDER, INCLUDE

SUPPORT = Path(__file__).parents[3] / "support" / "native" / "lanes.c"
SOURCES = [FOLDER / "src" / name for name in ("alignment.c", "path.c", "lanes.c", "bytes.c")]
SCALAR, NARROW, WIDE = range(3)
NOTHING = -1


@pytest.fixture(scope="session", params=["cc", "clang", "zig"])
def lanes(request, tmp_path_factory):
    """`support/native/lanes.c`, compiled as libsigverify is, and as in the wheels."""
    compiler = [sys.executable, "-m", "ziglang", "cc"] if request.param == "zig" else [request.param]
    there = find_spec("ziglang") if request.param == "zig" else shutil.which(request.param)
    if there is None:
        pytest.skip(f"no {request.param} here (Debian: gcc, clang; PyPI: ziglang)")
    target = tmp_path_factory.mktemp("lanes") / "lanes.so"
    line = [*compiler, *FLAGS, "-shared", f"-I{INCLUDE}", "-o", target, SUPPORT, *SOURCES]
    subprocess.run([*map(str, line)], check=True)
    return ctypes.CDLL(str(target))


def widths():
    """Return which widths this processor has, as the system says."""
    if platform.machine() == "aarch64":
        return {NARROW}
    try:
        said = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        said = []
    found = {NARROW: "sse4_1", WIDE: "avx2"}
    return {width for width, flag in found.items() if platform.machine() == "x86_64" and flag in said}


def path(lanes, width, one, other, without=NOTHING):
    """Return whether lanes found it, and the path; None, None where the processor has none of that width."""
    frames, channels = one.shape
    cost = np.full(frames, -7, np.int32)
    first, last = np.full((2, frames), -7, np.int16)
    totals = np.full(2, -7, np.int32)
    pointers = [ctypes.c_void_p(each.ctypes.data) for each in (one, other, cost, first, last, totals)]
    sizes = (ctypes.c_size_t(frames), ctypes.c_size_t(channels))
    found = lanes.path_by(width, *pointers[:2], *sizes, without, *pointers[2:])
    return (None, None) if found == NOTHING else (bool(found), (*totals, *cost, *first, *last))


def assert_alike(lanes, one, other, without=NOTHING):
    """Return by how many widths lanes found what the scalar code finds, without having to ask it."""
    found, expected = path(lanes, SCALAR, one, other, without)
    assert not found
    assert expected[0] == expected[1]
    answers = [path(lanes, width, one, other, without) for width in (NARROW, WIDE)]
    for _, its in answers:
        assert its is None or its == expected
    return sum(found or False for found, _ in answers)


def series(frames, channels):
    """Two series of few numbers, so that many paths cost the same, or of the largest there are."""
    numbers = st.sampled_from([(0, 1), (-1, 0, 1), (-127, 127), (-128, 127), tuple(range(-128, 128))])
    return numbers.flatmap(
        lambda values: hnp.arrays(np.int8, (2, frames, channels), elements=st.sampled_from(values))
    )


sizes = st.tuples(st.integers(1, 70), st.integers(1, 20))


@given(sizes.flatmap(lambda its: series(*its)), st.integers(NOTHING, 19))
@example(np.zeros((2, 1, 1), np.int8), NOTHING)
@example(np.zeros((2, 70, 8), np.int8), 7)
def test_every_path_is_that_of_the_scalar_code(lanes, both, without):
    assert_alike(lanes, *both, min(without, both.shape[2] - 1))


@pytest.mark.parametrize("frames", [1, 2, 5, 16, 81, 255, 256, 1024])
@pytest.mark.parametrize("channels", [1, 7, 8, 9, 16, 129])
def test_of_all_sizes(lanes, frames, channels):
    rng = np.random.default_rng(frames * channels)
    one, other = rng.integers(-3, 4, (2, frames, channels)).astype(np.int8)
    assert_alike(lanes, one, other)
    assert_alike(lanes, one, np.roll(one, frames // 7, axis=0))
    assert_alike(lanes, *rng.integers(-128, 128, (2, frames, channels)).astype(np.int8))


@pytest.mark.parametrize("over", [-2, -1, 0, 1, 2])
def test_where_16_bits_end(lanes, over):
    """A path that costs `most` of lanes.c or more is none of theirs; one that costs less is."""
    frames, channels = 600, 100
    most = 0xFFFF - 255 * channels
    each, rest = divmod(most + over, frames)
    one, other = np.zeros((2, frames, channels), np.int8)
    one[:, :each] = 1
    one[:rest, each] = 1
    assert path(lanes, SCALAR, one, other)[1][0] == most + over
    assert assert_alike(lanes, one, other) == (len(widths()) if over < 0 else 0)


def test_signatures_are_never_left_to_the_scalar_code(lanes):
    """Frames of the size of a signature's that lie two standard deviations apart, in every channel."""
    rng = np.random.default_rng(5)
    one, other = np.clip(np.rint(rng.normal(0, 32, (2, 256, 7))), -127, 127).astype(np.int8)
    assert assert_alike(lanes, one, other) == len(widths())


@pytest.mark.parametrize("size", [0, 1, 7, 2047, 2048, 2049, 2050, 2051, 65537])
def test_checksums_are_those_of_zlib(lanes, size):
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    lanes.checksum.restype = ctypes.c_uint32
    assert lanes.checksum(data, ctypes.c_size_t(size)) == zlib.crc32(data)


@pytest.mark.slow
def test_the_small_build_computes_the_same(exercise, plain):
    """Without vector instructions and tables, and small, as for a microcontroller."""
    base = Path(__file__).parents[4] / "sigverify" / "models" / "base.sigmodel"
    small = exercise("-DSV_SMALL", "-Os")
    assert subprocess.run([small, base], capture_output=True, text=True, check=True).stdout == plain
    assert plain.endswith("sound\n")
