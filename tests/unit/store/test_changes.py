"""Following a store: what a search asks for instead of reading everything again."""

import numpy as np
import pytest
from builders import template

from sigverify.errors import UnknownUser
from sigverify.protection.keys import Key
from sigverify.store import MEMORY, START, Mark, SqliteStore
from sigverify.store.backup import backup, restore
from sigverify.store.rekey import rekey


@pytest.fixture
def store():
    with SqliteStore(MEMORY) as its:
        yield its


def follow(store, mark=START, limit=2):
    """All changes after a mark, page by page, and the last mark."""
    names = []
    while page := store.changes("pen", mark, limit=limit):
        assert len(page) <= limit
        assert [change.mark for change in page] == sorted(change.mark for change in page)
        names += [change.user_id for change in page]
        mark = page[-1].mark
    return names, mark


def enroll(store, *names):
    for name in names:
        store.put(template(name, 2, seed=len(name)), replace=True)


def test_an_empty_store(store):
    assert store.changes("pen") == []
    assert (len(store), store.subjects("pen")) == (0, frozenset())


def test_in_order_each_once_with_vectors(store):
    enroll(store, "carol", "alice", "bob")
    names, _ = follow(store)
    assert names == ["carol", "alice", "bob"]
    for change in store.changes("pen"):
        np.testing.assert_array_equal(change.vectors, store.get(change.user_id, "pen").references.vector)
        assert change.vectors.dtype == np.float16
    assert len(store) == 3
    assert store.subjects("pen") == {change.mark.subject for change in store.changes("pen")}


def test_only_what_is_new(store):
    enroll(store, "carol", "alice", "bob")
    _, mark = follow(store)
    assert follow(store, mark) == ([], mark)
    enroll(store, "alice")
    store.touch("carol")
    enroll(store, "dave")
    names, later = follow(store, mark)
    assert names == ["alice", "carol", "dave"]
    assert follow(store, later)[0] == []
    assert sorted(follow(store)[0]) == ["alice", "bob", "carol", "dave"]


def test_who_is_gone_is_no_longer_among_the_subjects(store):
    enroll(store, "carol", "alice")
    gone = {change.user_id: change.mark.subject for change in store.changes("pen")}["carol"]
    _, mark = follow(store)
    before = store.revision()
    store.delete("carol")
    assert store.revision() > before
    assert follow(store, mark)[0] == []
    assert len(store) == 1
    assert gone not in store.subjects("pen")


def test_touching(store):
    enroll(store, "alice")
    before = store.revision()
    store.touch("alice")
    assert store.revision() > before
    with pytest.raises(UnknownUser):
        store.touch("bob")


def test_a_change_that_is_rolled_back_is_none(store):
    enroll(store, "alice")
    _, mark = follow(store)

    def fail():
        with store.transaction():
            store.touch("alice")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert follow(store, mark)[0] == []


def test_everybody_changes_with_a_rekey_and_with_a_restore(tmp_path):
    key = Key.generate()
    with SqliteStore(tmp_path / "its.db", key=key) as store:
        enroll(store, "alice", "bob")
        backup(store, tmp_path / "copy.db")
        enroll(store, "carol")
        _, mark = follow(store)
        subjects = store.subjects("pen")
        rekey(store)
        names, mark = follow(store, mark)
        assert sorted(names) == ["alice", "bob", "carol"]
        assert not subjects & store.subjects("pen")
        restore(tmp_path / "copy.db", tmp_path / "its.db", key=key)
        assert sorted(follow(store, mark)[0]) == ["alice", "bob"]


def test_a_damaged_row_is_left_out_and_does_not_end_the_list(store):
    enroll(store, "alice", "bob", "carol")
    damaged = store.changes("pen")[0].mark.subject
    store.database.execute("UPDATE vectors SET content = x'00' WHERE subject = ?", (damaged,))
    assert follow(store, limit=1)[0] == ["bob", "carol"]


def test_marks_are_in_order_of_revision():
    assert START < Mark(1, b"") < Mark(1, b"\1") < Mark(2, b"")
