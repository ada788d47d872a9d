import os
import threading

import pytest
from builders import arithmetic_matcher, signature

from sigverify.actor import MAX_NAME, Actor, ActorKind, acting, current_actor
from sigverify.administration import forget, unlock
from sigverify.audit import AuditLog, Event
from sigverify.search.groups import join_group
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier


@pytest.fixture
def verifier():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher()) as its:
        yield its


def actors(store):
    return [str(entry.actor) for entry in AuditLog(store).entries()]


def test_without_a_word_it_is_the_user_of_this_process(verifier):
    verifier.enroll("alice", [signature(0, number) for number in range(5)])
    (actor,) = actors(verifier.store)
    assert actor.startswith(f"process uid {os.getuid()}")


def test_every_entry_names_who_acts(verifier):
    references = [signature(0, number) for number in range(5)]
    with acting("teller 7"):
        verifier.enroll("alice", references)
        verifier.verify("alice", signature(0, 9))
        verifier.verify("alice", signature(1, 9))
        join_group(verifier.store, "alice", "staff")
        unlock(verifier.store)
        verifier.enroll("alice", references, replace=True)
        forget(verifier.store, "alice")
    assert set(actors(verifier.store)) == {"caller teller 7"}
    assert len(actors(verifier.store)) == 7


def test_each_thread_has_its_own(verifier):
    def work():
        with acting("another"):
            ready.set()
            unlock(verifier.store)

    ready = threading.Event()
    thread = threading.Thread(target=work)
    with acting("this one"):
        thread.start()
        ready.wait()
        thread.join()
        unlock(verifier.store)
    assert actors(verifier.store) == ["caller another", "caller this one"]


def test_it_ends_with_the_block_whatever_is_raised():
    def fail():
        with acting("outer"):
            with acting("inner"):
                assert current_actor().name == "inner"
            assert current_actor().name == "outer"
            raise KeyError

    before = current_actor()
    with pytest.raises(KeyError):
        fail()
    assert current_actor() == before
    assert before.kind is ActorKind.PROCESS


@pytest.mark.parametrize("name", ["\0\n\x1b[2Jx", "\u202ereversed", "x" * 10_000, "\ud800", "é'\"\\ "])
def test_a_name_that_a_client_chose_does_no_harm(name):
    store = SqliteStore(MEMORY)
    with acting(Actor(ActorKind.CLIENT, name)), store.transaction() as records:
        AuditLog(store).append(records, Event.LISTED)
    (entry,) = AuditLog(store).entries()
    assert len(entry.actor.name) <= MAX_NAME
    assert entry.actor.name.isprintable()
    assert entry.to_dict()["actor"] == {"kind": "client", "name": entry.actor.name}
    assert AuditLog(store).verify()


def test_an_altered_actor_is_found():
    store = SqliteStore(MEMORY)
    log = AuditLog(store)
    with acting("bob"), store.transaction() as records:
        log.append(records, Event.FORGOTTEN)
    with store.transaction() as records:
        (number, content) = store.journal("audit")[0]
        sealed = store._rows.seal_entry("audit", number, content.replace(b"bob", b"eve"))
        store.database.execute("UPDATE journals SET content = ? WHERE number = ?", (sealed, number))
        del records
    assert not log.verify()


def test_what_no_actor_is_cannot_be_read():
    with pytest.raises(ValueError, match="nobody"):
        Actor.parse("nobody knows")
