import contextlib

import pytest
from postgres_server import PostgresServer, find_binaries

# Before any test loads usearch, after which TensorFlow converts nothing: see converter/tensorflow_backend.py.
with contextlib.suppress(ImportError):
    import tensorflow as tf  # noqa: F401


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


@pytest.fixture(scope="session")
def searching_postgres():
    """A PostgreSQL server of our own that has pgvector, made once for all tests of this process."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'sigverify[fleet]'")
    binaries = find_binaries(extension="vector")
    if binaries is None:
        pytest.skip("no PostgreSQL server with pgvector here (Debian 13: postgresql-17-pgvector)")
    server = PostgresServer(binaries)
    yield server
    server.close()
