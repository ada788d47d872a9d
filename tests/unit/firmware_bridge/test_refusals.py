from firmware_bridge.refusals import Refusals, log_refusal
from sigverify.actor import Actor, ActorKind
from sigverify.audit import AuditLog, Event
from sigverify.store import MEMORY, SqliteStore

CLIENT = Actor(ActorKind.CLIENT, "203.0.113.7")


def test_a_flood_is_a_few_entries_an_hour_and_the_next_hour_is_seen():
    now = [0.0]
    refusals = Refusals(clock=lambda: now[0])
    counted = [refusals.count(Event.TOKEN_REFUSED) for _ in range(100_000)]
    assert sum(map(bool, counted)) == 17
    assert refusals.count(Event.TOKEN_REFUSED, "another kind") == 1
    now[0] = 3600.0
    assert refusals.count(Event.TOKEN_REFUSED) == 1


def test_an_entry_names_who_and_how_many():
    store = SqliteStore(MEMORY)
    log_refusal(store, Event.TOKEN_REFUSED, CLIENT, count=8)
    (entry,) = AuditLog(store).entries()
    assert (entry.event, entry.actor, entry.detail) == (Event.TOKEN_REFUSED, CLIENT, {"count": 8})


def test_a_store_that_cannot_be_written_changes_no_refusal(caplog):
    store = SqliteStore(MEMORY)
    store.close()
    log_refusal(store, Event.TOKEN_REFUSED, CLIENT)
    assert "not in the audit log" in caplog.text
