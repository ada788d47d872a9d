import os
import threading
from enum import StrEnum

import pytest

from sigverify.audit import KIND, Anchor, AuditLog, Event, Finding, LogFlaw
from sigverify.errors import ConfigError, StoreError
from sigverify.store import MEMORY, SqliteStore


class Records:
    """A journal and records in plain lists, which a test may alter as somebody with the file could."""

    def __init__(self):
        self.content, self.entries, self.key = {}, {}, os.urandom(32)

    def secret(self, purpose):
        assert purpose == KIND
        return self.key

    def get(self, kind, subject):
        return self.content.get((kind, subject))

    read_record = get

    def state(self, *_):
        return None

    def put(self, kind, subject, content):
        self.content[kind, subject] = content

    def append(self, kind, content):
        assert kind == KIND
        number = max(self.entries, default=0) + 1
        self.entries[number] = content
        return number

    def journal(self, kind, *, after=0, limit=None):
        assert kind == KIND
        entries = sorted((number, content) for number, content in self.entries.items() if number > after)
        for number, content in entries[:limit]:
            if content is None:
                raise StoreError(f"row {number} cannot be opened")
        return entries[:limit]

    def users(self):
        return ("alice", "bob")


@pytest.fixture
def store():
    return Records()


@pytest.fixture
def log(store):
    log = AuditLog(store, clock=iter(range(100)).__next__)
    for number in range(6):
        log.append(store, Event.ACCEPTED if number % 2 else Event.REJECTED, "alice", fmr=0.01)
    return log


def flaws(log, anchor=None):
    return [(finding.number, finding.flaw) for finding in log.verify(anchor).findings]


def test_entries_tell_what_when_who(log, store):
    log.append(store, Event.FORGOTTEN, "bob", groups=2)
    entries = list(log.entries())
    assert [entry.number for entry in entries] == list(range(1, 8))
    assert entries[-1].event is Event.FORGOTTEN
    assert entries[-1].time.isoformat() == "1970-01-01T00:00:06+00:00"
    assert entries[-1].detail == {"groups": 2}
    assert log.names()[entries[0].who] == "alice"
    assert [entry.number for entry in log.entries(user_id="bob")] == [7]
    assert [entry.number for entry in log.entries(after=5)] == [6, 7]


@pytest.mark.usefixtures("log")
def test_no_user_id_is_in_the_log(store):
    assert len(store.entries) == 6
    assert not any(b"alice" in content for content in store.entries.values())


def test_the_same_person_has_other_pseudonyms_elsewhere(log):
    other = Records()
    elsewhere = AuditLog(other)
    elsewhere.append(other, Event.ACCEPTED, "alice")
    assert next(elsewhere.entries()).who != next(log.entries()).who


def test_an_untouched_log_is_intact(log):
    report = log.verify()
    assert report.intact
    assert report.entries == 6
    assert report.anchor == log.anchor()


def test_an_empty_log_is_intact(store):
    log = AuditLog(store)
    assert log.verify().intact
    assert log.anchor() is None
    assert list(log.entries()) == []


@pytest.mark.parametrize("number", [1, 3, 6])
def test_altering_any_byte_is_found(log, store, number):
    before = store.entries[number]
    for at in range(len(before)):
        content = bytearray(before)
        content[at] ^= 1
        store.entries[number] = bytes(content)
        assert number in [where for where, flaw in flaws(log) if flaw is LogFlaw.ALTERED]


def test_one_altered_entry_is_one_finding(log, store):
    store.entries[3] = store.entries[3].replace(b"rejected", b"accepted")
    assert flaws(log) == [(3, LogFlaw.ALTERED)]


def test_removal_in_the_middle(log, store):
    del store.entries[3], store.entries[4]
    report = log.verify()
    assert report.findings[0] == Finding(3, LogFlaw.MISSING, 2)
    assert str(report.findings[0]) == "entry 3 is missing (and 1 more)"
    assert report.entries == 4


def test_removal_with_the_later_ones_moved_up(log, store):
    for number in (3, 4, 5):
        store.entries[number] = store.entries[number + 1]
    del store.entries[6]
    assert (3, LogFlaw.ALTERED) in flaws(log)
    assert flaws(log)[-1] == (6, LogFlaw.CUT_OFF)


def test_an_end_cut_off(log, store):
    del store.entries[5], store.entries[6]
    assert log.verify().findings == (Finding(5, LogFlaw.CUT_OFF, 2),)


def test_an_end_cut_off_stays_visible_however_much_follows(log, store):
    del store.entries[5], store.entries[6]
    for _ in range(5):
        log.append(store, Event.ACCEPTED, "alice")
    assert not log.verify().intact
    assert flaws(log)[0] == (5, LogFlaw.ALTERED)


def test_swapped_entries(log, store):
    store.entries[2], store.entries[4] = store.entries[4], store.entries[2]
    assert {2, 4} <= {number for number, _ in flaws(log)}


def test_an_entry_put_in(log, store):
    store.entries[7] = store.entries[1]
    assert flaws(log) == [(7, LogFlaw.ALTERED), (7, LogFlaw.BEYOND_HEAD)]


@pytest.mark.parametrize("head", [None, b"", b"x" * 40, b"x" * 41])
def test_a_head_removed_or_damaged(log, store, head):
    store.content[KIND, "head"] = head
    assert not log.verify().intact


def test_a_head_put_back_with_the_end_needs_an_anchor(log, store):
    """What a log alone cannot show: an older copy of all of it. The anchor kept elsewhere does."""
    old = dict(store.entries), dict(store.content)
    log.append(store, Event.ACCEPTED, "alice")
    anchor = log.anchor()
    assert log.verify(anchor).intact
    store.entries, store.content = old
    assert log.verify().intact
    assert flaws(log, anchor) == [(7, LogFlaw.ANCHOR)]
    log.append(store, Event.REJECTED, "alice")
    assert flaws(log, anchor) == [(7, LogFlaw.ANCHOR)]


def test_an_old_anchor_holds_as_the_log_grows(log, store):
    anchor = Anchor.parse(str(log.anchor()))
    log.append(store, Event.ACCEPTED, "alice")
    assert log.verify(anchor).intact


def test_another_key_is_found(log, store):
    store.key = bytes(32)
    assert [flaw for _, flaw in flaws(log)] == [LogFlaw.ALTERED] * 6


def test_an_unreadable_entry_is_named_and_the_rest_is_checked(log, store):
    store.entries[2] = None
    assert flaws(log) == [(2, LogFlaw.UNREADABLE), (3, LogFlaw.ALTERED)]
    assert log.verify().entries == 5
    with pytest.raises(StoreError):
        list(log.entries())


def test_everything_unreadable_ends(log, store):
    store.entries = dict.fromkeys(store.entries)
    assert [flaw for _, flaw in flaws(log)][:6] == [LogFlaw.UNREADABLE] * 6


def test_a_number_from_far_away_ends_too(log, store):
    store.entries[10**15] = store.entries[1]
    assert (7, LogFlaw.MISSING) in flaws(log)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'{"at":1e99,"detail":{},"event":"accepted","who":""}']
)
def test_an_entry_that_makes_no_sense_is_an_error_of_ours(log, store, body):
    store.entries[7] = bytes(32) + body
    with pytest.raises(StoreError, match="audit entry 7"):
        list(log.entries())


@pytest.mark.parametrize("detail", [{"x": float("nan")}, {"x": object()}, {"x": "y" * 2000}])
def test_detail_is_short_and_plain(log, store, detail):
    with pytest.raises(ConfigError, match="detail of an audit entry"):
        log.append(store, Event.ACCEPTED, "alice", **detail)
    assert log.verify().entries == 6


@pytest.mark.parametrize("text", ["", "1", "1:ab", "-1:" + "a" * 64, "1:" + "A" * 64, "x" * 10_000])
def test_no_anchor(text):
    with pytest.raises(ConfigError, match="no anchor"):
        Anchor.parse(text)


def test_a_transaction_that_fails_leaves_no_entry():
    with SqliteStore(MEMORY) as store:
        log = AuditLog(store)

        def fail():
            with store.transaction() as records:
                log.append(records, Event.ACCEPTED, "alice")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail()
        assert log.verify().entries == 0
        assert log.verify().intact


def test_many_threads_and_two_connections_make_one_chain(tmp_path):
    path = tmp_path / "store.db"
    with SqliteStore(path) as one, SqliteStore(path) as other:

        def work(store):
            log = AuditLog(store)
            for _ in range(25):
                with store.transaction(durable=False) as records:
                    log.append(records, Event.ACCEPTED, "alice")

        threads = [threading.Thread(target=work, args=(store,)) for store in (one, other, one, other)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert AuditLog(one).verify().intact
        for thread in threads:
            thread.join()
        report = AuditLog(other).verify()
        assert report.intact
        assert report.entries == 100


def test_more_entries_than_one_batch():
    with SqliteStore(MEMORY) as store:
        log = AuditLog(store)
        with store.transaction() as records:
            for _ in range(2500):
                log.append(records, Event.ACCEPTED, "alice")
        assert log.verify().entries == 2500
        assert log.verify().intact
        assert sum(1 for _ in log.entries(user_id="alice")) == 2500


def test_logs_of_the_time_before_tokens_are_read(log, store):
    """Events were once written in words; the chain is over what was written, so it stays intact."""

    class Earlier(StrEnum):
        LOCKED_OUT = "locked out"

    log.append(store, Earlier.LOCKED_OUT, "alice", wait_s=30.0)
    *_, entry = log.entries()
    assert (entry.event, entry.detail) == (Event.LOCKED_OUT, {"wait_s": 30.0})
    assert log.verify()


@pytest.mark.parametrize(
    "spelling",
    [
        "enrolled", "replaced", "forgotten", "joined a group", "left a group", "accepted", "rejected",
        "referred", "replayed", "unknown user", "locked out", "unlocked", "adapted", "adaptation undone",
        "rekeyed",
        "backed up", "restored", "exported", "imported", "model trusted", "model refused",
    ],
)  # fmt: skip
def test_every_event_ever_written_is_known(spelling, store):
    log = AuditLog(store, clock=lambda: 0)
    log.append(store, Event.ENROLLED, "alice")
    digest, body = store.entries[1][:32], store.entries[1][32:]
    store.entries[1] = digest + body.replace(b'"enrolled"', f'"{spelling}"'.encode())
    [entry] = log.entries()
    assert entry.event.name.lower().split("_")[0] in spelling
    assert set(entry.to_dict()) == {"number", "time_ms", "event", "who", "actor", "detail"}


def test_an_entry_of_a_release_that_named_no_actor(log, store):
    body = store.entries[1]
    start = body.index(b'"actor"')
    store.entries[1] = body[:start] + body[body.index(b'"at"') :]
    assert [entry.actor is None for entry in log.entries()][:2] == [True, False]
    assert next(log.entries()).to_dict()["actor"] is None


@pytest.mark.parametrize("actor", [b'"nobody"', b"7", b"[]", b'"robot 7"'])
def test_an_actor_that_is_none_cannot_be_read(log, store, actor):
    body = store.entries[1]
    store.entries[1] = (
        body[: body.index(b'"actor"')] + b'"actor":' + actor + b"," + body[body.index(b'"at"') :]
    )
    with pytest.raises(StoreError, match="cannot be read"):
        list(log.entries())
