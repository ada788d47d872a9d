"""Make a Python of 64-bit ARM that runs here, emulated, with the SDK installed from wheels as on a board.

    python tests/support/arm_python.py FOLDER

Debian's packages and the package index are asked for what a board gets: python3 of this Debian release, the
wheel of this repository, and the wheels for ARM of what it depends on, as pinned. Nothing here is changed.
Prints the command that runs it. Needs qemu-aarch64-static (Debian: qemu-user-static), apt-get and dpkg-deb.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
EMULATOR = "qemu-aarch64-static"
NEEDED = (EMULATOR, "apt-get", "dpkg-deb")
WANTED = ("python3", "libpython3-stdlib", "libstdc++6", "zlib1g")
PROCESSOR = "cortex-a72"
CPUINFO = """\
processor\t: 0
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""
"""Of a Raspberry Pi 4. LiteRT reads it, and would find this machine's, which the emulator does not do."""
LAUNCHER = """\
#!/bin/sh
exec {emulator} -cpu {processor} -L {root} -E PYTHONPATH={site} -E LD_LIBRARY_PATH={libraries} \\
    -0 {python} {python} "$@"
"""


def main():
    """Make it, unless it is there."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking:
        raise SystemExit(f"not here: {', '.join(lacking)}")
    folder = Path(sys.argv[1]).absolute()
    root, site, launcher = folder / "root", folder / "site", folder / "python"
    if not (root / "usr" / "bin" / "python3").exists():
        unpack(folder / "apt", root)
    version = (root / "usr" / "bin" / "python3").readlink().name.removeprefix("python")
    install(site, version)
    libraries = ":".join(str(root / name / "aarch64-linux-gnu") for name in ("lib", "usr/lib"))
    python = root / "usr" / "bin" / f"python{version}"
    launcher.write_text(
        LAUNCHER.format(
            emulator=EMULATOR, processor=PROCESSOR, root=root, site=site, libraries=libraries, python=python
        )
    )
    launcher.chmod(0o755)
    sys.stdout.write(f"{launcher}\n")


def unpack(apt, root, wanted=WANTED, architecture="arm64"):
    """Get Debian's packages for ARM, beside those of this machine, and unpack them; none is set up."""
    state, cache = apt / "state", apt / "cache"
    for each in (state / "lists" / "partial", cache / "archives" / "partial"):
        each.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures::": architecture,
        "APT::Sandbox::User": "root",
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": cache,
    }
    command = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    call(*command, "update")
    call(*command, "install", "--yes", "--download-only", "--no-install-recommends", *wanted)
    for package in sorted((cache / "archives").glob("*.deb")):
        call("dpkg-deb", "-x", package, root)
    (root / "proc").mkdir()
    (root / "proc" / "cpuinfo").write_text(CPUINFO)


def install(site, version):
    """Install the SDK's wheel, and what it depends on there."""
    shutil.rmtree(site, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "-qqq", "--disable-pip-version-check"]
        call(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
        (wheel,) = Path(folder).glob("*.whl")
        script = ROOT / "distribution" / "device_install.py"
        call(sys.executable, script, site, f"{wheel}[cli]", "aarch64", version, "--no-compile")


def call(*command):
    """Run a command that has to succeed; what it says goes to standard error."""
    subprocess.run([*map(str, command)], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
