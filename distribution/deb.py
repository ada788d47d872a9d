"""Build the Debian package: the command, the daemon, the kiosk's page, their units, and all that they import.

    python distribution/deb.py FOLDER [amd64|arm64] [PYTHON]

For Debian 12 and Raspberry Pi OS 12, whose Python is 3.11; "3.13" makes one for Debian 13. The packages that
it imports are carried along, in an environment of their own on the system's interpreter: LiteRT is not in
Debian, and its numpy is older than the one that decisions were tested with. So it installs without a network,
and shares no package with any other program. Needs dpkg-deb.

DEBFULLNAME and DEBEMAIL name the maintainer, SOURCE_DATE_EPOCH the time of all files.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

from device_install import ROOT, install
from wheels import build_wheels

from sigverify import __version__

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
EXTRAS = "bridge,kiosk"
HERE = Path(__file__).parent / "debian"
UNITS = ROOT / "examples" / "systemd"
EPOCH = 1580601600
"""The time of all files where nobody names one: that of hatchling's wheels."""
PLACE = "usr/lib/sigverify"
LAUNCHER = """\
#!/{place}/bin/python3 -I
from sigverify.cli.entry import main

main()
"""
CHANGES = """\
sigverify ({version}) unstable; urgency=medium

  * What changed is in CHANGELOG.md.gz.

 -- {maintainer}  {date}
"""
ENVIRONMENT = "home = /usr/bin\ninclude-system-site-packages = false\n"
"""pyvenv.cfg: what makes a folder with a link to an interpreter an environment of its own."""
LEFT_OUT = (
    "bin",  # started by paths of the machine that builds
    "*.dist-info/direct_url.json",  # names such a path, too
    "*.dist-info/RECORD",  # pip's list of files with sums, also of that one; dpkg has its own
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so",  # 17 MB for a browser's graphics interface
    "ai_edge_litert/tools",
    "ai_edge_litert/vendors",  # compilers for the accelerators of telephones
    "numpy/**/tests",
    "numpy/distutils",  # calls compilers, as the next three
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "PIL/_avif.*",  # a format that is not read here
    "pillow.libs/libavif-*",
    "PIL/_imagingft.*",  # draws text
    "pillow.libs/libfreetype-*",
    "pillow.libs/libharfbuzz-*",
    "**/*.pyi",  # for those who write programs
    "converter",  # needs TensorFlow, as the next two
    "sigverify/training",
    "sigverify/models/*.keras",
)
"""Of what pip installs, what no device ever loads."""


def main():
    """Build one package."""
    folder, *rest = sys.argv[1:]
    architecture, python = (*rest, *("amd64", "3.11")[len(rest) :])
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch, "tree")
        packages = tree / PLACE / "lib" / f"python{python}" / "site-packages"
        machine = MACHINES[architecture]
        (wheel,) = (each for each in build_wheels(Path(scratch), [machine]) if machine in each.name)
        install(packages, f"{wheel}[{EXTRAS}]", machine, python, "--no-compile")
        leave_out(packages)
        package = pack(tree, Path(folder), architecture, python)
        sizes = f"{megabytes([package]):.0f} MB, {megabytes(tree.rglob('*')):.0f} MB on disk"
        sys.stdout.write(f"{package}: {sizes}\n")


def megabytes(files):
    """Return what files take on disk, in units of 2^20 bytes as `du -m` has them."""
    return sum(file.lstat().st_blocks * 512 for file in files) / 2**20


def leave_out(packages):
    """Remove what no device loads."""
    for pattern in LEFT_OUT:
        for each in list(packages.glob(pattern)):
            shutil.rmtree(each) if each.is_dir() else each.unlink()


def pack(tree, folder, architecture, python):
    """Complete a tree that has the Python packages, make a package of it, and return that one's path."""
    lay_out(tree, python)
    control(tree, architecture, python)
    make_alike(tree)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"sigverify_{__version__}_{architecture}.deb"
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(target)]
    subprocess.run(
        command, check=True, stdout=sys.stderr, env=os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    )
    return target


def lay_out(tree, python):
    """Add the environment, the command, units, settings and documents."""
    environment, documents = tree / PLACE, tree / "usr/share/doc/sigverify"
    for each in ("usr/bin", "lib/systemd/system", "etc/sigverify", "usr/share/lintian/overrides"):
        (tree / each).mkdir(parents=True)
    documents.mkdir(parents=True)
    (environment / "bin").mkdir()
    (environment / "bin" / "python3").symlink_to(f"../../../bin/python{python}")
    (environment / "pyvenv.cfg").write_text(ENVIRONMENT)
    (tree / "usr/bin/sigverify").write_text(LAUNCHER.format(place=PLACE))
    for unit in UNITS.glob("*.service"):
        shutil.copy(unit, tree / "lib/systemd/system")
    for settings in HERE.glob("*.conf"):
        shutil.copy(settings, tree / "etc/sigverify")
    shutil.copy(HERE / "copyright", documents)
    shutil.copy(HERE / "lintian-overrides", tree / "usr/share/lintian/overrides/sigverify")
    compressed(documents / "CHANGELOG.md.gz", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    compressed(
        documents / "changelog.gz", CHANGES.format(version=__version__, maintainer=maintainer(), date=date())
    )


def compressed(path, text):
    """Write a document as Debian wants it."""
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def maintainer():
    """Return who answers for the package, as Debian's tools name them."""
    name = os.environ.get("DEBFULLNAME", "The sigverify authors")
    return f"{name} <{os.environ.get('DEBEMAIL', 'authors@sigverify.invalid')}>"


def control(tree, architecture, python):
    """Write what dpkg reads."""
    folder = tree / "DEBIAN"
    folder.mkdir()
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    sums = (f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(tree)}\n"
            for path in files)  # fmt: skip
    (folder / "md5sums").write_text("".join(sums))
    settings = (f"/{path.relative_to(tree)}\n" for path in files if tree / "etc" in path.parents)
    (folder / "conffiles").write_text("".join(settings))
    for script in ("postinst", "prerm", "postrm"):
        shutil.copy(HERE / script, folder)
    said = {
        "version": __version__,
        "architecture": architecture,
        "maintainer": maintainer(),
        "size": sum(-(-path.stat().st_size // 1024) for path in files),
        "python": python,
    }
    (folder / "control").write_text((HERE / "control.in").read_text().format(**said))


def make_alike(tree):
    """Give all files the modes that Debian asks for, and one time, whatever this machine's are."""
    runs = {tree / "usr/bin/sigverify", *(tree / "DEBIAN" / name for name in ("postinst", "prerm", "postrm"))}
    for path in sorted(tree.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path in runs else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def date():
    """Return that time as mail has it."""
    return formatdate(epoch())


def epoch():
    """Return the time of all files, in seconds since 1970."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH))


if __name__ == "__main__":
    main()
