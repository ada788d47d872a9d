import contextlib

import numpy as np
import pytest
from builders import arithmetic_matcher, signature, template

from sigverify.errors import DamagedStore, UnknownUser, WrongKey
from sigverify.matching.cues import EXTENT, SEQUENCE, SERIES, TRIMMED, VECTOR
from sigverify.matching.distances import distances
from sigverify.modality.pen.tempo import TEMPO
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.check import check
from sigverify.store.rekey import change_renewal, rekey
from sigverify.verifier import Verifier

CUES = (SERIES, SEQUENCE, EXTENT, TRIMMED, TEMPO, VECTOR)
"""Those that no rekey changes, and last the vector, which is rounded each time."""
OLD, NEW = Key(bytes(range(32))), Key(bytes(range(1, 33)))


@pytest.fixture
def path(tmp_path):
    with SqliteStore(tmp_path / "store.db", key=OLD) as store:
        for number, user in enumerate(("alice", "bob", "carol")):
            store.put(change_renewal(template(user, 2, seed=number), None, store.renewal))
        with store.transaction() as records:
            records.put("adaptation", "alice", store.get("bob", "pen").to_bytes())
            records.put("lockout", "", b"five tries")
            for number in range(3):
                records.append("audit", b"%d" % number)
    return tmp_path / "store.db"


def scores(store, probe):
    """What verifying sees of the probe against everybody."""
    everybody = [store.renewal.restore(store.get(user, "pen").references) for user in store.users()]
    return np.concatenate([distances(probe, its, CUES) for its in everybody])


@pytest.mark.parametrize("key", [NEW, OLD, None], ids=["new key", "same key", "no key named"])
def test_all_is_there_as_before(path, key):
    probe = template(seed=8).references[0]
    with SqliteStore(path, key=OLD) as store:
        before, revision, secret = scores(store, probe), store.revision(), store.secret("replay")
        assert rekey(store, key) == 3
        assert store.revision() > revision
        after = scores(store, probe)
    with SqliteStore(path, key=key or OLD) as store:
        assert check(store).sound
        assert store.users() == ("alice", "bob", "carol")
        np.testing.assert_array_equal(scores(store, probe), after)
        assert store.read_record("lockout", "") == b"five tries"
        assert store.journal("audit") == [(1, b"0"), (2, b"1"), (3, b"2")]
        assert store.secret("replay") == secret
    np.testing.assert_array_equal(after[:, :-1], before[:, :-1])
    np.testing.assert_allclose(after[:, -1], before[:, -1], atol=1e-3)  # rounded to float16 once more


def test_no_row_stays_as_it_was_and_no_template_is_in_the_same_coordinates(path):
    def rows(store):
        with store.reading():
            query = "SELECT subject, content FROM templates UNION SELECT subject, content FROM records"
            return {each for row in store.database.execute(query) for each in row}

    with SqliteStore(path, key=OLD) as store:
        before, its = rows(store), store.get("alice", "pen").references
        rekey(store)
        assert not before & rows(store)
        assert distances(its[0], store.get("alice", "pen").references, (VECTOR,))[0, 0] > 0.5


def test_an_earlier_template_kept_in_a_record_is_turned_too(path):
    with SqliteStore(path, key=OLD) as store:
        rekey(store, NEW)
        assert store.read_record("adaptation", "alice") == store.get("bob", "pen").to_bytes()


def test_the_old_key_opens_nothing_any_more(path):
    with SqliteStore(path, key=OLD) as store:
        rekey(store, NEW)
    with pytest.raises(WrongKey):
        SqliteStore(path, key=OLD)


def test_others_that_have_it_open_go_on_with_the_same_key_only(path):
    with SqliteStore(path, key=OLD) as one, SqliteStore(path, key=OLD) as other:
        renewal = other.renewal
        rekey(one)
        assert other.renewal is not renewal
        assert other.get("alice", "pen").to_bytes() == one.get("alice", "pen").to_bytes()
        other.put(template("dave"))
        assert one.get("dave", "pen").user_id == "dave"
        rekey(one, NEW)
        for attempt in (lambda: other.get("alice", "pen"), lambda: other.put(template("eve")), other.users):
            with pytest.raises(WrongKey):
                attempt()
        assert "eve" not in one.users()


def test_a_damaged_row_stops_it_and_nothing_changes(path):
    with SqliteStore(path, key=OLD) as store:
        with store.changing():
            store.database.execute("UPDATE records SET content = zeroblob(40) WHERE kind = 'lockout'")
        with pytest.raises(DamagedStore):
            rekey(store, NEW)
        assert store.get("alice", "pen").user_id == "alice"
    with SqliteStore(path, key=OLD) as store:
        assert store.users() == ("alice", "bob", "carol")


def test_within_a_transaction_that_fails_the_old_key_stays(path):
    with SqliteStore(path, key=OLD) as store:
        with contextlib.suppress(ZeroDivisionError), store.transaction() as records:
            records.append("audit", b"rekeyed")
            rekey(store, NEW)
            raise ZeroDivisionError
        assert store.get("alice", "pen").user_id == "alice"
        store.put(template("dave"))
        assert len(store.journal("audit")) == 3
    with SqliteStore(path, key=OLD) as store:
        assert len(store.users()) == 4


def test_people_are_recognized_as_before(tmp_path):
    with Verifier(SqliteStore(tmp_path / "store.db", key=OLD), arithmetic_matcher()) as verifier:
        for writer in range(3):
            verifier.enroll(f"user-{writer}", [signature(writer, turn) for turn in range(5)])
        probe = signature(1, 9)
        before = verifier.score("user-1", probe)
        assert verifier.identify(probe, remember=False)[0].user_id == "user-1"
        rekey(verifier.store, NEW)
        assert verifier.score("user-1", probe) == pytest.approx(before, abs=1e-3)
        assert verifier.score("user-2", probe) < verifier.score("user-1", probe)
        assert verifier.identify(probe, remember=False)[0].user_id == "user-1"
        assert verifier.verify("user-1", probe, fmr=0.01).accepted


def test_an_empty_store(tmp_path):
    with SqliteStore(tmp_path / "store.db", key=OLD) as store:
        assert rekey(store, NEW) == 0
        with pytest.raises(UnknownUser):
            store.get("alice", "pen")


def test_many_rekeys_wear_the_vectors_off_slowly(path):
    probe = template(seed=8).references[0]
    with SqliteStore(path, key=OLD) as store:
        before = scores(store, probe)
        for _ in range(50):
            rekey(store)
        after = scores(store, probe)
    np.testing.assert_array_equal(after[:, :-1], before[:, :-1])
    np.testing.assert_allclose(after[:, -1], before[:, -1], atol=3e-3)
