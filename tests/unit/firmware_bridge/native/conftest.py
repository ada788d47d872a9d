import shutil
from pathlib import Path

import pytest

from firmware_bridge.native.binding import NativeLibrary, NativeModel
from firmware_bridge.native.build import build
from sigverify import Model

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
EXERCISE = Path(__file__).parents[3] / "support" / "native" / "exercise.c"


@pytest.fixture(scope="session")
def compiler():
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here (Debian: apt install gcc)")
    return "cc"


@pytest.fixture(scope="session")
def library_path(compiler, tmp_path_factory):
    target = tmp_path_factory.mktemp("native") / "libsigverify.so"
    return build(target, compiler=compiler, flags=("-shared", *STRICT))


@pytest.fixture(scope="session")
def library(library_path):
    return NativeLibrary(library_path)


@pytest.fixture(scope="session")
def base():
    return Model.read("base")


@pytest.fixture
def native_model(library, base):
    its = NativeModel(library, base.to_bytes())
    yield its
    its.close()


@pytest.fixture(scope="session")
def exercise(compiler, tmp_path_factory):
    """A function that compiles tests/support/native/exercise.c with the sources of the library."""

    def compile_with(*flags, compiler=compiler):
        target = tmp_path_factory.mktemp("exercise") / "exercise"
        return build(target, compiler=compiler, flags=(*STRICT, *flags, str(EXERCISE)))

    return compile_with
