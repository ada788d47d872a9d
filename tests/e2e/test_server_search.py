"""A service of identification on a PostgreSQL server with pgvector: a daemon that holds no vectors."""

from builders import signature
from running_daemon import answering, eventually

from firmware_bridge.client import Client
from sigverify import Key, Verifier
from sigverify.search.server_finder import make_vectors
from sigverify.store.postgres import PostgresStore

NAMES = ("ann", "bob", "cleo")


def test_a_daemon_finds_whoever_was_enrolled_elsewhere(serve, path, searching_postgres, tmp_path):
    url, key = searching_postgres.url(), Key.generate()
    searching_postgres.execute("CREATE EXTENSION vector", url)
    key.to_file(tmp_path / "fleet.key")
    with PostgresStore(url, key=key) as store:
        make_vectors(store)
    where = ("--socket", path, "--store", url, "--key", tmp_path / "fleet.key", "--index", "server")
    serve(*where, "--allow", "identify", "--allow", "forget")
    with (
        Verifier.open(url, key=key, cache=tmp_path / "kiosk.db") as kiosk,
        Client(path) as client,
    ):
        eventually(lambda: answering(client), 30)
        for writer, name in enumerate(NAMES):
            kiosk.enroll(name, [signature(writer, k) for k in range(5)], quality="record")
        for writer, name in enumerate(NAMES):
            assert client.identify(signature(writer, 9), top_k=1)[0].user_id == name
        client.forget("bob")
        assert "bob" not in [match.user_id for match in client.identify(signature(1, 10))]
