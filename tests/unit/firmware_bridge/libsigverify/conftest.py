from pathlib import Path

import pytest
from native_core import NativeModel

from firmware_bridge.libsigverify.build import build
from sigverify import Model

STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
EXERCISE = Path(__file__).parents[3] / "support" / "native" / "exercise.c"


@pytest.fixture(scope="session")
def base():
    return Model.read("base")


@pytest.fixture
def native_model(library, base):
    return NativeModel(library, base.to_bytes())


@pytest.fixture(scope="session")
def exercise(compiler, tmp_path_factory):
    """A function that compiles tests/support/native/exercise.c with the sources of the library."""

    def compile_with(*flags, compiler=compiler):
        target = tmp_path_factory.mktemp("exercise") / "exercise"
        return build(target, compiler=compiler, flags=(*STRICT, *flags, str(EXERCISE)))

    return compile_with
