"""`Emulator`: one run of an emulated board of 64-bit ARM, by qemu, from power on to power off or a cut."""

import json
import shutil
import signal
import socket
import subprocess
import time

NEEDED = ("qemu-system-aarch64", "nbdkit")
PROCESSOR = "cortex-a72"
"""Of a Raspberry Pi 4; the board around it is qemu's own, `virt`."""
CORES = 2
MEMORY_MB = 512
"""Of the smallest Raspberry Pi that runs 64 bits: 3 A+ and Zero 2 W."""
PATIENCE_S = 1800.0


class Emulator:
    """A board that runs, its disk served by nbdkit; as a context manager it is cut off at the end.

    The disk has a cache of its own, as real ones have: what the board writes is kept aside until it asks for
    a flush, and only then reaches the file. `cut` kills emulator and disk at once, so that all is lost that
    was not flushed, in the board's memory and in the disk's. It does not show what becomes of a disk that
    says it flushed and did not, or of one that tears a sector, or keeps some of what was not flushed.

    Attributes:
        uart: the path of the unix socket at the other end of /dev/ttyAMA0.
        page: the port of this machine that leads to port 8081 of the board; no other address is reached.
        console: the file that the kernel and systemd write to.
    """

    def __init__(self, image, disk, scratch, *, first=None, flushed_only=True, options=()):
        """Start it.

        Args:
            image: the folder with `vmlinuz` and `initrd`.
            disk: the file of its disk, which is written to.
            scratch: an empty folder with a short path: a unix socket's is 107 bytes at most.
            first: the first program on the disk, systemd where it is None.
            flushed_only: whether the disk has a cache, as described; without one it is quicker.
            options: more of qemu's.
        """
        self.uart, self.console = scratch / "uart", scratch / "console"
        self._disk = None
        self.page = free_port()
        where, cache = str(disk), "unsafe"
        if flushed_only:
            self._disk = serve_disk(disk, scratch / "disk")
            where, cache = f"nbd+unix:///?socket={scratch / 'disk'}", "writeback"
        told = f"console=hvc0 panic=-1 {'' if first is None else f'first={first}'}"
        self.started = time.monotonic()
        self._qemu = subprocess.Popen(
            [
                *("qemu-system-aarch64", "-machine", "virt", "-cpu", PROCESSOR, "-smp", str(CORES)),
                *("-m", str(MEMORY_MB), "-display", "none", "-nodefaults", "-no-reboot"),
                *("-kernel", image / "vmlinuz", "-initrd", image / "initrd", "-append", told),
                # `writeback`: flushes of the board are flushes of the disk; `unsafe`: nobody cuts the power.
                *("-drive", f"if=none,id=disk,format=raw,cache={cache},file={where}"),
                *("-device", "virtio-blk-device,drive=disk", "-device", "virtio-rng-device"),
                *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.page}-:8081"),
                *("-device", "virtio-net-device,netdev=net", "-device", "virtio-serial-device"),
                *("-chardev", f"file,id=console,path={self.console}"),
                *("-device", "virtconsole,chardev=console"),
                # In this order: once the agent's socket is there, the UART's is.
                *("-chardev", f"socket,id=uart,path={self.uart},server=on,wait=off"),
                *("-serial", "chardev:uart"),
                *("-chardev", f"socket,id=agent,path={scratch / 'agent'},server=on,wait=off"),
                *("-device", "virtserialport,chardev=agent,name=agent"),
                *options,
            ]
        )
        self._agent = connected(scratch / "agent")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()

    def run(self, command, code=0):
        """Run a line of the shell there as root, and return what it said; it waits until the board is up."""
        self._agent.sendall(json.dumps({"command": command}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            piece = self._agent.recv(1 << 16)
            if not piece:
                raise AssertionError(f"the board went away during {command!r}: {self.said()}")
            answer += piece
        done = json.loads(answer)
        if done["code"] != code:
            raise AssertionError(f"{command!r} ended with {done['code']}: {done['said'][-3000:]}")
        return done["said"]

    def said(self):
        """Return the end of what the console has."""
        return self.console.read_text(errors="replace")[-3000:] if self.console.exists() else ""

    def cut(self):
        """Cut the power: whatever was under way is gone at this moment."""
        its = [each for each in (self._qemu, self._disk) if each is not None]
        for each in its:
            each.send_signal(signal.SIGKILL)
        for each in its:
            each.wait()
        self._agent.close()

    def power_off(self):
        """Shut down as one does, and wait for the end."""
        self._agent.sendall(b'{"command": "systemctl poweroff --no-block"}\n')
        self.wait()

    def wait(self):
        """Wait until the board switched itself off."""
        self._qemu.wait(PATIENCE_S)
        if self._disk is not None:
            self._disk.terminate()  # by now all is flushed
            self._disk.wait()
        self._agent.close()


def lacking(*more):
    """Return which of the needed programs are not here."""
    return [name for name in (*NEEDED, *more) if shutil.which(name) is None]


def serve_disk(disk, path):
    """Start what serves a disk with a cache that only flushes empty."""
    its = subprocess.Popen(
        ["nbdkit", "--foreground", "--unix", path, "--filter=cache", "file", disk, "cache=writeback"]
    )
    deadline = time.monotonic() + 10
    while not path.exists():
        if its.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("nbdkit serves no disk")
        time.sleep(0.02)
    return its


def connected(path):
    """Return a socket to an emulator's end, which is there shortly after it started."""
    its = socket.socket(socket.AF_UNIX)
    its.settimeout(PATIENCE_S)
    deadline = time.monotonic() + 10
    while True:
        try:
            its.connect(str(path))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return its


def free_port():
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as its:
        its.bind(("127.0.0.1", 0))
        return its.getsockname()[1]
