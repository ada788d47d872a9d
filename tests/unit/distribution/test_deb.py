"""What is around the Python packages in the Debian package, made of a tree that holds one file of theirs."""

import gzip
import re
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from sigverify import __version__

ROOT = Path(__file__).parents[3]
DEBIAN = ROOT / "distribution" / "debian"
SCRIPTS = ("postinst", "prerm", "postrm")
MAKE = """
import sys
from pathlib import Path
import deb
tree = Path(sys.argv[1], "tree")
packages = tree / deb.PLACE / "lib" / "python3.11" / "site-packages" / "numpy"
for each in ("linalg/tests", "f2py"):
    (packages / each).mkdir(parents=True)
    (packages / each / "some.py").write_text("")
(packages / "kept.py").write_text("")
told = packages.parent / "sigverify-0.dist-info"
told.mkdir()
(told / "METADATA").write_text("")
for name in ("RECORD", "direct_url.json"):
    (told / name).write_text(str(tree))
deb.leave_out(packages.parent)
deb.pack(tree, Path(sys.argv[1]), "arm64", "3.11")
"""


def made(folder):
    """A package, and the tar archives in it: what is installed, and what dpkg reads."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb here: this is no Debian")
    folder.mkdir()
    place = {"PYTHONPATH": f"{ROOT / 'distribution'}:{ROOT}", "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", MAKE, folder], check=True, capture_output=True, env=place)
    return folder / f"sigverify_{__version__}_arm64.deb"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return made(tmp_path_factory.mktemp("deb") / "first")


def opened(package, what):
    """The files that are installed (`--fsys-tarfile`), or those that dpkg reads (`--ctrl-tarfile`)."""
    content = subprocess.run(["dpkg-deb", what, package], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        return {each.name.removeprefix("."): (each, read(archive, each)) for each in archive.getmembers()}


def read(archive, member):
    return archive.extractfile(member).read().decode("latin-1") if member.isfile() else None


@pytest.fixture(scope="module")
def installed(package):
    return opened(package, "--fsys-tarfile")


@pytest.fixture(scope="module")
def told(package):
    return {name.lstrip("/"): each for name, each in opened(package, "--ctrl-tarfile").items()}


def test_it_says_what_it_is(package, told):
    done = subprocess.run(["dpkg-deb", "--info", package], check=True, capture_output=True, text=True)
    for line in (f"Version: {__version__}", "Architecture: arm64", "Package: sigverify"):
        assert f" {line}\n" in done.stdout
    control = told["control"][1]
    assert re.search(r"^Depends: .*python3\.11,.* adduser,.* libstdc\+\+6", control, re.MULTILINE)
    assert 0 < int(re.search(r"^Installed-Size: (\d+)$", control, re.MULTILINE)[1]) < 200


def test_everything_is_roots_and_nobody_else_writes(installed):
    for name, (member, _) in installed.items():
        assert (member.uname, member.gname) == ("root", "root"), name
        if not member.issym():
            runs = member.isdir() or name == "/usr/bin/sigverify"
            assert oct(member.mode) == oct(0o755 if runs else 0o644), name


def test_the_command_is_where_each_unit_says(installed):
    units = {name: content for name, (_, content) in installed.items() if name.endswith(".service")}
    assert {name.rpartition("/")[2] for name in units} == {
        "sigverify.service", "sigverify-kiosk.service", "sigverify-browser.service",
    }  # fmt: skip
    begun = {re.search(r"^ExecStart=(\S+)", each, re.MULTILINE)[1] for each in units.values()}
    assert begun == {"/usr/bin/sigverify", "/usr/bin/cage"}
    launcher = installed["/usr/bin/sigverify"][1]
    interpreter = re.match(r"#!(\S+) -I\n", launcher)[1]
    assert installed[interpreter][0].linkname == "../../../bin/python3.11"
    assert "include-system-site-packages = false" in installed["/usr/lib/sigverify/pyvenv.cfg"][1]


def test_settings_of_the_units_are_kept_by_dpkg(installed, told):
    settings = told["conffiles"][1].splitlines()
    assert settings == ["/etc/sigverify/daemon.conf", "/etc/sigverify/kiosk.conf"]
    units = "".join(content for name, (_, content) in installed.items() if name.endswith(".service"))
    for path in settings:
        assert f"EnvironmentFile=-{path}\n" in units
        (variable,) = re.findall(r"^(\w+)=", installed[path][1], re.MULTILINE)
        assert f" ${variable}\n" in units


def test_no_secret_and_no_data_is_in_it(installed):
    assert not [name for name in installed if name.startswith("/var") or name.endswith((".key", ".db"))]


def test_what_no_device_loads_is_left_out(installed):
    below = {name.partition("/site-packages/")[2] for name in installed}
    assert "numpy/kept.py" in below
    assert not [name for name in below if "tests" in name or "f2py" in name]


def test_what_names_the_builders_folders_is_left_out(installed):
    (folder,) = (name for name in installed if name.endswith(".dist-info"))
    assert [name for name in installed if name.startswith(f"{folder}/")] == [f"{folder}/METADATA"]


def test_the_changelog_is_debians_and_ours_lies_beside(installed):
    folder = "/usr/share/doc/sigverify"
    said = gzip.decompress(installed[f"{folder}/changelog.gz"][1].encode("latin-1")).decode()
    assert said.startswith(f"sigverify ({__version__}) ")
    ours = gzip.decompress(installed[f"{folder}/CHANGELOG.md.gz"][1].encode("latin-1"))
    assert ours == (ROOT / "CHANGELOG.md").read_bytes()


def test_each_build_gives_the_same_bytes(package, tmp_path):
    assert made(tmp_path / "second").read_bytes() == package.read_bytes()


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_well_formed_and_stop_at_an_error(told, name):
    member, content = told[name]
    assert member.mode == 0o755
    assert content.startswith("#!/bin/sh\n")
    assert "\nset -e\n" in content
    subprocess.run(["sh", "-n", DEBIAN / name], check=True)


def test_only_purging_removes_what_people_enrolled():
    for name in SCRIPTS:
        script = (DEBIAN / name).read_text()
        before, _, purge = script.partition('if [ "$1" = purge ]; then\n')
        assert "rm -rf /var" not in before
        assert ("rm -rf /var/lib/sigverify" in purge) is (name == "postrm")
