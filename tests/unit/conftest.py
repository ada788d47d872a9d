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
        pytest.skip("no PostgreSQL server here: pip install 'sigverify[dev]', or Debian's postgresql")
    server = PostgresServer(binaries)
    yield server
    server.close()
