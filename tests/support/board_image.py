"""Make the disk of an emulated board: Debian for 64-bit ARM with the package; nothing here changes.

    python tests/support/board_image.py [FOLDER PACKAGE]

Debian's packages and kernel come from the mirror that this machine's apt asks. They are set up on the
emulated board itself, and so is the package, without a network. What is there already is kept: Debian as
long as these scripts stay as they are, the package as long as its bytes do. Prints the folder, which has
`vmlinuz`, `initrd`, `installed.raw`, and `installed.log` with what the package's installation said. Without a
folder it only looks whether a board can be made here.

Needs qemu-system-aarch64, nbdkit, debootstrap, apt-get, dpkg-deb, mke2fs, cpio, and root.
"""

import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from arm_python import call, unpack
from debian_root import mirror, release_name
from emulator import Emulator, lacking

PARTS = Path(__file__).parent / "board"
TOOLS = ("debootstrap", "apt-get", "dpkg-deb", "mke2fs", "cpio")
PACKAGES = "systemd,systemd-sysv,udev,python3,adduser,libstdc++6,zlib1g"
KERNEL = ("linux-image-arm64", "busybox-static")
MODULES = (
    "virtio_mmio",
    "virtio_blk",
    "ext4",
    "crc32c_generic",
    "virtio_console",
    "virtio_net",
    "virtio_rng",
)
"""What Debian's kernel does not have in it of what this board has: its own initrd would load them, too."""
DISK_MB = 1536
QUIET = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
)
"""What would begin by itself, and take the emulated processor from what is measured."""
FILES = {
    "etc/fstab": "LABEL=board / ext4 defaults,errors=remount-ro 0 1\n",
    "etc/hostname": "board\n",
    "etc/hosts": "127.0.0.1 localhost board\n",
    "etc/systemd/network/all.network": "[Match]\nType=ether\n\n[Network]\nDHCP=ipv4\n",
    "etc/machine-id": "",
}


def main():
    """Make what is not there yet."""
    missing = lacking(*TOOLS)
    if missing or os.geteuid() != 0:
        raise SystemExit(f"not here: {', '.join([*missing, *(['root'] if os.geteuid() else [])])}")
    if len(sys.argv) == 1:
        return
    folder, package = Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="board-") as scratch:
        debian = made(folder / "debian.raw", digest(*sources()), lambda: make_debian(folder, Path(scratch)))
    with tempfile.TemporaryDirectory(prefix="board-") as scratch:
        wanted = digest(debian.encode(), package.read_bytes())
        made(folder / "installed.raw", wanted, lambda: install(folder, package, Path(scratch)))
    sys.stdout.write(f"{folder}\n")


def sources():
    """Yield all that decides what becomes of Debian, apart from what its mirror has."""
    yield release_name().encode()
    for path in sorted([Path(__file__), *PARTS.iterdir()]):
        yield path.read_bytes()


def digest(*parts):
    """Return the SHA-256 of some bytes, one after the other, in hex."""
    its = hashlib.sha256()
    for each in parts:
        its.update(hashlib.sha256(each).digest())
    return its.hexdigest()


def made(target, wanted, make):
    """Make a file, unless it is there and was made of the same; return what it was made of."""
    noted = target.with_suffix(".made-of")
    if not (target.exists() and noted.exists() and noted.read_text() == wanted):
        noted.unlink(missing_ok=True)
        make()
        noted.write_text(wanted)
    return wanted


def make_debian(folder, scratch):
    """Write `vmlinuz`, `initrd` and `debian.raw`."""
    kernel, root, parts = scratch / "kernel", scratch / "root", scratch / "initrd"
    unpack(scratch / "apt", kernel, KERNEL)
    shutil.copy(next(kernel.glob("boot/vmlinuz-*")), folder / "vmlinuz")
    lay_out_initrd(kernel, parts)
    write_initrd(parts, folder / "initrd")
    release = release_name()
    options = ("--foreign", "--arch=arm64", "--variant=minbase", f"--include={PACKAGES}")
    call("debootstrap", *options, release, root, mirror(release))
    lay_out_root(root)
    disk = scratch / "disk.raw"
    call("mke2fs", "-q", "-t", "ext4", "-L", "board", "-d", root, disk, f"{DISK_MB}M")
    (scratch / "run").mkdir()
    with Emulator(
        folder, disk, scratch / "run", first="/usr/local/lib/board/set_up", flushed_only=False
    ) as board:
        board.wait()
        if "board: set up" not in board.console.read_text(errors="replace"):
            raise SystemExit(f"Debian was not set up: {board.said()}")
    shutil.move(disk, folder / "debian.raw")


def lay_out_initrd(kernel, parts):
    """Lay out what the kernel starts with: a shell, the modules in the order of their needs, and `init`."""
    modules = parts / "lib" / "modules"
    for each in ("bin", "dev", "root", "lib/modules"):
        (parts / each).mkdir(parents=True)
    shutil.copy(kernel / "bin" / "busybox", parts / "bin")
    shutil.copy(PARTS / "init", parts / "init")
    (parts / "init").chmod(0o755)
    there = {
        re.sub(r"\.ko.*", "", path.name).replace("-", "_"): path
        for path in kernel.glob("lib/modules/**/*.ko*")
    }
    order = []

    def add(name):
        if name in order or name not in there:
            return  # in the kernel itself
        path = there[name]
        its = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        for needed in re.search(rb"\0depends=([^\0]*)\0", its)[1].decode().split(","):
            add(needed.replace("-", "_"))
        order.append(name)
        (modules / name).write_bytes(its)

    for name in MODULES:
        add(name)
    (modules / "order").write_text("".join(f"{name}\n" for name in order))


def write_initrd(parts, target):
    """Pack a folder as kernels read it."""
    names = "\n".join(str(path.relative_to(parts)) for path in sorted(parts.rglob("*")))
    packed = subprocess.run(
        ["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"],
        input=names.encode(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=parts,
    )
    target.write_bytes(gzip.compress(packed.stdout, mtime=0))


def lay_out_root(root):
    """Add the board's settings, and what the tests ask it by."""
    own, units = root / "usr/local/lib/board", root / "etc/systemd/system"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    own.mkdir(parents=True)
    for name in ("agent.py", "set_up"):
        shutil.copy(PARTS / name, own)
    (own / "set_up").chmod(0o755)
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(parents=True)
    for unit in PARTS.glob("*.service"):
        shutil.copy(unit, units)
        (wanted / unit.name).symlink_to(f"../{unit.name}")
    (wanted / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")
    for timer in QUIET:
        (units / timer).symlink_to("/dev/null")


def install(folder, package, scratch):
    """Write `installed.raw` and `installed.log`; the package is handed over on a second disk."""
    disk, carrier = scratch / "disk.raw", scratch / "package.raw"
    call("cp", "--sparse=always", folder / "debian.raw", disk)
    shutil.copy(package, carrier)
    with carrier.open("ab") as file:
        file.truncate(-(-carrier.stat().st_size // 512) * 512)  # whole sectors
    (scratch / "run").mkdir()
    drive = ("-drive", f"if=none,id=package,format=raw,readonly=on,file={carrier}")
    drive += ("-device", "virtio-blk-device,drive=package")
    with Emulator(folder, disk, scratch / "run", flushed_only=False, options=drive) as board:
        # The board's own disk is the one with a label; vda and vdb may be either.
        name = "/root/sigverify.deb"
        board.run(
            f"head -c {package.stat().st_size} $(ls /dev/vd? | grep -v $(findmnt -no SOURCE /)) > {name}"
        )
        log = board.run(f"dpkg --install {name}")
        board.power_off()
    (folder / "installed.log").write_text(log)
    shutil.move(disk, folder / "installed.raw")


if __name__ == "__main__":
    main()
