"""What CMake installs: a program elsewhere finds it by CMake and by pkg-config, links with it, and runs."""

import re
import shutil
import subprocess

import pytest

from firmware_bridge.libsigverify.build import FOLDER, HEADER
from sigverify import __version__

PROGRAM = """
#include <sigverify.h>
#include <stdio.h>
int main(void)
{
    sv_model *model;
    int status = sv_model_open("no model", 8, &model);
    printf("%s %d %s\\n", SV_VERSION, sv_abi(), sv_status_text(status));
    return status == SV_MALFORMED_MODEL ? 0 : 1;
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C)
find_package(sigverify {version} REQUIRED CONFIG)
add_executable(program program.c)
target_link_libraries(program PRIVATE sigverify::{target})
"""
ABI = re.search(r"#define SV_ABI (\d+)", HEADER.read_text())[1]
SAYS = f"{__version__} {ABI} truncated, altered, or no model file\n"


def run(*line, fails=False, **options):
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False, **options)
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr if fails else done.stdout


@pytest.fixture(scope="module", params=["shared and static", "static, without LiteRT"])
def prefix(request, compiler, tmp_path_factory):
    """Installed, and then moved: nothing in it knows where it was built."""
    if shutil.which("cmake") is None:
        pytest.skip("no CMake here (Debian: apt install cmake)")
    folder = tmp_path_factory.mktemp("cmake")
    options = [
        "-DCMAKE_BUILD_TYPE=Debug",
        "-DCMAKE_C_FLAGS=-Werror",
        f"-DCMAKE_INSTALL_PREFIX={folder}/first",
    ]
    options.append(f"-DCMAKE_C_COMPILER={compiler}")
    if "static," in request.param:
        options += ["-DBUILD_SHARED_LIBS=OFF", "-DSV_LITERT=OFF", "-DCMAKE_INSTALL_LIBDIR=lib/some-machine"]
    run("cmake", "-S", FOLDER, "-B", folder / "build", *options)
    run("cmake", "--build", folder / "build", "--parallel", "2")
    run("cmake", "--install", folder / "build")
    return (folder / "first").rename(folder / "moved")


@pytest.fixture
def shared(prefix):
    return bool(list(prefix.rglob("*.so")))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "program.c"
    path.write_text(PROGRAM)
    return path


def configure(prefix, source, version=__version__, target="sigverify", **options):
    (source.parent / "CMakeLists.txt").write_text(PROJECT.format(version=version, target=target))
    # CMake looks into lib, and into the folder of this machine's name, which the second prefix has not.
    (place,) = (prefix / "lib").rglob("cmake/sigverify")
    by = f"CMAKE_PREFIX_PATH={prefix}" if place.parents[1].name == "lib" else f"sigverify_DIR={place}"
    return run("cmake", "-S", source.parent, "-B", source.parent / "build", f"-D{by}", **options)


def test_both_headers_are_there(prefix):
    installed = {path.name: path.read_bytes() for path in (prefix / "include").iterdir()}
    assert installed == {path.name: path.read_bytes() for path in HEADER.parent.iterdir()}


def test_the_shared_library_is_named_by_its_interface(prefix, shared):
    if not shared:
        assert [path.name for path in prefix.rglob("lib*")] == ["lib", "libsigverify.a"]
        return
    whole, interface, plain = (
        prefix / "lib" / f"libsigverify.so{end}" for end in (f".{ABI}.{__version__}", f".{ABI}", "")
    )
    assert interface.readlink().name == whole.name
    assert plain.resolve() == whole
    assert f"[libsigverify.so.{ABI}]" in run("readelf", "-d", whole)


@pytest.mark.parametrize("target", ["sigverify", "static"])
def test_cmake_finds_it(prefix, source, shared, target):
    configure(prefix, source, target=target)
    run("cmake", "--build", source.parent / "build")
    program = source.parent / "build" / "program"
    assert run(program) == SAYS
    assert ("libsigverify.so" in run("readelf", "-d", program)) is (shared and target == "sigverify")


def test_cmake_refuses_another_version(prefix, source):
    assert "version: 0.1" in configure(prefix, source, version="0.99", fails=True)


@pytest.mark.parametrize("static", [False, True])
def test_pkg_config_finds_it(compiler, prefix, source, shared, static):
    if shutil.which("pkg-config") is None:
        pytest.skip("no pkg-config here (Debian: apt install pkgconf)")
    (folder,) = {path.parent for path in prefix.rglob("sigverify.pc")}
    ask = ["pkg-config", *["--static"][: int(static)], "sigverify"]
    env = {"PKG_CONFIG_PATH": str(folder), "PATH": "/usr/bin:/bin"}
    assert run(*ask, "--modversion", env=env).strip() == __version__
    said = run(*ask, "--cflags", "--libs", env=env).split()
    if static:  # the shared one lies beside it, and would be taken
        said = [str(folder.parent / "libsigverify.a") if each == "-lsigverify" else each for each in said]
    program = source.with_suffix("")
    run(compiler, "-std=c99", "-Werror", source, *said, "-o", program)
    env = {"LD_LIBRARY_PATH": str(folder.parent)} if shared and not static else {}
    assert run(program, env=env) == SAYS
