import contextlib
import sys

import pytest
from postgres_server import PostgresServer, find_binaries


def pytest_collection_finish():
    """Load TensorFlow where tests train or convert, before any loads usearch: after it nothing converts.

    See `converter.tensorflow_backend`.
    """
    if "sigverify.training" in sys.modules:
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


@pytest.fixture
def database(postgres):
    """The address of an empty database on that server."""
    url = postgres.url()
    yield url
    postgres.take_back(url)
