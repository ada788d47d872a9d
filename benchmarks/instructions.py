"""Print how many instructions a verification in C takes, part by part, and how many it could do with.

    python benchmarks/instructions.py [--before REVISION]

Decides what to make faster next, on any machine and however busy it is: the numbers come from valgrind's
callgrind (Debian: valgrind), not from a clock. What another revision of this repository took stands beside,
if one is named. `benchmarks/instructions.c` plays the firmware: the model that ships, LiteRT's library, a
template of five references, twenty probes. valgrind knows no AVX-512: the networks are counted as they run
on processors without it.

The floor of a part is what its numbers alone take, from their sizes: each operation once, as many at once
as fit 32 bytes, and nothing for loading, storing, or deciding what comes next. How many multiplications the
networks have is read from the model, for which TensorFlow has to be installed.

On 64-bit ARM the whole and its networks are counted, by qemu, where there are a cross compiler, a `qemu-
aarch64` that takes plugins, and a package index (Debian: gcc-aarch64-linux-gnu, qemu-user). For a
microcontroller the size of all functions is printed, without the C library, where there is a compiler
(Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi).
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import arm
from native import PROBES, enrolled, invented, written

from firmware_bridge.libsigverify.build import FLAGS, FOLDER, LIBRARIES
from sigverify import Model
from sigverify.errors import SigverifyError
from sigverify.matching.elastic import BAND
from sigverify.modality.pen.features import CHANNELS, FRAMES, SERIES_CHANNELS
from sigverify.modality.pen.pen import PEN
from sigverify.runtime.pair_network import pair_shape

HERE = Path(__file__).parent
REPOSITORY = HERE.parent
COLLECTED = ("sv_verify", "sv_template_import")
AT_ONCE = 32  # bytes of a vector of AVX2
TARGET = 2.0  # a verification beside its networks
EMULATOR = "qemu-aarch64"
PROCESSOR = "cortex-a76"  # of a Raspberry Pi 5; has the dot product that LiteRT is fast by
MICRO = "arm-none-eabi-gcc"
MICRO_FLAGS = (
    "-std=c99",
    "-Os",
    "-mthumb",
    "-mcpu=cortex-m4",
    "-ffp-contract=off",
    "-DSV_NO_LITERT",
    "-DSV_SMALL",
)


@dataclass(frozen=True)
class Part:
    """What some functions take, with all that they call, but for some of that.

    `operations` and `width`: how many there are on numbers of how many bytes, in one of its `runs`.
    """

    name: str
    functions: tuple
    without: tuple = ()
    operations: float = 0
    width: float = 1
    runs: int = PROBES

    def counted(self, taken):
        """Return its instructions in one run, of those of all functions."""
        own = sum(taken.get(name, 0) for name in self.functions)
        return (own - sum(taken.get(name, 0) for name in self.without)) / self.runs


def parts(model, template, probes):
    """Return the parts with what they have to compute."""
    references = len(template.references.extent)
    within = int(BAND * FRAMES)
    cells = FRAMES * (2 * within + 1) - within * (within + 1)
    samples = sum(map(len, probes)) / len(probes)
    steps, depth = pair_shape(PEN)
    pairs = references * len(model.manifest.cues)
    size = len(template.to_bytes())
    networks = ("invoke", "judge")
    aligned = ("svi_find_path",)
    cues = ("svi_trimmed_distance", "svi_tempo_difference", "svi_vector_distance")
    others = ("svi_capture_open", "svi_features", *aligned, "svi_judge", *cues, "svi_score", "invoke")
    return [
        Part("`sv_verify`", ("sv_verify",)),
        Part("its networks, in LiteRT", networks, (), multiplications(model, references)),
        Part("its own code", ("sv_verify",), networks),
        Part("references compared, networks included", ("svi_compare",)),
        # Each cell: differences of bytes added up; the least of three and a sum, of two bytes.
        Part("alignment", aligned, (), references * cells * (SERIES_CHANNELS + 2 * 4)),
        # Each number of what the network sees: a difference, a division and a rounding, of floats.
        Part("inputs of the pair network", ("svi_judge",), ("judge",), references * steps * depth * 3, 4),
        # Each function of time: interpolated, standardized, clipped; floats.
        Part("features", ("svi_features",), (), FRAMES * CHANNELS * 3, 4),
        # Each of the four columns compared with its bounds and copied, as doubles.
        Part("recording checked and repaired", ("svi_capture_open",), (), samples * 4 * 2, 8),
        Part("of that, the clock", ("svi_clock_flaw", "svi_clock_mend"), (), samples * 2, 8),
        # Each frame's cost averaged and compared, in four bytes.
        Part("other cues", cues, (), references * FRAMES * 2, 4),
        # A logarithm for each cue and reference, of 20 operations on doubles.
        Part("scoring", ("svi_score",), (), pairs * 20, 8),
        Part("all else", ("sv_verify",), others),
        # Each byte summed and copied.
        Part("a template imported", ("sv_template_import",), (), size * 2, runs=1),
    ]


def multiplications(model, references):
    """Return those of all networks in one verification; 0 where TensorFlow is not installed."""
    try:
        from converter.edge_tpu import operations

        once, each = (
            sum(each.macs for each in operations(network)) for network in (model.network, model.pair_network)
        )
    except (SigverifyError, ImportError):
        return 0
    return once + references * each


def compiled(folder, target, *, compiler="cc", main=(HERE / "instructions.c",), flags=(*FLAGS, "-shared")):
    """Compile `main` with the sources in `folder`; return the program."""
    sources = [*main, *sorted((folder / "src").glob("*.c"))]
    includes = [f"-I{folder / 'include'}", f"-I{HERE}"]
    line = [compiler, *flags, *includes, "-o", target, *sources, *LIBRARIES]
    subprocess.run([*map(str, line)], check=True)
    return target


def of_revision(revision, folder):
    """Return the folder with libsigverify as it was."""
    inside = FOLDER.relative_to(REPOSITORY)
    line = ["git", "-C", REPOSITORY, "archive", revision, inside]
    packed = subprocess.run([*map(str, line)], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as its:
        its.extractall(folder, filter="data")
    return folder / inside


def counted(program, files, folder):
    """Return how many instructions each function takes with all that it calls, in PROBES verifications."""
    out = folder / f"{program.name}.callgrind"
    toggles = [f"--toggle-collect={each}" for each in COLLECTED]
    line = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *toggles, program, *files]
    subprocess.run([*map(str, line), "verify", str(PROBES)], capture_output=True, check=True)
    line = ["callgrind_annotate", "--inclusive=yes", "--auto=no", "--threshold=100", str(out)]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^\s*([\d,]+) \(.*?\)\s+\S+?:(\w+) \[.*" + re.escape(program.name), said, re.MULTILINE)
    return {name: int(number.replace(",", "")) for number, name in rows}


def table(all_parts, taken, before):
    """Return lines of Markdown; `before` may be None."""
    whole, networks = (part.counted(taken) for part in all_parts[:2])
    earlier = "before | " if before else ""
    lines = [f"| five references | instructions | {earlier}share | floor | times |"]
    lines.append("|---" * (lines[0].count("|") - 1) + "|")
    for part in all_parts:
        now, floor = part.counted(taken), part.operations * part.width / AT_ONCE
        then = f"{part.counted(before):,.0f} | " if before else ""
        beside = f"{floor:,.0f} | {now / floor:.1f}" if floor else " | "
        lines.append(f"| {part.name} | {now:,.0f} | {then}{now / whole:.1%} | {beside} |")
    ratios = [f"{whole / networks:.2f}"]
    if before:
        ratios.append("before " + f"{all_parts[0].counted(before) / all_parts[1].counted(before):.2f}")
    lines += ["", f"A verification beside its networks: {', '.join(ratios)} times (target: {TARGET:g})."]
    return lines


def on_arm(sources, files, folder):
    """Count a verification and its networks on 64-bit ARM: the difference of eleven and of one."""
    folder.mkdir()
    plugin = folder / "count.so"
    line = ["cc", "-O2", "-fPIC", "-shared", "-o", plugin, HERE / "count_instructions.c"]
    subprocess.run([*map(str, line)], check=True)
    program = compiled(sources, folder / "arm", compiler=arm.COMPILER, flags=FLAGS)
    root = arm.sysroot(folder / "root", arm.PROCESSORS[PROCESSOR][1])
    inside = [files[0], arm.fetch(arm.VERSIONS[-1], folder / "wheel"), *files[2:]]
    before = [EMULATOR, "-plugin", plugin, "-cpu", PROCESSOR, "-L", root, program, *inside]

    def counted_of(what):
        totals = []
        for rounds in (1, 11):
            line = [*map(str, before), what, str(rounds)]
            said = subprocess.run(line, capture_output=True, text=True, check=True).stderr
            totals.append(int(re.search(r"instructions: (\d+)", said).group(1)))
        return (totals[1] - totals[0]) / 10

    whole, networks = counted_of("verify"), counted_of("networks")
    board = arm.PROCESSORS[PROCESSOR][0]
    return f"{board}: {whole:,.0f}, its networks {networks:,.0f}: {whole / networks:.2f} times"


def flash(sources, folder):
    """Return bytes of code and constants of all functions, for a Cortex-M4."""
    folder.mkdir()
    for source in (sources / "src").glob("*.c"):
        line = [
            MICRO,
            *MICRO_FLAGS,
            f"-I{sources / 'include'}",
            "-c",
            source,
            "-o",
            folder / f"{source.stem}.o",
        ]
        subprocess.run([*map(str, line)], check=True)
    line = [MICRO.replace("gcc", "size"), "-t", *folder.glob("*.o")]
    said = subprocess.run([*map(str, line)], capture_output=True, text=True, check=True).stdout
    return int(said.splitlines()[-1].split()[0])


def missing(*tools):
    """Return the tools that are not there."""
    return [each for each in tools if shutil.which(each) is None]


def main():
    """Count, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", metavar="REVISION", help="another revision, to stand beside")
    arguments = parser.parse_args()
    if absent := missing("valgrind", "callgrind_annotate", "cc"):
        sys.stdout.write(f"nothing is counted: no {' and no '.join(absent)} here (Debian: valgrind, gcc)\n")
        return
    references, probes = invented()
    model = Model.read("base")
    template = enrolled(model, references)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = written(folder, model, template, probes)
        now = counted(compiled(FOLDER, folder / "now", flags=FLAGS), files, folder)
        earlier = of_revision(arguments.before, folder / "earlier") if arguments.before else None
        before = (
            counted(compiled(earlier, folder / "before", flags=FLAGS), files, folder) if earlier else None
        )
        lines = table(parts(model, template, probes), now, before)
        for revision, sources in (("now", FOLDER), ("before", earlier)):
            if sources and not missing(arm.COMPILER, EMULATOR):
                lines.append(f"{revision}, {on_arm(sources, files, folder / f'arm-{revision}')}")
            if sources and not missing(MICRO):
                lines.append(
                    f"{revision}, Cortex-M4: {flash(sources, folder / f'micro-{revision}'):,} bytes of flash"
                )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
