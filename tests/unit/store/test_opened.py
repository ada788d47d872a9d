"""Templates that were opened before: only the bytes that opened, where they did, and nobody who is gone."""

from dataclasses import replace

import pytest
from builders import template

from sigverify.errors import DamagedStore, UnknownUser
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.rekey import rekey
from sigverify.store.rows import Rows

KEY = Key(bytes(range(32)))


@pytest.fixture
def path(tmp_path):
    with SqliteStore(tmp_path / "store.db", key=KEY) as store:
        for number, user in enumerate(("alice", "bob")):
            store.put(template(user, 2, seed=number))
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    with SqliteStore(path, key=KEY) as its:
        yield its


@pytest.fixture
def unsealed(monkeypatch):
    """Return what notes each template that is really opened."""
    opened, really = [], Rows.open_template

    def noted(self, user, *rest):
        its = really(self, user, *rest)
        opened.append(its.user_id)
        return its

    monkeypatch.setattr(Rows, "open_template", noted)
    return opened


def kept(store):
    return store._opened._kept[1]


def test_who_comes_again_is_not_opened_anew(store, unsealed):
    first = store.get("alice", "pen")
    assert store.get("alice", "pen") is first
    store.get("bob", "pen")
    assert unsealed == ["alice", "bob"]


def test_what_is_shared_cannot_be_written_to(store):
    its = store.get("alice", "pen")
    plain = its.restored(store.renewal.restore)
    assert its.restored(store.renewal.restore) is plain
    for array in (its.spread, its.references.series, its.references.vector, plain.series, plain.vector):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize(
    "change", ["UPDATE templates SET content = zeroblob(length(content))", "DELETE FROM templates"]
)
def test_a_row_that_was_altered_meanwhile_is_not_used(store, path, change):
    store.get("alice", "pen")
    with SqliteStore(path, key=KEY) as other, other.transaction():
        other.database.execute(change)
    with pytest.raises(DamagedStore):
        store.get("alice", "pen")


def test_rows_that_changed_places_do_not_open(store, path):
    """With their marks, so that nothing but the seal tells."""
    store.get("alice", "pen"), store.get("bob", "pen")
    with SqliteStore(path, key=KEY, compare=False) as other, other.database.changing():
        execute = other.database.execute
        for read, write in (
            ("SELECT subject, content FROM templates", "UPDATE templates SET content = ? WHERE subject = ?"),
            ("SELECT subject, mark FROM seals", "UPDATE seals SET mark = ? WHERE subject = ?"),
        ):
            (one, its), (two, of_other) = execute(read).fetchall()
            execute(write, (of_other, one))
            execute(write, (its, two))
    for user in ("alice", "bob"):
        with pytest.raises(DamagedStore):
            store.get(user, "pen")


def test_what_another_process_replaced_is_read_anew(store, path, unsealed):
    store.get("alice", "pen")
    with SqliteStore(path, key=KEY) as other:
        other.put(replace(template("alice", 3, seed=9)), replace=True)
    assert len(store.get("alice", "pen")) == 3
    assert unsealed == ["alice", "alice"]


def test_after_a_rekey_it_is_opened_by_the_new_key(store, unsealed):
    before = store.get("alice", "pen")
    rekey(store, Key(bytes(range(1, 33))))
    del unsealed[:]
    assert store.get("alice", "pen") is not before
    assert unsealed == ["alice"]


def test_nobody_who_is_forgotten_stays(store, path):
    store.get("alice", "pen")
    store.delete("alice")
    assert not kept(store)
    with pytest.raises(UnknownUser):
        store.get("alice", "pen")
    store.get("bob", "pen")
    with SqliteStore(path, key=KEY) as other:
        other.put(template("carol", 2))
        other.delete("bob")
    store.get("carol", "pen")
    assert [its.template.user_id for its in kept(store).values()] == ["carol"]


def test_it_keeps_few(store):
    for number in range(20):
        store.put(template(f"user {number}", 1, seed=number))
    for number in range(20):
        store.get(f"user {number}", "pen")
    assert 0 < len(kept(store)) <= 16
