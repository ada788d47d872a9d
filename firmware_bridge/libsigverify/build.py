"""Compile libsigverify with the system's C compiler, without CMake: one command, two seconds."""

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sigverify.errors import ConfigError, RuntimeUnavailable

FOLDER: Final = Path(__file__).parent
INCLUDE: Final = FOLDER / "include"
HEADER: Final = INCLUDE / "sigverify.h"
FLAGS: Final = (
    "-std=c99",
    "-O3",
    "-ffp-contract=off",
    "-fno-trapping-math",
    "-fvisibility=hidden",
    "-fPIC",
)
"""Contracted multiply-adds would round features otherwise than numpy does. Nobody looks at the flags that a
comparison raises: so one in a loop may become a vector instruction."""
LIBRARY_BEGINS: Final = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""The first bytes of what is built: on Linux, and on macOS for one kind of processor or several."""
LIBRARIES: Final = ("-lm", "-ldl")


def sources() -> list[Path]:
    """Return the C files, sorted."""
    return sorted((FOLDER / "src").glob("*.c"))


def command(target: Path, *, compiler: str = "cc", flags: Sequence[str] = ("-shared",)) -> list[str]:
    """Return the command that makes `target` of the sources; the compiler may have options of its own."""
    files = [str(each) for each in sources()]
    return [*_words(compiler), *FLAGS, *flags, f"-I{INCLUDE}", "-o", str(target), *files, *LIBRARIES]


def _words(compiler: str) -> list[str]:
    """Split a command as a shell does."""
    try:
        words = shlex.split(compiler)
    except ValueError as error:  # a quote that is not closed
        raise ConfigError(
            "the compiler is no command", expected="such as cc", received=f"{compiler!r}: {error}"
        ) from None
    if not words or not words[0]:
        raise ConfigError("the compiler is no command", expected="such as cc", received=repr(compiler))
    return words


def build(target: Path, *, compiler: str = "cc", flags: Sequence[str] = ("-shared",)) -> Path:
    """Compile the shared library, or with other `flags` something else, to `target`; return that.

    What was there is replaced whole, or not at all: processes that have it loaded keep what they have.

    Raises:
        RuntimeUnavailable: there is no such compiler, it fails, or nothing can be written there.
        ConfigError: `compiler` is no command.
    """
    if shutil.which(_words(compiler)[0]) is None:
        raise RuntimeUnavailable(f"no C compiler {compiler!r} here", hint="Debian: apt install gcc")
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        fresh.touch()  # of a folder that is not there a linker says only that it failed
        done = subprocess.run(  # noqa: S603  # the caller names the compiler
            command(fresh, compiler=compiler, flags=flags), capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = done.stderr.splitlines() or [""]
            first = next((line for line in said if "error" in line), said[0])
            raise RuntimeUnavailable(f"the C compiler fails for {target}", received=first)
        fresh.replace(target)
    except OSError as error:
        raise RuntimeUnavailable(
            f"{target} cannot be written", received=error.strerror or str(error)
        ) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    return target
