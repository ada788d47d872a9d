import gc
import os
import shutil
from pathlib import Path

import pytest
from case_counter import CaseCounter
from hypothesis import settings
from made_once import made_once
from postgres_server import PostgresServer, find_binaries

from firmware_bridge.libsigverify.build import build
from sigverify.runtime.native.library import Library

# One machine's speed is no property of the code. The same cases each time, so that a change is judged by what
# it changes; `make fuzz` looks for others, again and again.
settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=50)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# What is tested is numpy, unless a library is named: `make test` goes through much of it again with one.
os.environ.setdefault("SIGVERIFY_NATIVE", "off")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_configure(config):
    """Count the cases of property tests; `make fuzz` says how long to go on."""
    config.pluginmanager.register(CaseCounter(float(os.environ.get("SIGVERIFY_FUZZ_SECONDS", "0"))))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """Keep what was imported and collected from being looked through again and again: a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def state_directory(tmp_path_factory):
    """Keep the user's own key out of the tests: stores opened without one, here and in child processes."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        for name in ("SIGVERIFY_KEY", "SIGVERIFY_KEY_FROM"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="session")
def shared_data():
    """Return a function from a file name to its path among the real data, which skips where it is absent."""
    folder = Path(os.environ.get("SIGVERIFY_DATA", REPOSITORY.parent / "shared" / "data"))

    def find(name):
        if not (folder / name).is_file():
            pytest.skip(
                f"no {name} in {folder}: real signatures are not part of the repository (SIGVERIFY_DATA)"
            )
        return folder / name

    return find


@pytest.fixture(scope="session")
def compiler():
    """The C compiler."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here (Debian: apt install gcc)")
    return "cc"


@pytest.fixture(scope="session")
def library_path(compiler, tmp_path_factory):
    """libsigverify, compiled without a warning, once for all processes that test."""
    flags = ("-shared", "-Wall", "-Wextra", "-Werror", "-pedantic")
    return made_once(
        tmp_path_factory, "libsigverify.so", lambda target: build(target, compiler=compiler, flags=flags)
    )


@pytest.fixture(scope="module")
def core_in_c(request):
    """Let a whole file of tests compute in C, which takes less long; where nothing compiles, in numpy."""
    if shutil.which("cc") is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGVERIFY_NATIVE", str(request.getfixturevalue("library_path")))
        yield


@pytest.fixture(scope="session")
def library(library_path):
    """libsigverify, loaded."""
    return Library(library_path)


@pytest.fixture(scope="session")
def searching_postgres():
    """A PostgreSQL server of our own that has pgvector, made once for all tests of this process."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'sigverify[fleet]'")
    binaries = find_binaries(extension="vector")
    if binaries is None:
        pytest.skip(
            "no PostgreSQL server with pgvector: pip install 'sigverify[dev]', or postgresql-17-pgvector"
        )
    server = PostgresServer(binaries)
    yield server
    server.close()
