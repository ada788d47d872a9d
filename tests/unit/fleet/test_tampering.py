"""Somebody who can write the server's tables, or a kiosk's copy, and has no key."""

import contextlib
import shutil
import sqlite3

import pytest
from builders import template

from sigverify.errors import DamagedStore, StoreError, StoreUnreachable, UnknownUser
from sigverify.fleet import FleetStore
from sigverify.store.ledger import Ledger
from sigverify.store.postgres_counter import PostgresCounter


def execute(url, statement, values=()):
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path TO sigverify")
        found = connection.execute(statement, values)
        return found.fetchall() if found.description else []


def put_bob_back(url, before):
    """Put all that was there of Bob back, so that kiosks follow it as a change."""
    for table, rows in before.items():
        for row in rows:
            marks = ", ".join(["%s"] * len(row))
            execute(url, f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING", row)  # noqa: S608
    execute(url, "UPDATE vectors SET revision = (SELECT revision FROM state)")


@pytest.fixture
def forgotten(kiosk, url):
    """A kiosk that has heard that Bob was forgotten, and what was there of him."""
    store = kiosk("one")
    store.put(template("alice", 1))
    store.put(template("bob", 1, seed=3))
    before = {table: execute(url, f"SELECT * FROM {table}") for table in ("templates", "vectors", "seals")}  # noqa: S608
    store.delete("bob")
    assert store.users() == ("alice",)
    put_bob_back(url, before)
    # Something happens that makes kiosks read.
    execute(url, "INSERT INTO gone VALUES ('x', '', nextval('record_changes'))")
    return store


def test_who_was_put_back_on_the_server_is_not_taken_over(forgotten):
    forgotten._reached().ledger._took_s = 0.0
    with pytest.raises(DamagedStore, match="without its key"):
        forgotten.synchronize()
    # The copy goes on as it was, as when the server is away.
    assert forgotten.users() == ("alice",)
    with pytest.raises(UnknownUser):
        forgotten.get("bob", "pen")


def test_where_they_were_taken_over_nothing_is_decided(forgotten, kiosk, outage, monkeypatch):
    monkeypatch.setattr(Ledger, "compare_if_due", lambda _: None)
    for _ in range(2):
        with pytest.raises(DamagedStore, match="without its key"):
            forgotten.synchronize()
        for ask in (
            forgotten.users,
            lambda: forgotten.get("bob", "pen"),
            lambda: forgotten.get("alice", "pen"),
        ):
            with pytest.raises(DamagedStore, match="Nothing is decided"):
                ask()
    with pytest.raises(DamagedStore):
        kiosk("new")
    forgotten.close()
    with outage(), pytest.raises(StoreUnreachable):
        kiosk("one")


def test_rows_that_are_not_the_newest_are_not_taken_over(kiosk, url):
    one, other = kiosk("one"), kiosk("other")
    one.put(template("alice", 1))
    ((subject, content),) = execute(url, "SELECT subject, content FROM templates")
    one.put(template("alice", 2, seed=5), replace=True)
    execute(url, "UPDATE templates SET content = %s WHERE subject = %s", (content, subject))
    with pytest.raises(DamagedStore, match="not the newest"):
        other.synchronize()
    assert len(one.get("alice", "pen")) == 2


def test_a_lock_out_that_was_removed_from_the_copy(kiosk):
    with kiosk("one") as store:
        store.put(template("alice", 1))
        with store.transaction(local=True) as records:
            records.put("lockout", "alice", b"5 failures")
        path = store.path
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DELETE FROM records WHERE kind = 'lockout'")
        database.execute("DELETE FROM seals WHERE kind = 'lockout'")
        database.commit()
    with pytest.raises(DamagedStore, match="without its key"):
        kiosk("one")


def test_an_older_copy_of_a_kiosks_file_with_a_counter_on_the_server(url, key, tmp_path):
    path, copy = tmp_path / "kiosk.db", tmp_path / "copy.db"

    def opened():
        return FleetStore(url, key=key, cache=path, poll_s=None, counter=PostgresCounter(url))

    with opened() as store:
        store.put(template("alice", 1))
        with store.transaction(local=True) as records:
            records.put("replay", "alice", b"what was seen")
    shutil.copy(path, copy)
    with opened() as store, store.transaction(local=True) as records:
        records.put("replay", "alice", b"what was seen, and one more")
    shutil.copy(copy, path)
    with pytest.raises(StoreError, match="older copy of itself"):
        opened()
