"""Fuzz targets in C: run by libFuzzer where clang has it, by fuzz_main.c anywhere, and under valgrind."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAIN = Path(__file__).parent / "fuzz_main.c"
SANITIZERS = "address,undefined,float-cast-overflow"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1")
CLANGS = ("clang", *(f"clang-{version}" for version in range(22, 10, -1)))
SECONDS = float(os.environ.get("SIGVERIFY_FUZZ_SECONDS", "0"))
"""How long libFuzzer goes on; 0: a fixed number of runs from a fixed seed."""


def compile_with(compiler, target, *arguments):
    command = [compiler, *STRICT, "-o", target, *arguments]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


def libfuzzer(folder):
    """Return the compiler that has it; skips where none has."""
    empty = folder / "empty.c"
    empty.write_text(
        "#include <stddef.h>\nint LLVMFuzzerTestOneInput(const void *data, size_t size);\n"
        "int LLVMFuzzerTestOneInput(const void *data, size_t size) { return !data && size; }\n"
    )
    for name in filter(shutil.which, CLANGS):
        if compile_with(name, folder / "empty", f"-fsanitize=fuzzer,{SANITIZERS}", empty).returncode == 0:
            return name
    pytest.skip("no clang with libFuzzer here (Debian: apt install clang libclang-rt-dev)")


def fuzz(folder, corpus, runs, *sources):
    """Run a target by libFuzzer, from a corpus of bytes."""
    compiler, seeds = libfuzzer(folder), folder / "corpus"
    checks = (f"-fsanitize=fuzzer,{SANITIZERS}", "-fno-sanitize-recover=all")
    built = compile_with(compiler, folder / "fuzz", *checks, *sources)
    assert built.returncode == 0, built.stderr
    write(corpus, seeds)
    limit = [f"-max_total_time={SECONDS:.0f}"] if SECONDS else [f"-runs={runs}", "-seed=1"]
    options = [*limit, "-max_len=8192", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]
    command = [folder / "fuzz", *options, f"-artifact_prefix={folder}/", seeds]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    print(done.stderr[-1000:])  # noqa: T201  # how far it came; `pytest -rP` shows it
    assert done.returncode == 0, done.stderr[-6000:]  # the input stands at its end, as Base64


def mutating(folder, *sources, valgrind=False):
    """Compile a target with fuzz_main.c, under the sanitizers or for valgrind; return the program."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here (Debian: apt install gcc)")
    checks = () if valgrind else (f"-fsanitize={SANITIZERS}", "-fno-sanitize-recover=all")
    built = compile_with("cc", folder / "mutate", *checks, MAIN, *sources)
    assert built.returncode == 0, built.stderr
    return folder / "mutate"


def mutate(program, folder, corpus, runs, *, before=()):
    """Run what `mutating` compiled on a corpus, by the command `before`; return what it prints."""
    command = [*before, program, runs, *write(corpus, folder / "corpus")]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-6000:]
    assert done.stdout.endswith("sound\n")
    return done.stdout


def memcheck():
    """Return the command that runs a program under valgrind; skips where there is none."""
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind here (Debian: apt install valgrind)")
    return ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full"]


def write(corpus, folder):
    """Write a corpus to files; return them."""
    folder.mkdir()
    files = []
    for number, content in enumerate(corpus):
        files.append(folder / f"{number:03}")
        files[-1].write_bytes(content)
    return files
