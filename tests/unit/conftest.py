import pytest
from postgres_server import PostgresServer, find_binaries


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
