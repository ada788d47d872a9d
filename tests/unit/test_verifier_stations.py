"""Templates that stations sign, as a verifier, the commands and a fleet use them."""

from dataclasses import replace

import pytest
from builders import arithmetic_matcher, signature

from sigverify.administration import sign
from sigverify.audit import AuditLog, Event
from sigverify.decision import Reason
from sigverify.errors import ConfigError, UntrustedTemplate
from sigverify.fleet import FleetStore
from sigverify.fleet.cache import is_copy
from sigverify.policy import Policy
from sigverify.protection.keys import Key
from sigverify.protection.signing import ModelSigner
from sigverify.protection.stations import Station, Stations, Unsigned
from sigverify.store import SqliteStore
from sigverify.store.check import Damage, check
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey
from sigverify.store.trusted import untrusted
from sigverify.verifier import Verifier

STORE_KEY, KEY, OTHER = Key(bytes(range(32))), ModelSigner.generate(), ModelSigner.generate()
LIST = [Station(public_key=KEY.public_key, name="counter")]


def genuine(writer, count=5):
    return [signature(writer, repetition) for repetition in range(count)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


def verifier(path, stations=None, **options):
    return Verifier(SqliteStore(path, key=STORE_KEY), arithmetic_matcher(), stations=stations, **options)


@pytest.fixture
def station(path):
    with verifier(path, Stations(LIST, key=KEY)) as its:
        its.enroll("alice", genuine(0))
        yield its


@pytest.fixture
def kiosk(path, station):
    del station
    with verifier(path, Stations(LIST)) as its:
        yield its


def test_a_kiosk_uses_what_a_station_enrolled_and_enrolls_nobody(kiosk):
    assert kiosk.verify("alice", signature(0, 7)).accepted
    assert [match.user_id for match in kiosk.identify(signature(0, 8))] == ["alice"]
    assert kiosk.score("alice", signature(0, 9)) > 0
    for replacing in (False, True):
        with pytest.raises(UntrustedTemplate, match="enrolls nobody"):
            kiosk.enroll("alice" if replacing else "bob", genuine(3), replace=replacing)
    with pytest.raises(UntrustedTemplate):  # before anybody has signed
        kiosk.enrollment("bob", references=1)
    assert kiosk.users() == ("alice",)


def test_who_has_the_stores_key_enrolls_nobody(path, kiosk):
    """The thief's own signatures as alice's and as a name of their own; alice's template as another's."""
    with verifier(path) as thief:
        thief.enroll("mallory", genuine(3))
        alice = thief.store.get("alice", "pen")
        thief.store.put(replace(alice, user_id="bob"))
        with verifier(path, Stations(key=OTHER)) as signing:
            signing.enroll("carol", genuine(4))
    reasons = {
        "mallory": Unsigned.NO_SIGNATURE,
        "bob": Unsigned.OTHER_TEMPLATE,
        "carol": Unsigned.UNKNOWN_STATION,
    }
    for name, reason in reasons.items():
        for ask in (kiosk.verify, kiosk.score):
            with pytest.raises(UntrustedTemplate) as refused:
                ask(name, signature(3, 8))
            assert refused.value.reason == reason
    assert [match.user_id for match in kiosk.identify(signature(3, 9))] == ["alice"]
    found = {each.row: each for each in untrusted(kiosk.store, Stations(LIST))}
    assert {name: each.detail for name, each in found.items()} == reasons
    assert all(each.damage is Damage.UNTRUSTED and each.modality == "pen" for each in found.values())
    assert check(kiosk.store)  # the seals are right: that is what this is for
    with verifier(path) as thief:
        thief.enroll("alice", genuine(3), replace=True)
    with pytest.raises(UntrustedTemplate):
        kiosk.verify("alice", signature(3, 10))


def test_a_refused_template_is_in_the_log_and_counts_against_the_device(path, station):
    del station
    with verifier(path) as thief:
        thief.enroll("mallory", genuine(3))
    with verifier(path, Stations(LIST), policy=Policy.kiosk()) as kiosk:
        for _ in range(40):
            with pytest.raises(UntrustedTemplate):
                kiosk.verify("mallory", signature(3, 9))
        entries = [entry for entry in AuditLog(kiosk.store).entries() if entry.number > 2]
        events = [entry.event for entry in entries]
        allowed = Policy.kiosk().per_device.tries + 1
        assert events == [Event.TEMPLATE_REFUSED] * allowed + [Event.LOCKED_OUT]
        assert entries[0].detail == {"reason": "no_signature"}
        assert entries[0].who == AuditLog(kiosk.store).pseudonym("mallory")
        assert kiosk.verify("alice", signature(0, 9)).reason is Reason.LOCKED
        kiosk.unlock()
        assert kiosk.verify("alice", signature(0, 8)).accepted


def test_without_a_list_all_is_as_before(path, station):
    del station
    with verifier(path) as its:
        assert its.verify("alice", signature(0, 9)).accepted


def test_a_revoked_station(path, station):
    del station
    revoked = [Station(public_key=KEY.public_key, name="counter", revoked=True)]
    with verifier(path, Stations(revoked)) as its, pytest.raises(UntrustedTemplate, match="revoked"):
        its.verify("alice", signature(0, 9))


def test_references_do_not_renew_themselves(path):
    with pytest.raises(ConfigError, match="renewed by themselves"):
        verifier(path, Stations(key=KEY), policy=Policy(adaptive=True))


def test_what_was_enrolled_before_is_signed_by_somebody_who_knows_it(path):
    with verifier(path) as before:
        before.enroll("alice", genuine(0))
        before.enroll("bob", genuine(1))
    with SqliteStore(path, key=STORE_KEY) as store:
        assert sign(store, Stations(key=KEY), "alice") == 1
        assert sign(store, Stations(key=KEY)) == 1
        assert sign(store, Stations(key=KEY)) == 0
        events = [entry.event for entry in AuditLog(store).entries()]
        assert events == [Event.ENROLLED, Event.ENROLLED, Event.TEMPLATE_SIGNED, Event.TEMPLATE_SIGNED]
        assert check(store)
    with verifier(path, Stations(LIST)) as its:
        assert its.verify("alice", signature(0, 9)).accepted
        assert its.verify("bob", signature(1, 9)).accepted


def test_a_rekey_signs_anew_what_was_trusted_and_nothing_else(path, station):
    with verifier(path, Stations(key=OTHER)) as thief:
        thief.enroll("mallory", genuine(3))
    with pytest.raises(ConfigError, match="station-key"):
        rekey(station.store)
    with pytest.raises(UntrustedTemplate, match="enrolls nobody"):
        rekey(station.store, stations=Stations(LIST))
    assert station.verify("alice", signature(0, 6)).accepted  # nothing was changed
    assert rekey(station.store, stations=Stations(LIST, key=KEY)) == 2
    assert station.verify("alice", signature(0, 7)).accepted
    (found,) = untrusted(station.store, Stations(LIST))
    assert (found.row, found.detail) == ("mallory", Unsigned.NO_SIGNATURE)


@pytest.fixture
def fleet(database, tmp_path):
    """A function that opens a device of a fleet: with the owner's role, as a thief of that could."""

    def open_device(name, stations=None, key=STORE_KEY):
        store = FleetStore(database, key=key, cache=tmp_path / f"{name}.db", poll_s=None)
        return Verifier(store, arithmetic_matcher(), stations=stations)

    open_device.url = database
    return open_device


def test_a_fleet_whose_server_and_key_a_thief_has(fleet):
    with fleet("station", Stations(LIST, key=KEY)) as station, fleet("kiosk", Stations(LIST)) as kiosk:
        station.enroll("alice", genuine(0))
        with fleet("thief") as thief:
            thief.enroll("mallory", genuine(3))
        kiosk.store.synchronize()
        assert kiosk.verify("alice", signature(0, 9)).accepted
        with pytest.raises(UntrustedTemplate):
            kiosk.verify("mallory", signature(3, 9))
        with fleet("thief") as thief:
            thief.enroll("alice", genuine(3), replace=True)
        kiosk.store.synchronize()
        with pytest.raises(UntrustedTemplate):
            kiosk.verify("alice", signature(3, 8))


def test_a_fleet_that_is_rekeyed(fleet, tmp_path):
    new = Key.generate()
    with fleet("station", Stations(LIST, key=KEY)) as station, fleet("kiosk", Stations(LIST)) as kiosk:
        station.enroll("alice", genuine(0))
        kiosk.store.synchronize()
        assert kiosk.verify("alice", signature(0, 9)).accepted
    with PostgresStore(fleet.url, key=STORE_KEY) as store:
        with pytest.raises(ConfigError, match="station-key"):
            rekey(store, new)
        assert rekey(store, new, stations=Stations(LIST, key=KEY)) == 1
    with SqliteStore(tmp_path / "kiosk.db", key=STORE_KEY) as copy:
        assert is_copy(copy)  # a kiosk has no station's key, and reads all of it anew
        assert rekey(copy, new, is_copy=True) == 1
    with fleet("kiosk", Stations(LIST), key=new) as kiosk:
        assert kiosk.verify("alice", signature(0, 8)).accepted
        assert kiosk.verify("alice", signature(0, 9)).reason is Reason.REPLAY
