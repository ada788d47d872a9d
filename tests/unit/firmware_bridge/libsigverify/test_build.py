import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firmware_bridge.libsigverify.build import HEADER, INCLUDE, build, command
from sigverify.errors import RuntimeUnavailable
from sigverify.runtime.native.library import Library

MANUAL = Path(__file__).parents[4] / "docs" / "native.md"
FIRMWARE = """
#include <sigverify.h>
#include <stdio.h>
int main(void)
{
    sv_model *model;
    int status = sv_model_open("no model", 8, &model);
    puts(sv_status_text(status));
    return status == SV_MALFORMED_MODEL ? 0 : 1;
}
"""


def run(*line, **options):
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_cxx_may_include_the_header(tmp_path):
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler here (Debian: apt install g++)")
    source = tmp_path / "firmware.cc"
    source.write_text(FIRMWARE)
    strict = ("-Wall", "-Wextra", "-Werror", "-pedantic")
    run("c++", "-std=c++11", *strict, f"-I{INCLUDE}", "-c", source, "-o", tmp_path / "firmware.o")


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_in_the_manual_compile(compiler, tmp_path, number):
    blocks = re.findall(r"```c\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    assert len(blocks) == 2
    source = tmp_path / "example.c"
    source.write_text(blocks[number])
    strict = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
    run(compiler, *strict, f"-I{INCLUDE}", "-c", source, "-o", tmp_path / "example.o")


def test_the_example_in_cxx_compiles(tmp_path):
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler here (Debian: apt install g++)")
    (block,) = re.findall(r"```cpp\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    source = tmp_path / "example.cpp"
    source.write_text(block)
    strict = ("-Wall", "-Wextra", "-Werror", "-pedantic")
    run("c++", "-std=c++17", *strict, f"-I{INCLUDE}", "-c", source, "-o", tmp_path / "example.o")


def test_a_compiler_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RuntimeUnavailable, match="no-such-cc"):
        build(tmp_path / "libsigverify.so", compiler="no-such-cc")


def test_a_compiler_that_fails_says_why(compiler, tmp_path):
    with pytest.raises(RuntimeUnavailable, match="no-such-flag"):
        build(tmp_path / "libsigverify.so", compiler=compiler, flags=("-no-such-flag",))


def test_a_folder_that_is_not_there_is_named(compiler, tmp_path):
    target = tmp_path / "missing" / "libsigverify.so"
    with pytest.raises(RuntimeUnavailable, match=r"libsigverify\.so cannot be written.*No such file"):
        build(target, compiler=compiler)


def test_the_command_is_one_line(tmp_path):
    line = command(tmp_path / "libsigverify.so")
    assert line[0] == "cc"
    assert "-ffp-contract=off" in line


def test_what_is_no_library_does_not_load():
    with pytest.raises(RuntimeUnavailable, match="sigverify native"):
        Library(HEADER)
