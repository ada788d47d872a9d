"""Print whether a Raspberry Pi embeds as this machine does, by LiteRT's own ARM library. As Markdown.

    python benchmarks/arm.py

Decides whether error rates and thresholds measured here hold on the device. `arm.c`, with libsigverify in it,
is compiled for 64-bit ARM and run by qemu as the Pi's processors, with the LiteRT library that pip installs
there; all that is kept of a signature is compared with what the same code keeps here. Needs a cross compiler
and qemu (Debian: gcc-aarch64-linux-gnu, qemu-user-static) and a package index.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from native import packed

from firmware_bridge.libsigverify.build import build
from sigverify import Model
from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.runtime.native.embedder import litert_library

COMPILER = "aarch64-linux-gnu-gcc"
SYSROOT = Path("/usr/aarch64-linux-gnu")
VERSIONS = ("2.1.6", "2.3.0")
PROCESSORS = {
    "cortex-a53": ("Raspberry Pi 3", 0xD03),
    "cortex-a72": ("Raspberry Pi 4", 0xD08),
    "cortex-a76": ("Raspberry Pi 5", 0xD0B),
}
CPUINFO = """\
processor\t: 0
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part:#x}
CPU revision\t: 3
"""
WRITERS = 20
SIGNATURES = 10
SOURCE = Path(__file__).with_suffix(".c")


def main():
    """Compare, and print a line for each version and processor."""
    corpus = synthesize(SyntheticConfig(writers=WRITERS, genuine=SIGNATURES, skilled=0, seed=6))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "base.sigmodel").write_bytes(Model.read("base").to_bytes())
        (folder / "captures").write_bytes(b"".join(packed(sample.capture) for sample in corpus.samples))
        here = run(build(folder / "here", flags=(str(SOURCE),)), litert_library(), folder)
        there = build(folder / "there", compiler=COMPILER, flags=(str(SOURCE),))
        lines = [
            "| LiteRT | processor | signatures | bytes of each | bytes that differ |",
            "|---|---|---|---|---|",
        ]
        for version in VERSIONS:
            library = fetch(version, folder / version)
            for processor, (board, part) in PROCESSORS.items():
                root = sysroot(folder / version / processor, part)
                kept = run(there, library, folder, ("qemu-aarch64-static", "-cpu", processor, "-L", root))
                differ = np.count_nonzero(np.frombuffer(kept, np.uint8) != np.frombuffer(here, np.uint8))
                count, size = len(corpus.samples), len(here) // len(corpus.samples)
                lines.append(f"| {version} | {board} ({processor}) | {count} | {size:,} | {differ} |")
    sys.stdout.write("\n".join(lines) + "\n")


def run(program, library, folder, emulator=()):
    """Return what the program writes."""
    line = [*emulator, program, folder / "base.sigmodel", library, folder / "captures"]
    return subprocess.run([*map(str, line)], stdout=subprocess.PIPE, check=True).stdout


def fetch(version, folder):
    """Return LiteRT's library for 64-bit ARM, out of its wheel."""
    tags = [f"--platform=manylinux{tag}_aarch64" for tag in ("2014", "_2_17", "_2_27", "_2_28")]
    pip = [sys.executable, "-m", "pip", "download", "-qqq", "--no-deps", "--only-binary=:all:", *tags]
    subprocess.run([*pip, "--dest", str(folder), f"ai-edge-litert=={version}"], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as its:
        return its.extract("ai_edge_litert/libLiteRt.so", folder)


def sysroot(folder, part):
    """Return a root folder with the cross compiler's libraries, and what that processor says of itself.

    LiteRT reads that, and would find this machine's.
    """
    (folder / "proc").mkdir(parents=True)
    (folder / "lib").symlink_to(SYSROOT / "lib")
    (folder / "proc" / "cpuinfo").write_text(CPUINFO.format(part=part))
    return folder


if __name__ == "__main__":
    main()
