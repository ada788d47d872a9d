"""A transaction is its statement's: no part of it is kept without the rest, and nobody joins what is left."""

import contextlib
import sqlite3

import faults
import pytest
from builders import template

from sigverify.errors import AlreadyEnrolled, StoreError
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.rekey import rekey

KEY = Key(bytes(range(32)))


@pytest.fixture
def store(tmp_path, monkeypatch):
    with faults.faulty_sqlite(monkeypatch), SqliteStore(tmp_path / "store.db", key=KEY) as its:
        its.put(template("alice"))
        yield its


def failing(number, kind):
    faults.Faulty.statements = faults.Statements(number, faults.SQLITE_FAULTS[kind])


def test_a_part_that_was_interrupted_is_not_committed_by_a_body_that_goes_on(store):
    with pytest.raises(StoreError, match="was interrupted"), store.transaction() as records:  # noqa: PT012
        records.put("kind", "bob", b"before")
        with contextlib.suppress(TimeoutError), store.transaction():
            records.put("kind", "bob", b"half")
            raise TimeoutError
    assert store.read_record("kind", "bob") is None


def test_a_part_that_failed_is_not_committed_either(store):
    with pytest.raises(StoreError, match="was interrupted"), store.transaction():  # noqa: PT012
        failing(4, "an I/O error")
        with contextlib.suppress(StoreError):
            store.put(template("bob"))
    assert store.users() == ("alice",)


def test_a_refusal_is_no_interruption(store):
    with store.transaction() as records:
        with contextlib.suppress(AlreadyEnrolled):
            store.put(template("alice"))
        records.put("kind", "bob", b"all of it")
    assert store.read_record("kind", "bob") == b"all of it"


def test_nothing_is_kept_after_the_database_rolled_back_by_itself(store):
    with pytest.raises(StoreError), store.transaction() as records:  # noqa: PT012
        failing(2, "a full disk")
        with contextlib.suppress(sqlite3.OperationalError):
            records.put("kind", "bob", b"first")
        records.put("kind", "carol", b"second")
    assert store.records("kind") == {}


def test_a_change_within_reading_is_refused(store):
    with pytest.raises(StoreError, match="within reading"), store.reading():
        store.put(template("bob"))
    assert store.users() == ("alice",)


def test_after_rekeys_that_failed_the_store_opens(store):
    """Their keys come and go; the one that opens what is there stays."""
    for _ in range(3):
        with store.reading():
            before = store.get("alice", "pen").to_bytes()
        with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012
            rekey(store, Key.generate())
            raise ZeroDivisionError
        assert store.key is KEY
        assert store.get("alice", "pen").to_bytes() == before
    new = Key(bytes(range(1, 33)))
    rekey(store, new)
    assert store.users() == ("alice",)
    assert store.key is new


@pytest.fixture
def statements(store):
    """Return what notes each statement that reads a record."""
    found = []
    really = store.database.execute

    def noted(statement, values=()):
        if "LEFT JOIN records" in statement:
            found.append(values)
        return really(statement, values)

    store.database.execute = noted
    yield found
    del store.database.execute


def test_a_record_is_read_once_in_a_transaction(store, statements):
    with store.transaction() as records:
        records.put("kind", "alice", b"one")
    with store.transaction() as records:
        assert [records.get("kind", who) for who in ("alice", "bob") * 3] == [b"one", None] * 3
        assert len(statements) == 2
        records.put("kind", "alice", b"two")
        records.put("kind", "bob", b"")
        assert [records.get("kind", who) for who in ("alice", "bob")] == [b"two", b""]
        records.delete("kind", "alice")
        assert records.get("kind", "alice") is None
        assert len(statements) == 2
    assert [store.read_record("kind", who) for who in ("alice", "bob")] == [None, b""]
    assert len(statements) == 4


def test_what_was_rolled_back_is_not_remembered(store):
    with pytest.raises(ZeroDivisionError), store.transaction() as records:  # noqa: PT012
        records.put("kind", "alice", b"one")
        raise ZeroDivisionError
    with store.transaction() as records:
        assert records.get("kind", "alice") is None


def test_a_record_that_another_process_writes_is_read_anew(store):
    with store.transaction() as records:
        records.put("kind", "alice", b"one")
        assert records.get("kind", "alice") == b"one"
    with SqliteStore(store.path, key=KEY) as other, other.transaction() as records:
        records.put("kind", "alice", b"two")
    with store.transaction() as records:
        assert records.get("kind", "alice") == b"two"


def test_who_reads_more_records_than_are_kept_in_mind_gets_each(store):
    names = [str(number) for number in range(150)]
    with store.transaction() as records:
        for name in names:
            records.put("kind", name, name.encode())
        assert [records.get("kind", name) for name in names] == [name.encode() for name in names]
