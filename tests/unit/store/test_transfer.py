import numpy as np
import pytest
from builders import CUES, template
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import AlreadyEnrolled, MalformedTemplate, StoreError, UnknownUser, WrongKey
from sigverify.matching.cues import VECTOR
from sigverify.matching.distances import distances
from sigverify.protection.keys import Key
from sigverify.store import MEMORY, SqliteStore
from sigverify.store.rekey import change_renewal
from sigverify.store.transfer import export_template, import_template

TRANSPORT = Key(bytes(range(32)))


@pytest.fixture
def stores():
    with SqliteStore(MEMORY) as one, SqliteStore(MEMORY) as other:
        one.put(change_renewal(template("alice", 3), None, one.renewal))
        yield one, other


def test_from_one_device_to_another(stores):
    one, other = stores
    data = export_template(one, "alice", "pen", TRANSPORT)
    its = import_template(other, data, TRANSPORT)
    assert its.user_id == "alice"
    assert other.get("alice", "pen").to_bytes() == its.to_bytes()
    probe = template(seed=9).references[0]
    here, there = (
        distances(probe, each.renewal.restore(each.get("alice", "pen").references), CUES)
        for each in (one, other)
    )
    vector = CUES.index(VECTOR)
    np.testing.assert_array_equal(np.delete(there, vector, 1), np.delete(here, vector, 1))
    # Rounded to float16 twice more.
    np.testing.assert_allclose(there[:, vector], here[:, vector], atol=1e-3)
    assert other.get("alice", "pen").to_bytes() != one.get("alice", "pen").to_bytes()


def test_sealed_anew_each_time(stores):
    one, _ = stores
    assert export_template(one, "alice", "pen", TRANSPORT) != export_template(one, "alice", "pen", TRANSPORT)


def test_nobody_of_that_id(stores):
    with pytest.raises(UnknownUser):
        export_template(stores[0], "bob", "pen", TRANSPORT)


def test_another_transport_key(stores):
    one, other = stores
    data = export_template(one, "alice", "pen", TRANSPORT)
    for key in (Key.generate(), one.key):
        with pytest.raises(WrongKey, match="transport key"):
            import_template(other, data, key)
    assert other.users() == ()


def test_enrolled_already(stores):
    one, other = stores
    data = export_template(one, "alice", "pen", TRANSPORT)
    import_template(other, data, TRANSPORT)
    with pytest.raises(AlreadyEnrolled):
        import_template(other, data, TRANSPORT)
    import_template(other, data, TRANSPORT, replace=True)


def test_of_another_model(stores):
    one, other = stores
    other.put(template("bob", model_id="f" * 16))
    with pytest.raises(StoreError, match="another model"):
        import_template(other, export_template(one, "alice", "pen", TRANSPORT), TRANSPORT)


def test_of_another_version(stores):
    one, other = stores
    data = bytearray(export_template(one, "alice", "pen", TRANSPORT))
    data[4] = 9
    with pytest.raises(MalformedTemplate, match="another version"):
        import_template(other, bytes(data), TRANSPORT)


@given(st.binary(max_size=200), st.booleans())
def test_bytes_that_are_no_export(data, with_magic):
    with SqliteStore(MEMORY) as store, pytest.raises((MalformedTemplate, WrongKey)):
        import_template(store, b"SIGX\1\0" * with_magic + data, TRANSPORT)


def test_every_altered_byte_is_noticed(stores):
    one, other = stores
    data = export_template(one, "alice", "pen", TRANSPORT)
    for position in range(6, len(data), 97):
        altered = bytearray(data)
        altered[position] ^= 16
        with pytest.raises(WrongKey):
            import_template(other, bytes(altered), TRANSPORT)
