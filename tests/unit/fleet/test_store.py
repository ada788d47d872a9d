"""Kiosks that share a real server: what each sees, and what happens when it is away."""

import contextlib
import random
import threading
import time

import pytest
from builders import signature, template
from toy_images import picture

from sigverify.administration import forget, unlock
from sigverify.audit import AuditLog, Event
from sigverify.decision import Reason
from sigverify.errors import (
    AlreadyEnrolled,
    ConfigError,
    KeyUnavailable,
    StaleCache,
    StoreError,
    StoreUnreachable,
    UnknownUser,
    WrongKey,
)
from sigverify.fleet import FleetStore, sync
from sigverify.fleet.outbox import OUTBOX
from sigverify.fleet.sync import journal_of
from sigverify.policy import Policy
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import Lockout, Schedule, Tries
from sigverify.policy.replay import Memory, Role, Sketch
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore, gallery
from sigverify.store.check import check
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey
from sigverify.verifier import Verifier


def genuine(writer, count=5):
    return [signature(writer, repetition) for repetition in range(count)]


def failures(store, user_id):
    content = store.read_record("lockout", user_id)
    return 0 if content is None else Tries.from_bytes(content).failures


def test_enrolled_at_one_kiosk_and_verified_at_another(verifier):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", genuine(0), groups=["staff"])
    assert one.verify("alice", signature(0, 7)).accepted
    with pytest.raises(UnknownUser):
        other.verify("alice", signature(0, 8))
    other.store.synchronize()
    assert other.verify("alice", signature(0, 8)).accepted
    assert not other.verify("alice", signature(1, 8)).accepted
    assert other.users() == ("alice",)
    assert other.groups("alice") == ("staff",)
    assert [match.user_id for match in other.identify(signature(0, 9), among="staff")] == ["alice"]


def test_enrolled_by_pictures_at_one_kiosk_and_verified_at_another(verifier):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", [picture(0, repetition) for repetition in range(5)])
    other.store.synchronize()
    assert other.users("image") == ("alice",)
    assert other.verify("alice", picture(0, 8)).accepted
    assert not other.verify("alice", picture(3, 8)).accepted
    assert other.identify(picture(0, 9), top_k=1)[0].user_id == "alice"
    for each in (other, one):
        each.store.synchronize()
    assert one.verify("alice", picture(0, 8)).reason is Reason.REPLAY


def test_a_kiosk_follows_by_itself(verifier):
    follower = verifier("other", poll_s=0.05)
    one = verifier("one")
    one.enroll("alice", genuine(0))
    deadline = time.monotonic() + 10
    while follower.users() != ("alice",) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert follower.users() == ("alice",)
    assert [match.user_id for match in follower.identify(signature(0, 7))] == ["alice"]
    one.forget("alice")
    while follower.users() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert follower.users() == ()


def test_more_people_than_fit_a_page(kiosk):
    one = kiosk("one")
    with one.transaction():
        for number in range(230):
            one.put(template(f"user-{number:03}", 1, seed=number))
    for number in (7, 200):
        one.delete(f"user-{number:03}")
    other = kiosk("other")
    assert len(other) == 228
    assert other.users() == one.users()
    its, expected = (
        {change.user_id: change.vectors.tolist() for change in each.changes("pen")} for each in (other, one)
    )
    assert its == expected
    assert check(other._cache.store).sound


def test_who_is_forgotten_at_one_kiosk_leaves_the_gallery_of_another(kiosk, monkeypatch):
    monkeypatch.setattr(gallery, "WORTH", 1)
    one = kiosk("one")
    with one.transaction():
        for number in range(20):
            one.put(template(f"user-{number:02}", 1, seed=number))
    other = kiosk("other")

    def prepared():
        batches = other.prepared("pen").batches()
        return sorted(person.user_id for batch in batches for person in batch.people())

    assert prepared() == list(one.users())
    folder = other._cache.store.ledger.gallery.folder
    before = {path: path.read_bytes() for path in folder.iterdir()}
    one.delete("user-07")
    other.synchronize()
    assert before != {path: path.read_bytes() for path in folder.iterdir()}
    assert check(other._cache.store).sound
    assert prepared() == list(one.users())
    rekey(one._reached())
    other.synchronize()
    assert not folder.exists()
    assert prepared() == list(one.users())


def test_the_cache_shows_no_more_than_a_store_does(verifier, tmp_path):
    one = verifier("one")
    one.enroll("alice", genuine(0), groups=["staff"])
    one.verify("alice", signature(0, 7))
    everything = b"".join(each.read_bytes() for each in tmp_path.iterdir() if each.is_file())
    needle = one.store.get("alice", "pen").references.series.tobytes()[:32]
    for each in (b"alice", b"staff", b"SIGT", needle):
        assert each not in everything


def test_the_server_sees_no_name_and_no_template(verifier, postgres, url):
    one = verifier("one")
    one.enroll("alice", genuine(0), groups=["staff"])
    one.verify("alice", signature(0, 7))
    one.store.synchronize()
    seen = b""
    for table in ("state", "templates", "vectors", "records", "journals", "gone"):
        rows = postgres.execute(f"SELECT * FROM sigverify.{table}", url)  # noqa: S608
        seen += repr(rows).encode() + b"".join(
            each for row in rows for each in row if isinstance(each, bytes)
        )
    needle = one.store.get("alice", "pen").references.series.tobytes()[:32]
    for each in (b"alice", b"staff", b"SIGT", needle):
        assert each not in seen


def test_an_outage(verifier, outage):
    one = verifier("one")
    one.enroll("alice", genuine(0))
    with outage():
        assert one.verify("alice", signature(0, 7)).accepted
        assert one.verify("alice", signature(0, 7)).reason is Reason.REPLAY
        assert one.identify(signature(0, 8))[0].user_id == "alice"
        for change in (
            lambda: one.enroll("bob", genuine(1)),
            lambda: one.forget("alice"),
            lambda: one.join("alice", "staff"),
            lambda: one.unlock("alice"),
        ):
            with pytest.raises(StoreUnreachable, match="need the server"):
                change()
        again = verifier("one")
        assert again.verify("alice", signature(0, 9)).accepted
    one.enroll("bob", genuine(1))
    assert one.users() == ("alice", "bob")
    assert one.audit.verify().intact


def test_what_was_tried_in_an_outage_is_known_everywhere_afterwards(verifier, outage):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", genuine(0))
    other.store.synchronize()
    copy = signature(0, 7)
    with outage():
        assert one.verify("alice", copy).accepted
        for repetition in range(2):
            one.verify("alice", signature(1, repetition))
        for repetition in range(3):
            other.verify("alice", signature(2, repetition))
    for each in (one, other, one):
        each.store.synchronize()
    assert failures(one.store, "alice") == failures(other.store, "alice") == 5
    assert not one.store.records(OUTBOX)
    assert other.verify("alice", copy).reason is Reason.REPLAY
    assert other.verify("alice", signature(0, 8)).reason is Reason.LOCKED


def test_an_acceptance_here_does_not_forgive_failures_there(verifier, outage):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", genuine(0))
    other.store.synchronize()
    with outage():
        for repetition in range(3):
            other.verify("alice", signature(2, repetition))
        one.verify("alice", signature(1, 1))
        assert one.verify("alice", signature(0, 7)).accepted
    other.store.synchronize()
    one.store.synchronize()
    assert failures(one.store, "alice") == 3


def test_an_acceptance_clears_the_failures_everywhere(verifier):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", genuine(0))
    one.verify("alice", signature(1, 1))
    for each in (one, other):
        each.store.synchronize()
    assert failures(other.store, "alice") == 1
    assert other.verify("alice", signature(0, 7)).accepted
    for each in (other, one):
        each.store.synchronize()
    assert failures(one.store, "alice") == failures(other.store, "alice") == 0


def locked_out(its):
    its.enroll("alice", genuine(0))
    for repetition in range(5):
        its.verify("alice", signature(1, repetition))
    its.store.synchronize()


@pytest.mark.parametrize("policy", [Policy(), Policy.kiosk()], ids=["default", "kiosk"])
def test_locked_out_at_every_kiosk_and_for_as_long(verifier, url, key, policy):
    locked_out(verifier("one", policy=policy))
    with PostgresStore(url, key=key) as server:
        assert Tries.from_bytes(server.read_record("lockout", "alice")).last.boot == ""
    decision = verifier("other", policy=policy).verify("alice", signature(0, 7))
    assert decision.reason is Reason.LOCKED
    assert 25 < decision.retry_after_s <= 30


def test_unlocking_reaches_every_kiosk_and_forgives_nothing_new(verifier, url, key):
    one, other = verifier("one"), verifier("other")
    locked_out(one)
    other.store.synchronize()
    assert other.verify("alice", signature(0, 7)).reason is Reason.LOCKED
    with PostgresStore(url, key=key) as server:
        unlock(server, "alice")
    other.store.synchronize()
    assert other.verify("alice", signature(0, 8)).accepted
    assert failures(one.store, "alice") == 5
    one.store.synchronize()
    assert failures(one.store, "alice") == 0


def test_the_device_is_locked_and_unlocked_by_itself(verifier):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", genuine(0))
    one.verify("alice", signature(1, 1))
    for each in (one, other):
        each.store.synchronize()
    assert failures(one.store, "") == 1
    assert failures(other.store, "") == 0
    one.unlock()
    assert failures(one.store, "") == 0


def test_somebody_forgotten_leaves_nothing_at_any_kiosk(verifier, outage):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", genuine(0), groups=["staff"])
    one.enroll("bob", genuine(1))
    other.store.synchronize()
    with outage():
        other.verify("alice", signature(1, 1))
        other.verify("bob", signature(1, 8))
    one.forget("alice")
    other.store.synchronize()
    one.store.synchronize()
    for each in (one, other):
        assert each.users() == ("bob",)
        kinds = ("lockout", "replay", "groups", "fleet-base lockout", OUTBOX)
        assert all("alice" not in subject for kind in kinds for subject in each.store.records(kind))
        assert "bob" in each.store.records("replay")
    with PostgresStore(one.store._url, key=one.store._key) as server:
        assert "alice" not in server.records("replay") | server.records("lockout")


def test_revocation_waits_no_longer_than_allowed(verifier, outage, monkeypatch):
    one = verifier("one", max_staleness_s=3600)
    one.enroll("alice", genuine(0))
    later = Instant.now()
    with outage():
        assert one.verify("alice", signature(0, 7)).accepted
        its = Instant(boot=later.boot, boot_s=later.boot_s + 3700, wall_s=later.wall_s)
        monkeypatch.setattr(Instant, "now", classmethod(lambda _: its))
        assert one.store.staleness_s > 3600
        for ask in (
            lambda: one.verify("alice", signature(0, 8)),
            lambda: one.score("alice", signature(0, 8)),
            lambda: one.identify(signature(0, 8)),
            one.users,
        ):
            with pytest.raises(StaleCache, match="not heard for too long"):
                ask()
        with pytest.raises(StaleCache):
            verifier("one", max_staleness_s=3600).users()
        assert verifier("one", max_staleness_s=7200).users() == ("alice",)
    one.store._quiet_until_s = 0.0
    assert one.verify("alice", signature(0, 8)).accepted  # it asks the server before it refuses


def test_without_server_and_cache_there_is_nothing_to_open(kiosk, outage):
    with outage(), pytest.raises(StoreUnreachable, match="cannot be reached"):
        kiosk("new")


def test_a_copy_that_is_not_complete_never_says_that_somebody_is_unknown(kiosk, outage):
    one = kiosk("one")
    one.put(template("alice"))
    other = kiosk("other")
    with other._cache.store.changing():
        for place in other._cache.store.places():
            other._cache.store.ledger.delete_person(*place)
    other._cache.start_over()
    assert other.get("alice", "pen").user_id == "alice"
    with pytest.raises(UnknownUser):
        other.get("bob", "pen")
    with pytest.raises(StaleCache, match="not complete"):
        other.users()
    with outage(), pytest.raises(StoreUnreachable):
        other.get("alice", "pen")


def test_a_fleet_needs_a_key_of_its_own(url, kiosk):
    for opener in (lambda: FleetStore(url, key=None), lambda: PostgresStore(url), lambda: Verifier.open(url)):
        with pytest.raises(KeyUnavailable, match="a fleet needs a key"):
            opener()
    kiosk("one").put(template("alice"))
    with pytest.raises(WrongKey):
        kiosk("other", key=Key.generate())
    with pytest.raises(WrongKey):
        kiosk("one", key=Key.generate())
    assert kiosk("third").users() == ("alice",)


def test_references_of_a_fleet_do_not_renew_themselves(url, key, tmp_path, verifier):
    with pytest.raises(ConfigError, match="adaptive"):
        Verifier.open(url, key=key, cache=tmp_path / "cache.db", policy=Policy(adaptive=True))
    one = verifier("one")
    with pytest.raises(StoreError, match="by a try"), one.store.transaction(local=True):
        one.store.put(template("alice"))


def test_two_kiosks_enrol_at_the_same_time(kiosk):
    stores = [kiosk(name) for name in ("one", "other")]
    wrong = []

    def enroll(number):
        try:
            for turn in range(10):
                stores[number].put(template(f"user-{number}-{turn}", 1, seed=turn))
        except StoreError as error:
            wrong.append(error)

    threads = [threading.Thread(target=enroll, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for store in stores:
        store.synchronize()
        assert len(store.users()) == 20
        assert check(store._cache.store).sound


def test_two_kiosks_enrol_the_same_person(kiosk):
    stores = [kiosk(name) for name in ("one", "other")]
    ready = threading.Barrier(2)
    outcomes = []

    def enroll(number):
        ready.wait()
        try:
            stores[number].put(template("alice", 1 + number, seed=number))
            outcomes.append(number)
        except AlreadyEnrolled:
            outcomes.append(None)

    threads = [threading.Thread(target=enroll, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str).count(None) == 1
    (winner,) = {0, 1} & set(outcomes)
    for store in stores:
        store.synchronize()
        assert len(store.get("alice", "pen")) == 1 + winner


def test_the_server_is_rekeyed(verifier, url, key):
    one, other = verifier("one"), verifier("other")
    one.enroll("alice", genuine(0))
    other.store.synchronize()
    other.verify("alice", signature(1, 1))
    other.verify("alice", signature(0, 7))
    other.verify("alice", signature(1, 2))
    with PostgresStore(url, key=key) as server:
        assert rekey(server) == 1
        assert check(server).sound
    for each in (other, one):
        each.store.synchronize()
        assert check(each.store._cache.store).sound
        assert failures(each.store, "alice") == 1
        assert each.verify("alice", signature(0, 7)).reason is Reason.REPLAY
        assert each.identify(signature(0, 8))[0].user_id == "alice"
        assert each.audit.verify().intact
    assert one.verify("alice", signature(0, 9)).accepted


def test_enrolling_right_after_a_rekey_turns_by_the_new_renewal(verifier, url, key):
    one = verifier("one")
    one.enroll("alice", genuine(0))
    with PostgresStore(url, key=key) as server:
        rekey(server)
    one.enroll("bob", genuine(1))
    assert one.verify("bob", signature(1, 7)).accepted
    assert one.verify("alice", signature(0, 7)).accepted


def test_a_new_key_for_the_fleet(kiosk, url, key):
    one = kiosk("one")
    one.put(template("alice"))
    new, name = Key.generate(), one.kiosk
    with PostgresStore(url, key=key) as server:
        rekey(server, new)
    with pytest.raises(WrongKey):
        one.synchronize()
    assert one.get("alice", "pen").user_id == "alice"  # until the copy is too old
    one.close()
    with pytest.raises(WrongKey):
        kiosk("one", key=new)
    assert kiosk("fresh", key=new).users() == ("alice",)
    with SqliteStore(one.path, key=key) as cache:  # as `sigverify store rekey` does
        rekey(cache, new)
    again = kiosk("one", key=new)
    assert again.get("alice", "pen").to_bytes() == kiosk("fresh", key=new).get("alice", "pen").to_bytes()
    assert again.kiosk == name


def test_the_log_of_each_kiosk_is_kept_on_the_server(verifier, url, key):
    one = verifier("one")
    one.enroll("alice", genuine(0))
    one.verify("alice", signature(0, 7))
    one.verify("alice", signature(1, 7))
    one.store.synchronize()
    with PostgresStore(url, key=key) as server:
        assert [entry.event for entry in AuditLog(server).entries()] == [Event.ENROLLED]
        assert AuditLog(server).verify().intact
        shipped = server.journal(journal_of(one.store.kiosk))
        head = server.read_record(journal_of(one.store.kiosk), "head")
    assert shipped == one.store.journal("audit")
    assert head == one.store.read_record("audit", "head")
    assert [entry.event for entry in one.audit.entries()] == [Event.ACCEPTED, Event.REJECTED]


def test_a_log_put_back_is_shipped_under_another_name(verifier):
    one = verifier("one")
    one.enroll("alice", genuine(0))
    one.verify("alice", signature(0, 7))
    one.store.synchronize()
    before = one.store.kiosk
    with one.store._cache.store.changing():
        one.store._cache.store.database.execute("DELETE FROM journals")
    one.store._level = None  # as in a kiosk that starts
    one.store.synchronize()
    assert one.store.kiosk != before


def test_the_cache_of_another_fleet(kiosk, postgres, key, tmp_path):
    kiosk("one").put(template("alice"))
    kiosk("one").close()
    with pytest.raises(StoreError, match="another fleet"):
        FleetStore(postgres.url(), key=key, cache=tmp_path / "one.db", poll_s=None)


def test_a_connection_cut_within_a_transaction(kiosk, postgres, url):
    one = kiosk("one")
    one.put(template("alice"))
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sigverify'"
    with pytest.raises(StoreUnreachable), one.transaction() as records:  # noqa: PT012, it fails late
        one.put(template("bob", 1))
        postgres.execute(cut, url)
        records.put("lockout", "alice", b"")
    assert one.users() == ("alice",)
    one.put(template("bob", 1))
    assert one.users() == ("alice", "bob")


def test_a_kiosk_that_hangs_within_a_transaction_holds_nobody_up_for_long(kiosk):
    one, other = kiosk("one"), kiosk("other", timeout_s=0.2)
    began, done = threading.Event(), threading.Event()

    def hang():
        with one.transaction():
            began.set()
            done.wait(10)

    thread = threading.Thread(target=hang)
    thread.start()
    began.wait(10)
    with pytest.raises(StoreError, match="lock timeout"):
        other.put(template("bob"))
    done.set()
    thread.join()
    other.put(template("bob"))


def test_no_password_is_shown(tmp_path, key):
    url = "postgresql://kiosk:s3cret@/fleet?host=/nowhere"
    with pytest.raises(StoreUnreachable) as caught:
        FleetStore(url, key=key, cache=tmp_path / "cache.db")
    assert "s3cret" not in str(caught.value)
    assert "/nowhere" in str(caught.value)
    with pytest.raises(StoreError, match="no address"):
        PostgresStore("postgresql://%zz", key=key)


def test_two_processes_share_one_cache(kiosk):
    first, second = kiosk("one"), kiosk("one")
    first.put(template("alice"))
    assert second.users() == ("alice",)
    for store in (first, second):
        with store.transaction(local=True) as records:
            records.put("replay", "alice", b"\1")
    threads = [threading.Thread(target=store.synchronize) for store in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not first.records(OUTBOX)


def test_a_copy_that_lost_rows_is_read_anew(kiosk):
    one = kiosk("one")
    for number in range(3):
        one.put(template(f"user-{number}", 1, seed=number))
    one._cache.store.delete("user-1")
    one._level = None  # as in a kiosk that starts
    one.synchronize()
    one.synchronize()
    assert one.users() == ("user-0", "user-1", "user-2")


def test_a_try_during_an_upload_counts_once(verifier, monkeypatch):
    one = verifier("one")
    one.enroll("alice", genuine(0))
    for repetition in range(2):
        one.verify("alice", signature(1, repetition))
    upload_one = sync._Upload._upload_one

    def try_meanwhile(self, records, kind, subject):
        uploaded = upload_one(self, records, kind, subject)
        if kind == "lockout":
            one.verify("alice", signature(1, 7))
        return uploaded

    monkeypatch.setattr(sync._Upload, "_upload_one", try_meanwhile)
    one.store.synchronize()
    monkeypatch.undo()
    assert failures(one.store, "alice") == 3
    one.store.synchronize()
    other = verifier("other")
    assert failures(one.store, "alice") == failures(other.store, "alice") == 3
    assert Memory.from_bytes(other.store.read_record("replay", "alice")) == Memory.from_bytes(
        one.store.read_record("replay", "alice")
    )


def test_the_last_one_is_forgotten_and_another_model_comes(kiosk, caplog):
    one, other = kiosk("one"), kiosk("other")
    one.put(template("alice"))
    with one.transaction() as records:
        records.put("groups", "alice", b"[]")
    other.synchronize()
    assert other.records("groups") == {"alice": b"[]"}
    with one.transaction() as records:
        one.delete("alice")
        records.delete("groups", "alice")
    other.synchronize()
    assert other.users() == ()
    assert other.models() == {}
    assert other.records("groups") == {}
    one.put(template("bob", 1, model_id="f" * 16))
    other.synchronize()
    one.put(template("bob", 2, model_id="e" * 16), replace=True)
    other.synchronize()
    assert len(other.get("bob", "pen")) == 2
    assert other.models() == {"pen": "e" * 16}
    assert "damaged" not in caplog.text


def test_a_rekey_of_more_people_than_fit_a_page(kiosk, url, key):
    """All of them then have one revision, and the last page ends where the first did."""
    one = kiosk("one")
    with one.transaction():
        for number in range(230):
            one.put(template(f"user-{number}", 1))
    with PostgresStore(url, key=key) as server:
        rekey(server)
    one.synchronize()
    assert len(one.users()) == 230


def test_several_modalities_at_every_kiosk(kiosk):
    one, other = kiosk("one"), kiosk("other")
    one.put(template("alice", 2))
    one.put(template("alice", 3, modality="image", model_id="e" * 16))
    one.put(template("bob", 1, modality="image", model_id="e" * 16))
    other.synchronize()
    assert other.models() == {"image": "e" * 16, "pen": template().model_id}
    assert (other.users("pen"), other.users("image")) == (("alice",), ("alice", "bob"))
    assert (other.count("pen"), other.count("image"), len(other)) == (1, 2, 2)
    assert len(other.get("alice", "image")) == 3
    assert other.subjects("pen") < other.subjects("image")
    one.touch("alice")
    other.synchronize()
    assert [change.user_id for change in other.changes("image")] == ["bob", "alice"]
    one.delete("alice")
    other.synchronize()
    assert (other.models(), other.users()) == ({"image": "e" * 16}, ("bob",))
    assert check(other._cache.store).sound


def test_another_model_of_one_modality_leaves_the_other_modality_alone(kiosk, caplog):
    one, other = kiosk("one"), kiosk("other")
    one.put(template("alice"))
    one.put(template("alice", 2, modality="image", model_id="e" * 16))
    with one.transaction() as records:
        records.put("groups", "alice", b"[]")
    other.synchronize()
    one.put(template("alice", 3, modality="image", model_id="f" * 16), replace=True)
    other.synchronize()
    assert other.models() == {"image": "f" * 16, "pen": template().model_id}
    assert (len(other.get("alice", "pen")), len(other.get("alice", "image"))) == (5, 3)
    assert other.records("groups") == {"alice": b"[]"}
    assert "damaged" not in caplog.text


class Fleet:
    """Three kiosks in which anything happens in any order; each synchronizes now and then."""

    def __init__(self, kiosk, seed):
        self._random = random.Random(seed)
        self.stores = [kiosk(name) for name in ("one", "other", "third")]
        self.people = [f"user-{number}" for number in range(4)]
        self._shown = 0

    def step(self):
        store, user = self._random.choice(self.stores), self._random.choice(self.people)
        does = [self.fail] * 4 + [self.accept, self.show, self.show, self.enroll, self.forget, self.settle]
        with contextlib.suppress(AlreadyEnrolled, UnknownUser):
            self._random.choice(does)(store, user)

    def fail(self, store, user):
        store.get(user, "pen")
        with store.transaction(durable=False, local=True) as records:
            Lockout(Schedule()).failed(records, user)

    def accept(self, store, user):
        with store.transaction(durable=False, local=True) as records:
            Lockout(Schedule()).clear(records, user)

    def show(self, store, user):
        store.get(user, "pen")
        self._shown += 1
        sketch = Sketch(digest=self._shown.to_bytes(16, "little"), bits=self._random.randbytes(64))
        with store.transaction(durable=False, local=True) as records:
            memory = Memory.from_bytes(records.get("replay", user))
            records.put("replay", user, memory.with_([sketch], Role.REFUSED, limit=64).to_bytes())
            AuditLog(store).append(records, Event.REJECTED, user)

    def enroll(self, store, user):
        store.put(template(user, 1, seed=self._random.randrange(100)))

    def forget(self, store, user):
        forget(store, user)

    def settle(self, store, _):
        store.synchronize()


@pytest.mark.parametrize("seed", range(4))
def test_in_the_end_all_kiosks_agree(kiosk, url, key, seed):
    fleet = Fleet(kiosk, seed)
    for _ in range(120):
        fleet.step()
    for _ in range(2):
        for store in fleet.stores:
            store.synchronize()
    with PostgresStore(url, key=key) as server:
        users, memories = server.users(), server.records("replay")
        counts = {user: failures(server, user) for user in fleet.people}
        assert set(memories) <= set(users)
        assert check(server).sound
        for store in fleet.stores:
            assert store.users() == users
            for user in users:
                assert store.get(user, "pen").to_bytes() == server.get(user, "pen").to_bytes()
            assert store.records("replay") == memories
            assert {user: failures(store, user) for user in fleet.people} == pytest.approx(counts)
            assert not store.records(OUTBOX)
            assert check(store._cache.store).sound
            assert AuditLog(store).verify().intact
            assert server.journal(journal_of(store.kiosk)) == store.journal("audit")
