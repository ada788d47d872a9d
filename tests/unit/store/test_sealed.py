"""What the file on the disk gives away, and what happens to who alters it."""

import contextlib
import sqlite3

import numpy as np
import pytest
from builders import MODEL_ID, template
from in_threads import in_threads

from sigverify.errors import DamagedStore, KeyUnavailable, UnknownUser, WrongKey
from sigverify.protection.keys import Key, default_path
from sigverify.store import MEMORY, SqliteStore
from sigverify.store.check import check

KEY = Key(bytes(range(32)))


@pytest.fixture
def path(tmp_path):
    with SqliteStore(tmp_path / "store.db", key=KEY) as store:
        for user in ("alice", "bob"):
            store.put(template(user, 2, seed=len(user)))
        with store.transaction() as records:
            records.put("lockout", "alice", b"three tries")
            records.put("lockout", "bob", b"no tries")
            records.append("audit", b"alice came")
            records.append("audit", b"bob came")
    return tmp_path / "store.db"


def alter(path, *statements):
    with sqlite3.connect(path) as database:
        for statement in statements:
            assert database.execute(statement).rowcount
    database.close()


def test_the_file_shows_neither_names_nor_templates_nor_records(path):
    everything = b"".join(each.read_bytes() for each in path.parent.iterdir())
    its = template("alice", 2, seed=5)
    for needle in (b"alice", b"bob", b"tries", b"came", b"SIGT", its.references.series.tobytes()[:32]):
        assert needle not in everything
    assert MODEL_ID.encode() in everything  # which model is no secret


def test_two_stores_under_one_key_share_no_row(tmp_path):
    rows = []
    for name in ("one.db", "two.db"):
        with SqliteStore(tmp_path / name, key=KEY) as store:
            store.put(template("alice"))
            rows.append(store.database.execute("SELECT subject, content FROM templates").fetchone())
            rows.append((store.renewal.turn(template().references).series.tobytes(), b""))
    assert rows[0][0] != rows[2][0]
    assert rows[0][1] != rows[2][1]
    assert rows[1] != rows[3]


def test_the_right_key_only(path):
    with SqliteStore(path, key=KEY) as store:
        assert store.users() == ("alice", "bob")
    with pytest.raises(WrongKey, match="does not open the store"):
        SqliteStore(path, key=Key.generate())
    default_path().unlink(missing_ok=True)
    with pytest.raises(KeyUnavailable, match="no key at"):
        SqliteStore(path)
    assert not default_path().exists()


def test_without_a_key_the_users_own_is_made_and_used(tmp_path):
    with SqliteStore(tmp_path / "store.db") as store:
        store.put(template("alice"))
    with SqliteStore(tmp_path / "store.db", key=Key.default(create=False)) as store:
        assert store.users() == ("alice",)


def test_in_memory_the_key_ends_with_the_store():
    default_path().unlink(missing_ok=True)
    with SqliteStore(MEMORY) as one, SqliteStore(MEMORY) as other:
        assert one.key != other.key
    assert not default_path().exists()


def exchange(path, table):
    """Give each row of a table of two the content of the other."""
    with sqlite3.connect(path) as database:
        rows = database.execute(f"SELECT subject, content FROM {table}").fetchall()  # noqa: S608
        for (subject, _), (_, content) in zip(rows, reversed(rows), strict=True):
            database.execute(f"UPDATE {table} SET content = ? WHERE subject = ?", (content, subject))  # noqa: S608
    database.close()
    assert len(rows) == 2


def refuse_both(path, *errors):
    with SqliteStore(path, key=KEY) as store:
        for user in ("alice", "bob"):
            with pytest.raises(errors):
                store.get(user, "pen")


def test_exchanged_templates_do_not_open(path):
    exchange(path, "templates")
    refuse_both(path, DamagedStore)


def test_a_template_of_another_model_does_not_open(path):
    alter(path, "UPDATE models SET model_id = 'ffffffffffffffff'")
    with pytest.raises(DamagedStore, match="without its key"):
        SqliteStore(path, key=KEY)
    with (
        SqliteStore(path, key=KEY, compare=False) as store,
        pytest.raises(DamagedStore, match="does not open"),
    ):
        store.get("alice", "pen")


def test_rows_copied_to_another_modality_do_not_open(path):
    """Not even where both modalities claim one model."""
    with SqliteStore(path, key=KEY) as store:
        store.put(template("carol", 1, modality="image", model_id=MODEL_ID))
        assert store.get("carol", "image").modality == "image"
    for table in ("templates", "vectors"):
        alter(
            path,
            f"UPDATE {table} SET modality = CASE modality WHEN 'pen' THEN 'image' ELSE 'pen' END",  # noqa: S608
        )
    with SqliteStore(path, key=KEY) as store:
        for user, modality in (("alice", "image"), ("bob", "image"), ("carol", "pen")):
            with pytest.raises(UnknownUser):
                store.get(user, modality)
        for user, modality in (("alice", "pen"), ("bob", "pen"), ("carol", "image")):
            with pytest.raises(DamagedStore):
                store.get(user, modality)
        assert store.users() == ()
        assert {each.modality for each in check(store).findings} == {"image", "pen"}


def test_a_template_under_another_digest_is_nobodys(path):
    alter(path, "UPDATE templates SET subject = substr(subject, 1, 15) || x'00'")
    refuse_both(path, DamagedStore)


def test_exchanged_vectors_are_left_out_of_searches_and_lists(path):
    exchange(path, "vectors")
    with SqliteStore(path, key=KEY) as store:
        assert store.users() == ()
        assert store.changes("pen") == []


def test_exchanged_records_and_entries(path):
    exchange(path, "records")
    alter(path, "UPDATE journals SET number = number + 10 WHERE number = 1")
    with SqliteStore(path, key=KEY) as store:
        with pytest.raises(DamagedStore, match="a sealed record"):
            store.read_record("lockout", "alice")
        with pytest.raises(DamagedStore):
            store.records("lockout")
        with pytest.raises(DamagedStore, match="a sealed entry"):
            store.journal("audit")


def test_a_row_of_another_store_does_not_open_here(path, tmp_path):
    with SqliteStore(tmp_path / "other.db", key=KEY) as other:
        other.put(template("alice", 2, seed=9))
        content = other.database.execute("SELECT content FROM templates").fetchone()[0]
    with SqliteStore(path, key=KEY) as store:
        with store.changing():
            store.database.execute("UPDATE templates SET content = ?", (content,))
        with pytest.raises(DamagedStore):
            store.get("alice", "pen")


def test_a_head_that_was_altered(path):
    alter(path, "UPDATE state SET salt = x'00112233445566778899aabbccddeeff'")
    with pytest.raises(WrongKey):
        SqliteStore(path, key=KEY)
    alter(path, "DELETE FROM state")
    with pytest.raises(DamagedStore, match="no head"):
        SqliteStore(path, key=KEY)


def test_one_damaged_row_does_not_lock_the_others_out(path):
    with SqliteStore(path, key=KEY) as store:
        with store.reading() as rows:
            user = rows.user("alice")
        with store.changing():
            store.database.execute("UPDATE vectors SET content = zeroblob(60) WHERE subject = ?", (user,))
        assert store.users() == ("bob",)
        assert [change.user_id for change in store.changes("pen")] == ["bob"]
        assert store.get("alice", "pen").user_id == "alice"


def test_records_and_journals(path):
    with SqliteStore(path, key=KEY) as store:
        assert store.read_record("lockout", "alice") == b"three tries"
        assert store.read_record("lockout", "carol") is None
        assert store.records("lockout") == {"alice": b"three tries", "bob": b"no tries"}
        assert store.journal("audit") == [(1, b"alice came"), (2, b"bob came")]
        assert store.journal("audit", after=1, limit=5) == [(2, b"bob came")]
        with store.transaction() as records:
            assert records.last("audit") == (2, b"bob came")
            assert records.last("other") is None
            assert records.append("other", b"") == 1
            records.delete("lockout", "alice")
            assert records.get("lockout", "alice") is None
            assert records.get("lockout", "bob") == b"no tries"


def test_secrets_are_of_the_store_and_their_purpose(path, tmp_path):
    with SqliteStore(path, key=KEY) as store, SqliteStore(tmp_path / "other.db", key=KEY) as other:
        assert len(store.secret("replay")) == 32
        assert len({store.secret("replay"), store.secret("audit"), other.secret("replay")}) == 3
        again = store.secret("replay")
    with SqliteStore(path, key=KEY) as store:
        assert store.secret("replay") == again


def test_nothing_of_a_transaction_that_fails_is_kept(path):
    with SqliteStore(path, key=KEY) as store:
        with contextlib.suppress(ZeroDivisionError), store.transaction() as records:
            records.put("lockout", "alice", b"four tries")
            records.append("audit", b"carol came")
            store.put(template("carol"))
            store.delete("bob")
            raise ZeroDivisionError
        assert store.read_record("lockout", "alice") == b"three tries"
        assert len(store.journal("audit")) == 2
        assert store.users() == ("alice", "bob")


def test_deleting_within_a_transaction(path):
    with SqliteStore(path, key=KEY) as store:
        with store.transaction() as records:
            store.delete("alice")
            records.delete("lockout", "alice")
        assert store.users() == ("bob",)
        assert not path.with_name("store.db-wal").stat().st_size


def test_threads_share_one_store(path):
    wrong = []
    with SqliteStore(path, key=KEY) as store:

        def work(number):
            for turn in range(10):
                with store.transaction(durable=False) as records:
                    before = int(records.get("count", "") or b"0")
                    records.put("count", "", b"%d" % (before + 1))
                if not np.array_equal(
                    store.get("bob", "pen").references.vector, template("bob", 2, seed=3).references.vector
                ):
                    wrong.append((number, turn))

        in_threads(8, work)
        assert store.read_record("count", "") == b"80"
    assert not wrong
