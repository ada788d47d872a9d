"""Keys of single kiosks, on a real server, with roles of their own."""

import contextlib
import itertools

import pytest
from builders import arithmetic_matcher, signature

from sigverify.audit import AuditLog
from sigverify.errors import ConfigError, KeyUnavailable, StoreError, StoreUnreachable, WrongKey
from sigverify.fleet import FleetStore
from sigverify.fleet.kiosk_keys import KioskKey, admit, admitted, parse_public, revoke, rewrap, unlock, wrap
from sigverify.fleet.roles import Roles, make_roles
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.check import check
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey
from sigverify.verifier import Verifier

FLEET = Key(bytes(range(32)))
ONE, TWO = Key.generate(), Key.generate()
NUMBERS = itertools.count()


class TestWrapping:
    def test_only_the_kiosk_opens_it(self):
        wrapped = wrap(FLEET, KioskKey(ONE).public)
        assert KioskKey(ONE).open(wrapped) == FLEET
        assert wrapped != wrap(FLEET, KioskKey(ONE).public)
        assert FLEET.to_hex() not in wrapped.hex()
        with pytest.raises(WrongKey):
            KioskKey(TWO).open(wrapped)

    def test_any_bit_altered(self):
        wrapped = wrap(FLEET, KioskKey(ONE).public)
        own = KioskKey(ONE)
        for at in range(8 * len(wrapped)):
            altered = bytearray(wrapped)
            altered[at // 8] ^= 1 << at % 8
            with pytest.raises(WrongKey):
                own.open(bytes(altered))

    @pytest.mark.parametrize("wrapped", [b"", b"\1", bytes(81), b"\1" + bytes(80), b"\1" * 82])
    def test_what_is_none(self, wrapped):
        with pytest.raises(WrongKey):
            KioskKey(ONE).open(wrapped)

    @pytest.mark.parametrize("public", [bytes(32), b"", b"short", b"\1" + bytes(31)])
    def test_public_keys_that_agree_on_nothing(self, public):
        with pytest.raises(ConfigError):
            wrap(FLEET, public)

    @pytest.mark.parametrize("text", ["", "00", "g" * 64, "AB" * 32, "ab" * 33])
    def test_no_public_key(self, text):
        with pytest.raises(ConfigError, match="64 hex digits"):
            parse_public(text)

    def test_nothing_secret_is_shown(self):
        assert ONE.to_hex() not in repr(KioskKey(ONE))
        assert KioskKey(ONE).public == KioskKey(ONE).public != KioskKey(TWO).public


@pytest.fixture
def server(postgres, database):
    """The owner's address of a fleet with alice in it, with roles, and two kiosks admitted."""
    url, prefix = database, f"keys{next(NUMBERS)}"
    with PostgresStore(url, key=FLEET) as store:
        make_roles(store, Roles.of(prefix))
        admit(store, "one", KioskKey(ONE).public)
        admit(store, "two", KioskKey(TWO).public)
        with Verifier(store, arithmetic_matcher()) as verifier:
            verifier.enroll("alice", [signature(0, repetition) for repetition in range(5)])
    for role in ("kiosks", "administrators"):
        postgres.execute(f"CREATE ROLE {prefix}_{role}_1 LOGIN IN ROLE {prefix}_{role}", url)
    return lambda role=None: url if role is None else url.replace("tester@", f"{prefix}_{role}_1@")


@pytest.fixture
def kiosk(server, tmp_path):
    """A function that opens a verifier at a kiosk by its own key."""

    @contextlib.contextmanager
    def opened(own):
        cache = tmp_path / f"{KioskKey(own).public.hex()[:8]}.db"
        key = unlock(server("kiosks"), own, cache)
        store = FleetStore(server("kiosks"), key=key, cache=cache, poll_s=None)
        with Verifier(store, arithmetic_matcher()) as its:
            yield its

    return opened


def test_kiosks_work_by_keys_of_their_own(kiosk, tmp_path):
    with kiosk(ONE) as one, kiosk(TWO) as two:
        assert one.verify("alice", signature(0, 9)).accepted
        assert two.users() == ("alice",)
    kept = [each for each in tmp_path.iterdir() if each.name.endswith("-key")]
    assert len(kept) == 2
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in kept)
    secret = bytes.fromhex(FLEET.to_hex())
    for each in tmp_path.iterdir():
        content = each.read_bytes()
        assert secret not in content
        assert FLEET.to_hex().encode() not in content


def test_a_kiosk_that_was_revoked_and_the_others(server, kiosk, tmp_path):
    with kiosk(ONE) as one, kiosk(TWO) as two:
        assert one.verify("alice", signature(0, 9)).accepted
        assert not two.verify("alice", signature(1, 9)).accepted
    new = Key.generate()
    with PostgresStore(server("administrators"), key=FLEET) as store:
        revoke(store, "two")
        with store.transaction():
            rekey(store, new)
            assert rewrap(store, new) == 1
        assert check(store)
        events = [(entry.event.value, entry.detail.get("kiosk")) for entry in AuditLog(store).entries()]
        assert ("kiosk_admitted", "two") in events
        assert ("kiosk_revoked", "two") in events
    with kiosk(ONE) as one:  # nobody visited it
        assert one.verify("alice", signature(0, 8)).accepted
        assert AuditLog(one.store).verify().entries == 3
    with pytest.raises(KeyUnavailable, match="not admitted"):
        unlock(server("kiosks"), TWO, tmp_path / "two.db")
    with pytest.raises(WrongKey):
        FleetStore(server("kiosks"), key=FLEET, cache=tmp_path / "stolen.db", poll_s=None)


def test_an_outage_and_a_kiosk_that_was_never_here(server, kiosk, postgres, tmp_path):
    with kiosk(ONE):
        pass
    postgres.stop()
    try:
        with kiosk(ONE) as one:
            assert one.verify("alice", signature(0, 9)).accepted
        with pytest.raises(StoreUnreachable):
            unlock(server("kiosks"), TWO, tmp_path / "new.db")
    finally:
        postgres.start()


def test_killed_while_it_follows_to_another_key(server, kiosk):
    with kiosk(ONE) as one:
        cache = one.store.path
    new = Key.generate()
    with PostgresStore(server(), key=FLEET) as store, store.transaction():
        rekey(store, new)
        rewrap(store, new)
    with SqliteStore(cache, key=FLEET) as copy:  # as if it had been sealed anew, and not noted yet
        rekey(copy, new, is_copy=True)
    with kiosk(ONE) as one:
        assert one.verify("alice", signature(0, 9)).accepted


def test_what_a_kiosks_role_does_not_do(server, postgres):
    with PostgresStore(server("kiosks"), key=FLEET) as store:
        for change in (lambda: admit(store, "three", KioskKey(ONE).public), lambda: revoke(store, "one")):
            with pytest.raises(StoreError, match="permission denied"):
                change()
    assert len(postgres.execute("SELECT * FROM sigverify.kiosk_keys", server())) == 2


def test_names(server):
    with PostgresStore(server(), key=FLEET) as store:
        admit(store, "one", KioskKey(Key.generate()).public)  # a kiosk in its place
        assert [name for name, _ in admitted(store)] == ["one", "two"]
        with pytest.raises(ConfigError, match="one, two"):
            revoke(store, "three")
        for name in ("", "x" * 65, "a\nb"):
            with pytest.raises(ConfigError, match="no name"):
                admit(store, name, KioskKey(ONE).public)


def test_a_fleet_without_roles(postgres):
    url = postgres.url()
    with PostgresStore(url, key=FLEET) as store:
        with pytest.raises(StoreError, match="--roles"):
            admit(store, "one", KioskKey(ONE).public)
        assert rewrap(store, FLEET) == 0
        with pytest.raises(KeyUnavailable):
            unlock(url, ONE, ":memory:")
