import subprocess
from pathlib import Path

import pytest
from made_once import made_once
from native_core import NativeModel

from firmware_bridge.libsigverify.build import FLAGS, INCLUDE, LIBRARIES, build
from sigverify import Model

MODEL = Path(__file__).parents[4] / "sigverify" / "models" / "base.sigmodel"
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")
EXERCISE = Path(__file__).parents[3] / "support" / "native" / "exercise.c"


@pytest.fixture(scope="session")
def base():
    return Model.read("base")


@pytest.fixture
def native_model(library, base):
    return NativeModel(library, base.to_bytes())


@pytest.fixture(scope="session")
def internals(compiler, tmp_path_factory):
    """The library with its internal functions exported, optimized as it ships."""
    flags = ("-shared", "-fvisibility=default")
    return made_once(
        tmp_path_factory, "internals.so", lambda target: build(target, compiler=compiler, flags=flags)
    )


@pytest.fixture(scope="session")
def exercise(compiler, tmp_path_factory):
    """A function that compiles tests/support/native/exercise.c with the sources of the library."""

    def compile_with(*flags, compiler=compiler):
        target = tmp_path_factory.mktemp("exercise") / "exercise"
        return build(target, compiler=compiler, flags=(*STRICT, *flags, str(EXERCISE)))

    return compile_with


@pytest.fixture(scope="session")
def plain(compiler, internals, tmp_path_factory):
    """What tests/support/native/exercise.c prints, by the library as it ships."""
    target = tmp_path_factory.mktemp("exercise") / "plain"
    place = [f"-I{INCLUDE}", "-o", target, EXERCISE, internals, f"-Wl,-rpath,{internals.parent}", *LIBRARIES]
    subprocess.run([compiler, *FLAGS, *STRICT, *place], check=True)
    done = subprocess.run([target, MODEL], capture_output=True, text=True, check=True)
    return done.stdout
