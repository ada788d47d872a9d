import shutil

import pytest
from postgres_server import PostgresServer, find_binaries

from firmware_bridge.native.build import build
from sigverify.native.library import Library


@pytest.fixture(scope="session")
def compiler():
    """The C compiler."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here (Debian: apt install gcc)")
    return "cc"


@pytest.fixture(scope="session")
def library_path(compiler, tmp_path_factory):
    """libsigverify, compiled without a warning."""
    target = tmp_path_factory.mktemp("native") / "libsigverify.so"
    strict = ("-Wall", "-Wextra", "-Werror", "-pedantic")
    return build(target, compiler=compiler, flags=("-shared", *strict))


@pytest.fixture(scope="session")
def library(library_path):
    """libsigverify, loaded."""
    return Library(library_path)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of our own, made once for all tests of this process."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'sigverify[fleet]'")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server here: install one (Debian: postgresql) to test fleets")
    server = PostgresServer(binaries)
    yield server
    server.close()
