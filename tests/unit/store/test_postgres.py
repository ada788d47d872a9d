"""What only a server does; what every store does is in test_contract.py."""

import sys
import threading

import pytest
from builders import template
from in_threads import in_threads

from sigverify.errors import DamagedStore, MissingExtra, StoreError, StoreUnreachable, WrongKey
from sigverify.protection.keys import Key
from sigverify.store import is_server
from sigverify.store.check import Part, check, repair
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey

KEY = Key(bytes(range(32)))


@pytest.fixture
def url(database):
    return database


@pytest.fixture
def store(url):
    with PostgresStore(url, key=KEY) as opened:
        yield opened


def test_what_names_a_server():
    assert is_server("postgresql://db/fleet")
    assert is_server("postgres:///fleet")
    assert not is_server("postgresql.db")


def test_several_kiosks_make_one_store_at_the_same_moment(url):
    ready, opened = threading.Barrier(5), []

    def make(_):
        ready.wait()
        with PostgresStore(url, key=KEY) as store:
            opened.append(store.fleet_head().salt)

    in_threads(5, make)
    assert len(opened) == 5
    assert len(set(opened)) == 1


def test_no_store_there(url):
    with pytest.raises(StoreError, match="no store at"):
        PostgresStore(url, key=KEY, create=False)


@pytest.mark.usefixtures("store")
def test_a_store_of_another_version(url, postgres):
    postgres.execute("UPDATE sigverify.version SET version = 99", url)
    with pytest.raises(StoreError, match="another version"):
        PostgresStore(url, key=KEY)


@pytest.mark.usefixtures("store")
def test_another_key(url):
    with pytest.raises(WrongKey):
        PostgresStore(url, key=Key.generate())


def test_no_such_database_is_no_outage(url):
    with pytest.raises(StoreError, match="does not exist") as caught:
        PostgresStore(url.replace("fleet", "other"), key=KEY)
    assert not isinstance(caught.value, StoreUnreachable)


def test_a_role_that_may_only_read(store, url, postgres):
    store.put(template("alice"))
    postgres.execute("DROP ROLE IF EXISTS reader", url)
    postgres.execute("CREATE ROLE reader LOGIN", url)
    postgres.execute("GRANT USAGE ON SCHEMA sigverify TO reader", url)
    postgres.execute("GRANT SELECT ON ALL TABLES IN SCHEMA sigverify TO reader", url)
    with PostgresStore(url.replace("tester@", "reader@"), key=KEY) as reader:
        assert reader.users() == ("alice",)
        with pytest.raises(StoreError, match="permission denied"):
            reader.put(template("bob"))
    postgres.execute("DROP OWNED BY reader", url)


def test_without_psycopg(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"sigverify\[fleet\]"):
        PostgresStore("postgresql:///fleet", key=KEY)


def test_damage_is_found_row_by_row_and_repaired(store):
    for number in range(4):
        store.put(template(f"user-{number}", 1, seed=number))
    with store.transaction() as records:
        records.put("lockout", "user-0", b"tries")
    with store.changing() as rows:
        user = rows.user("user-1")
        other = rows.user("user-2")
        store.database.execute("UPDATE templates SET content = ? WHERE subject = ?", (bytes(4000), user))
        store.database.execute("UPDATE vectors SET content = ? WHERE subject = ?", (bytes(100), other))
    assert [(each.part, each.row) for each in check(store).findings] == [
        (Part.VECTORS, other.hex()),
        (Part.TEMPLATES, "user-1"),
    ]
    with pytest.raises(DamagedStore):
        store.get("user-1", "pen")
    assert repair(store).sound
    assert store.users() == ("user-0", "user-2", "user-3")


def test_rekeying_is_one_transaction(store, url):
    before = template("alice", 3)
    store.put(before)
    with store.transaction() as records:
        records.put("lockout", "alice", b"tries")
        records.append("audit", b"came")
    secret, new = store.secret("audit"), Key.generate()

    class Cut(Exception):
        pass

    with pytest.raises(Cut), store.transaction():  # noqa: PT012, it is raised after the rekey
        rekey(store, new)
        raise Cut
    with PostgresStore(url, key=KEY) as again:
        assert again.get("alice", "pen").to_bytes() == before.to_bytes()
    assert rekey(store, new) == 1
    with PostgresStore(url, key=new) as again:
        assert again.get("alice", "pen").to_bytes() != before.to_bytes()
        assert again.read_record("lockout", "alice") == b"tries"
        assert again.journal("audit") == [(1, b"came")]
        assert again.secret("audit") == secret
        assert check(again).sound


def test_a_statement_that_fails_within_a_transaction_rolls_all_back(store):
    with pytest.raises(StoreError, match=r"rolled back|aborted"), store.changing():  # noqa: PT012, it fails late
        store.put(template("alice"))
        with pytest.raises(store.database._driver.Error):
            store.database.execute("SELECT nothing FROM nowhere")
    assert store.users() == ()
    store.put(template("bob"))


def test_changes_of_records_come_in_order_and_once(store):
    kinds = ("lockout", "groups")
    with store.transaction() as records:
        for subject in ("alice", "bob", "carol"):
            records.put("lockout", subject, b"1")
        records.put("other", "alice", b"")
    first = store.sealed_records(kinds, after=0, limit=10)
    assert [each.kind for each in first] == ["lockout"] * 3
    assert store.fleet_head().changed == first[-1].changed + 1
    with store.transaction() as records:
        records.put("lockout", "alice", b"2")
        records.delete("lockout", "bob")
        records.delete("lockout", "nobody")
    changed, gone = store.sealed_records(kinds, after=first[-1].changed, limit=10)
    with store.reading() as rows:
        assert rows.open_record(*changed[1:]) == ("alice", b"2")
        assert (gone.subject, gone.content) == (rows.subject("lockout", "bob"), None)
    with store.transaction() as records:
        records.put("lockout", "bob", b"3")
    assert [each.content is None for each in store.sealed_records(kinds, after=0, limit=10)] == [False] * 3
