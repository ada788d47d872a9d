"""The wheel and the source package: what is in them, what they say, and that each build gives the same."""

import email
import hashlib
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from sigverify.runtime.native.library import PLACE

ROOT = Path(__file__).parents[2]
EPOCH = "1700000000"  # any: the time that the files in a package are given
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def build(source, folder, **variables):
    """Build both packages of a tree, without a network; return wheel and source package."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=source,
        env={"SOURCE_DATE_EPOCH": EPOCH, "PATH": ""} | variables,
        check=True,
        capture_output=True,
    )
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    pytest.importorskip("hatchling", reason="no hatchling: pip install 'sigverify[dev]'")
    return build(ROOT, tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def unpacked(packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(packages[1]) as archive:
        archive.extractall(folder, filter="data")
    (top,) = folder.iterdir()
    return top


@pytest.fixture(scope="module")
def wheel(packages):
    with zipfile.ZipFile(packages[0]) as archive:
        yield archive


def test_the_wheel_has_what_a_device_needs_and_no_tests(packages, wheel):
    names = set(wheel.namelist())
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "sigverify",
        "converter",
        "firmware_bridge",
    }
    for needed in (
        "sigverify/py.typed",
        "sigverify/models/base.sigmodel",
        "sigverify/models/base-image.sigmodel",
        "sigverify/training/recipes/base.toml",
        "firmware_bridge/kiosk/page/index.html",
        "firmware_bridge/libsigverify/include/sigverify.h",
        "firmware_bridge/c_client/sigverify_client.h",
    ):
        assert needed in names
    assert not [name for name in names if "test_" in name or "__pycache__" in name or name.endswith(".so")]
    assert packages[0].stat().st_size < 4_000_000


def test_the_wheel_says_what_it_is(wheel):
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    said = email.message_from_bytes(wheel.read(path))
    assert said["License-Expression"] == "Apache-2.0"
    assert said.get_all("License-File") == ["LICENSE"]
    assert said["Requires-Python"] == SETTINGS["requires-python"]
    assert said["Description-Content-Type"] == "text/markdown"
    assert said["Summary"] == SETTINGS["description"]
    assert set(said.get_all("Classifier")) == set(SETTINGS["classifiers"])
    assert set(said.get_all("Provides-Extra")) == set(SETTINGS["optional-dependencies"])
    assert said.get_payload().startswith("# sigverify")
    (path,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert b"sigverify = sigverify.cli.entry:main" in wheel.read(path)


def test_the_source_package_has_what_make_needs(packages, unpacked):
    for needed in (
        "Makefile",
        "constraints.txt",
        "pyproject.toml",
        "README.md",
        "SECURITY.md",
        "docs",
        "tests",
    ):
        assert (unpacked / needed).exists()
    assert packages[1].stat().st_size < 6_000_000


def test_each_build_gives_the_same_bytes(packages, unpacked, tmp_path):
    """Of the source package come the wheel and the source package that were built beside it."""
    again = build(unpacked, tmp_path)
    digests = [[hashlib.sha256(each.read_bytes()).hexdigest() for each in pair] for pair in (packages, again)]
    assert digests[0] == digests[1]


def test_a_wheel_for_one_platform_has_the_library_and_says_so(packages, wheel, library_path, tmp_path):
    asked = {
        "SIGVERIFY_WHEEL_LIBRARY": str(library_path),
        "SIGVERIFY_WHEEL_PLATFORM": "manylinux_2_17_riscv64",
    }
    built, source = build(ROOT, tmp_path, **asked)
    assert built.name == packages[0].name.replace("-any", "-manylinux_2_17_riscv64")
    assert source.read_bytes() == packages[1].read_bytes()
    with zipfile.ZipFile(built) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    place = "sigverify/runtime/native/libsigverify.so"
    assert content.pop(place) == library_path.read_bytes()
    told = ("WHEEL", "RECORD")
    assert {name for name in content if not name.endswith(told)} == {
        name for name in wheel.namelist() if not name.endswith(told)
    }
    (said,) = (content[name].decode() for name in content if name.endswith("/WHEEL"))
    assert "Root-Is-Purelib: false\nTag: py3-none-manylinux_2_17_riscv64\n" in said


def test_a_library_that_was_built_here_is_in_no_package(unpacked):
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert f"/{Path(PLACE).relative_to(ROOT)}" in ignored
    assert not list(unpacked.rglob("*.so"))


def test_a_citation_names_the_version_that_is_cited(wheel):
    yaml = pytest.importorskip("yaml", reason="no PyYAML: comes with the tools of developers")
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    assert cited["version"] == email.message_from_bytes(wheel.read(path))["Version"]
    assert cited["license"] == SETTINGS["license"]


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob(".github/**/*.yml"), ROOT / ".pre-commit-config.yaml"]), ids=str
)
def test_files_for_a_public_host_are_well_formed(path):
    yaml = pytest.importorskip("yaml", reason="no PyYAML: comes with the tools of developers")
    assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict)


def test_each_python_that_is_promised_is_tested():
    yaml = pytest.importorskip("yaml", reason="no PyYAML: comes with the tools of developers")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    tested = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    promised = {each.rsplit(" ", 1)[-1] for each in SETTINGS["classifiers"] if "Python :: 3." in each}
    assert set(tested) == promised
