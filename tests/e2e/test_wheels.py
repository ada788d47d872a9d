"""The wheels with libsigverify, as `make wheels` builds them: what they ask for, and what they decide."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import arm_python
import pytest

from firmware_bridge.libsigverify.build import INCLUDE
from sigverify import __version__
from sigverify.experiments.samples import write_samples

WHEELS = os.environ.get("SIGVERIFY_WHEELS")
PYTHON = os.environ.get("SIGVERIFY_PACKAGES_PYTHON")
ARM = os.environ.get("SIGVERIFY_ARM_PYTHON")
pytestmark = pytest.mark.skipif(
    not (WHEELS and PYTHON), reason="no wheels: `make wheels` builds and tests them"
)

MACHINES = ("x86_64", "aarch64", "armv7l")
LIBRARY = "sigverify/runtime/native/libsigverify.so"
LOADED = Path(__file__).parents[1] / "support" / "native" / "loaded.c"
DECIDE = """
import json, sys
from pathlib import Path
import sigverify
from sigverify import Policy, Verifier, read_signature
from sigverify.runtime.native.library import Library

folder, runtime, decided = Path(sys.argv[1]), sys.argv[2], {}
with Verifier.open(":memory:", runtime=runtime, policy=Policy.unguarded()) as verifier:
    verifier.enroll("bob", [read_signature(folder / f"bob-{number}.csv") for number in range(1, 6)])
    for file in sorted(folder.glob("*.csv")):
        decision = verifier.verify("bob", read_signature(file))
        decided[file.stem] = [decision.outcome, decision.reason, decision.score]
its = Library.find().path if runtime == "native" else ""
print(json.dumps({"decided": decided, "library": its, "package": sigverify.__file__}))
"""


def wheel(machine):
    return Path(WHEELS, f"sigverify-{__version__}-py3-none-manylinux_2_17_{machine}.whl")


def run(*command, **variables):
    env = {name: each for name, each in os.environ.items() if name not in ("SIGVERIFY_NATIVE", "PYTHONPATH")}
    env |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"} | variables
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, env=env, cwd="/")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Return a function from a machine to the folder with its wheel's content."""

    def unpack(machine):
        folder = tmp_path_factory.mktemp(machine)
        with zipfile.ZipFile(wheel(machine)) as archive:
            archive.extractall(folder)
        return folder

    return unpack


def test_there_is_one_for_each_platform_and_one_for_all():
    names = {path.name for path in Path(WHEELS).glob("*.whl")}
    assert names == {*(wheel(each).name for each in MACHINES), f"sigverify-{__version__}-py3-none-any.whl"}


def test_the_pure_one_has_no_library():
    with zipfile.ZipFile(Path(WHEELS, f"sigverify-{__version__}-py3-none-any.whl")) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".so")]


@pytest.mark.parametrize("machine", MACHINES)
def test_the_name_is_true(machine, unpacked):
    """An older glibc may do, if the library happens to need nothing newer."""
    said = " ".join(run(PYTHON, "-m", "auditwheel", "show", wheel(machine)).split())
    audited = re.search(
        rf'consistent with the following platform tag: "manylinux_(\d+)_(\d+)_{machine}"', said
    )
    assert tuple(map(int, audited.groups())) <= (2, 17)
    wanted = re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "--version-info", unpacked(machine) / LIBRARY))
    assert max((int(major), int(minor)) for major, minor in wanted) <= (2, 17)


def test_no_processor_is_asked_for_more_than_debian_asks(unpacked):
    said = run("readelf", "--arch-specific", unpacked("armv7l") / LIBRARY)
    assert "Tag_FP_arch: VFPv3-D16" in said
    assert "Advanced_SIMD" not in said


def test_a_second_build_gives_the_same_bytes(tmp_path):
    """By a compiler that remembers nothing of the first one."""
    script = Path(__file__).parents[2] / "distribution" / "wheels.py"
    cache = {"ZIG_GLOBAL_CACHE_DIR": str(tmp_path / "cache")}
    run(PYTHON, script, tmp_path / "wheels", "armv7l", "x86_64", **cache)
    for again in (tmp_path / "wheels").glob("*.whl"):
        assert again.read_bytes() == Path(WHEELS, again.name).read_bytes(), again.name


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures")
    write_samples(folder)
    return folder


@pytest.fixture(scope="module")
def expected(captures):
    """What is decided here without the library."""
    said = json.loads(run(sys.executable, "-c", DECIDE, captures, "litert", SIGVERIFY_NATIVE="off"))
    assert {outcome for outcome, _, _ in said["decided"].values()} == {"accept", "reject"}
    return said["decided"]


def same(decided, expected):
    assert decided.keys() == expected.keys()
    for name, (outcome, reason, score) in decided.items():
        assert [outcome, reason] == expected[name][:2], name
        assert score == pytest.approx(expected[name][2], abs=1e-4), name


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="not an x86-64 machine")
def test_in_an_environment_of_its_own_the_sdk_finds_it(tmp_path, captures, expected):
    """What it depends on is that of this environment."""
    made = venv.EnvBuilder(with_pip=False)
    made.create(tmp_path / "venv")
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", packages, wheel("x86_64"))
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()))
    said = json.loads(run(tmp_path / "venv" / "bin" / "python", "-c", DECIDE, captures, "native"))
    assert said["library"] == str(packages / LIBRARY)
    same(said["decided"], expected)


@pytest.mark.skipif(not ARM, reason="no emulated Python of 64-bit ARM: `make test-arm` makes one")
def test_a_board_of_64_bit_decides_alike(captures, expected, unpacked):
    folder = unpacked("aarch64")
    first = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    said = json.loads(run(ARM, "-c", first + DECIDE, captures, "native"))
    assert said["library"] == str(folder / LIBRARY)
    same(said["decided"], expected)


@pytest.fixture(scope="module")
def computed_here(tmp_path_factory, unpacked):
    """What the library for x86-64 computes."""
    if os.uname().machine != "x86_64":
        pytest.skip("not an x86-64 machine")
    return loaded("x86_64-linux-gnu", unpacked("x86_64"), tmp_path_factory.mktemp("here"))


def loaded(target, content, folder, *emulator):
    """Compile a program for a machine, run it with that machine's library, and return what it prints."""
    program, place = folder / "loaded", (content / LIBRARY).parent
    compile_it = [PYTHON, "-m", "ziglang", "cc", "-target", target, "-O1", "-ffp-contract=off"]
    run(*compile_it, f"-I{INCLUDE}", LOADED, f"-L{place}", "-lsigverify", "-lm", "-o", program)
    search = f"LD_LIBRARY_PATH={place}"
    return run(*(emulator or ["env"]), *(["-E", search] if emulator else [search]), program)


@pytest.mark.parametrize(
    ("machine", "target", "debian", "emulator"),
    [
        ("aarch64", "aarch64-linux-gnu.2.17", "arm64", "qemu-aarch64-static"),
        ("armv7l", "arm-linux-gnueabihf.2.17", "armhf", "qemu-arm-static"),
    ],
)
def test_every_arm_loads_it_and_computes_the_same_bits(
    machine, target, debian, emulator, unpacked, computed_here, tmp_path
):
    lacking = [each for each in (emulator, "apt-get", "dpkg-deb") if shutil.which(each) is None]
    if lacking:
        pytest.skip(f"not here: {', '.join(lacking)} (Debian: apt install qemu-user-static)")
    try:
        arm_python.unpack(tmp_path / "apt", tmp_path / "root", ["libc6"], debian)
    except subprocess.CalledProcessError:
        pytest.skip("Debian's packages for ARM cannot be had here")
    said = loaded(target, unpacked(machine), tmp_path, emulator, "-L", tmp_path / "root")
    assert said.count("\n") > 9000
    assert said == computed_here
