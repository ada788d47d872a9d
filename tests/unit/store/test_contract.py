"""What every store does, whichever database it is in."""

import contextlib

import numpy as np
import pytest
from builders import template
from in_threads import in_threads

from sigverify.errors import AlreadyEnrolled, ConfigError, DamagedStore, StoreError, UnknownUser
from sigverify.fleet import FleetStore
from sigverify.protection.keys import Key
from sigverify.store import MEMORY, START, SqliteStore
from sigverify.store.postgres import PostgresStore
from sigverify.store.sealed import SealedStore

KEY = Key(bytes(range(32)))
OTHER_MODEL = "f" * 16


def opened(kind, request):
    if kind == "memory":
        return SqliteStore(MEMORY)
    path = request.getfixturevalue("tmp_path") / "store.db"
    if kind == "file":
        return SqliteStore(path, key=KEY)
    url = request.getfixturevalue("database")
    return PostgresStore(url, key=KEY) if kind == "server" else FleetStore(url, key=KEY, cache=path)


@pytest.fixture(params=["file", "memory", "server", "fleet"])
def store(request):
    with opened(request.param, request) as its:
        yield its


def test_put_get_delete(store):
    assert store.users() == ()
    assert store.models() == {}
    before = template("bob")
    store.put(before)
    store.put(template("alice", 1))
    assert store.users() == ("alice", "bob")
    assert store.models() == {"pen": before.model_id}
    assert store.get("bob", "pen").to_bytes() == before.to_bytes()
    store.delete("bob")
    assert store.users() == ("alice",)
    with pytest.raises(UnknownUser, match="'bob' is not enrolled"):
        store.get("bob", "pen")
    with pytest.raises(UnknownUser):
        store.delete("bob")


def test_enrolled_twice_needs_replace(store):
    store.put(template("alice", 5))
    with pytest.raises(AlreadyEnrolled, match="replace=True"):
        store.put(template("alice", 3))
    assert len(store.get("alice", "pen")) == 5
    store.put(template("alice", 3), replace=True)
    assert len(store.get("alice", "pen")) == 3
    assert [len(change.vectors) for change in store.changes("pen")] == [3]


def test_one_model_a_store(store):
    store.put(template("alice"))
    with pytest.raises(StoreError, match="of another model"):
        store.put(template("bob", model_id=OTHER_MODEL))
    assert store.users() == ("alice",)
    store.delete("alice")
    store.put(template("bob", model_id=OTHER_MODEL))
    assert store.models() == {"pen": OTHER_MODEL}


def test_replacing_the_only_user_may_change_the_model(store):
    store.put(template("alice"))
    store.put(template("alice", model_id=OTHER_MODEL), replace=True)
    assert store.models() == {"pen": OTHER_MODEL}


def test_changes_hold_every_reference_once(store):
    assert store.changes("pen") == []
    for user, count in {"carol": 2, "alice": 5, "bob": 1}.items():
        store.put(template(user, count))
    changes = {change.user_id: change.vectors for change in store.changes("pen")}
    assert {user: len(vectors) for user, vectors in changes.items()} == {"carol": 2, "alice": 5, "bob": 1}
    np.testing.assert_array_equal(changes["carol"], store.get("carol", "pen").references.vector)


def test_revision_rises_with_every_change_and_with_nothing_else(store):
    revisions = [store.revision()]
    for change in (
        lambda: store.put(template("alice")),
        lambda: store.put(template("alice"), replace=True),
        lambda: store.delete("alice"),
    ):
        change()
        revisions.append(store.revision())
    assert revisions == sorted(set(revisions))
    with pytest.raises(UnknownUser):
        store.delete("alice")
    assert store.revision() == revisions[-1]


@pytest.mark.parametrize("user_id", ["", "a\0b", "a" * 257])
def test_impossible_user_ids(store, user_id):
    with pytest.raises(ConfigError):
        store.get(user_id, "pen")


def test_a_change_that_fails_halfway_leaves_nothing(store, monkeypatch):
    store.put(template("alice"))

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(SealedStore, "_bind", fail)
    with pytest.raises(KeyboardInterrupt):
        store.put(template("bob"))
    monkeypatch.undo()
    assert store.users() == ("alice",)
    store.put(template("carol"))


def test_many_threads(store):
    def work(number):
        for turn in range(5):
            store.put(template(f"user-{number}", 1, seed=number), replace=turn > 0)
            store.get(f"user-{number}", "pen")

    in_threads(6, work)
    assert len(store.users()) == 6
    assert store.revision() >= 6


def test_records_and_journals(store):
    with store.transaction() as records:
        records.put("lockout", "bob", b"no tries")
        records.put("lockout", "alice", b"two tries")
        records.put("lockout", "alice", b"three tries")
        assert records.get("lockout", "alice") == b"three tries"
        assert records.get("lockout", "carol") is None
        assert records.last("audit") is None
        assert [records.append("audit", b"alice came"), records.append("audit", b"bob came")] == [1, 2]
        assert records.last("audit") == (2, b"bob came")
        assert records.append("other", b"") == 1
        records.delete("lockout", "bob")
        records.delete("lockout", "carol")
    with store.transaction() as records:
        assert records.get("lockout", "alice") == b"three tries"
        assert records.get("lockout", "bob") is None


@pytest.mark.parametrize("durable", [True, False])
def test_what_a_try_writes_is_there_at_once(store, durable):
    with store.transaction(durable=durable, local=True) as records:
        records.put("lockout", "alice", b"three tries")
        records.put("lockout", "", b"of the device")
        records.append("audit", b"alice came")
        records.append("audit", b"bob came")
        with store.transaction(local=True) as joined:
            assert joined.get("lockout", "alice") == b"three tries"
    assert store.read_record("lockout", "alice") == b"three tries"
    assert store.read_record("lockout", "carol") is None
    assert store.records("lockout") == {"": b"of the device", "alice": b"three tries"}
    assert store.journal("audit") == [(1, b"alice came"), (2, b"bob came")]
    assert store.journal("audit", after=1, limit=5) == [(2, b"bob came")]
    assert store.journal("audit", limit=1) == [(1, b"alice came")]


def test_nothing_of_a_transaction_that_fails_is_kept(store):
    store.put(template("bob", 1))
    revision = store.revision()
    with contextlib.suppress(ZeroDivisionError), store.transaction() as records:
        records.put("lockout", "alice", b"four tries")
        records.append("audit", b"carol came")
        store.put(template("carol"))
        store.delete("bob")
        assert store.users() == ("carol",)
        raise ZeroDivisionError
    assert store.users() == ("bob",)
    assert store.revision() == revision
    with store.transaction() as records:
        assert records.get("lockout", "alice") is None
        assert records.last("audit") is None


def test_a_transaction_sees_what_it_wrote(store):
    with store.transaction():
        store.put(template("alice"))
        assert store.get("alice", "pen").user_id == "alice"
        assert len(store) == 1
        assert store.models() == {"pen": template().model_id}
        with store.transaction() as joined:
            joined.put("groups", "alice", b"[]")
        assert store.read_record("groups", "alice") == b"[]"


def test_changes_can_be_followed(store):
    for number, user in enumerate(("alice", "bob", "carol")):
        store.put(template(user, 2, seed=number))
    first = store.changes("pen", limit=2)
    assert [change.user_id for change in first] == ["alice", "bob"]
    assert [change.user_id for change in store.changes("pen", first[-1].mark)] == ["carol"]
    kept = store.get("bob", "pen").references.vector
    np.testing.assert_array_equal(first[1].vectors, kept.astype(np.float16))
    mark = store.changes("pen")[-1].mark
    store.touch("bob")
    store.put(template("alice", 1), replace=True)
    store.delete("carol")
    assert [change.user_id for change in store.changes("pen", mark)] == ["bob", "alice"]
    assert {change.mark.subject for change in store.changes("pen", START)} == store.subjects("pen")
    assert len(store) == 2
    with pytest.raises(UnknownUser):
        store.touch("carol")


def test_secrets_are_of_their_purpose_and_stay(store):
    assert len({store.secret("replay"), store.secret("audit")}) == 2
    assert len(store.secret("replay")) == 32
    before = store.secret("replay")
    store.put(template("alice"))
    assert store.secret("replay") == before


def test_the_renewal_keeps_what_it_turns(store):
    its = template().references
    turned = store.renewal.turn(its)
    assert turned.series.tobytes() != its.series.tobytes()
    assert store.renewal.restore(turned).series.tobytes() == its.series.tobytes()


def test_threads_lose_no_count(store):
    def work(_number):
        for _ in range(10):
            with store.transaction(durable=False, local=True) as records:
                records.put("count", "", b"%d" % (1 + int(records.get("count", "") or b"0")))

    in_threads(8, work)
    assert store.read_record("count", "") == b"80"


def test_a_closed_store_says_so(store):
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.users()


def test_a_person_may_be_enrolled_by_several_modalities(store):
    store.put(template("alice", 2))
    store.put(template("alice", 3, modality="image", model_id=OTHER_MODEL))
    store.put(template("bob", 1, modality="image", model_id=OTHER_MODEL))
    assert store.models() == {"image": OTHER_MODEL, "pen": template().model_id}
    assert (len(store.get("alice", "pen")), len(store.get("alice", "image"))) == (2, 3)
    assert (store.modalities("alice"), store.modalities("bob")) == (("image", "pen"), ("image",))
    assert (store.users(), store.users("image"), store.users("pen")) == (
        ("alice", "bob"), ("alice", "bob"), ("alice",),
    )  # fmt: skip
    assert (len(store), store.count("image"), store.count("pen")) == (2, 2, 1)
    assert len(store.subjects("image")) == 2
    assert store.subjects("pen") < store.subjects("image")
    with pytest.raises(UnknownUser):
        store.get("bob", "pen")
    with pytest.raises(AlreadyEnrolled):
        store.put(template("alice", 1, modality="image", model_id=OTHER_MODEL))
    with pytest.raises(StoreError, match="of another model"):
        store.put(template("carol", modality="image"))


def test_changes_are_followed_by_modality(store):
    store.put(template("alice", 2))
    store.put(template("alice", 3, modality="image", model_id=OTHER_MODEL))
    pen, image = store.changes("pen"), store.changes("image")
    assert [len(change.vectors) for change in (*pen, *image)] == [2, 3]
    assert [change.mark.modality for change in (*pen, *image)] == ["pen", "image"]
    assert store.changes("pen", pen[-1].mark) == []
    store.touch("alice")
    assert [change.user_id for change in store.changes("pen", pen[-1].mark)] == ["alice"]
    assert [change.user_id for change in store.changes("image", image[-1].mark)] == ["alice"]
    assert store.changes("finger") == []


def test_a_person_is_deleted_with_all_modalities(store):
    store.put(template("alice"))
    store.put(template("alice", modality="image", model_id=OTHER_MODEL))
    store.put(template("bob"))
    store.delete("alice")
    assert store.models() == {"pen": template().model_id}
    for ask in (lambda: store.get("alice", "image"), lambda: store.modalities("alice")):
        with pytest.raises(UnknownUser):
            ask()
    store.put(template("bob", modality="image", model_id="e" * 16))  # freed: of any model
    store.delete("bob")
    assert store.models() == {}


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_hold_everybody_once(store, limit):
    ids = [f"user{number}" for number in range(7)]
    for number, user in enumerate(ids):
        store.put(template(user, 1 + number % 3))
    store.put(template("user3", modality="image", model_id=OTHER_MODEL))
    found, after = [], ""
    while page := store.page(after, limit=limit):
        assert len(page) <= limit
        found += page
        after = page[-1]
    assert sorted(found) == ids
    assert store.page(found[-1], limit=limit) == ()


def test_a_page_goes_on_after_somebody_who_is_gone(store):
    for number in range(5):
        store.put(template(f"user{number}"))
    order = store.page()
    store.delete(order[1])
    assert store.page(order[1]) == order[2:]
    assert store.page(limit=2) == (order[0], order[2])


def test_templates_of_no_numbers_are_refused_at_every_door(store, monkeypatch):
    """Also one that a program without the check has sealed."""
    bad = template("alice")
    bad.references.vector[0, 0] = np.nan
    store.put(template("bob"))
    with monkeypatch.context() as before:
        before.setattr("sigverify.template._check_numbers", lambda *_: None)
        store.put(bad)
    with pytest.raises(DamagedStore, match="sealed damaged"):
        store.get("alice", "pen")
    assert [change.user_id for change in store.changes("pen")] == ["bob"]
    assert store.users() == store.page() == ("bob",)
