import contextlib

import pytest
from builders import template

from sigverify.errors import StoreError
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.check import Part, check, repair

KEY = Key(bytes(range(32)))


@pytest.fixture
def path(tmp_path):
    with SqliteStore(tmp_path / "store.db", key=KEY) as store:
        for number in range(20):
            store.put(template(f"user-{number:02}", 1, seed=number))
        with store.transaction() as records:
            for number in range(5):
                records.put("lockout", f"user-{number:02}", b"tries")
                records.append("audit", b"came")
    return tmp_path / "store.db"


def found(health):
    return sorted((each.part, each.row) for each in health.findings)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_sound_store(path, read_only):
    with SqliteStore(path, key=KEY, read_only=read_only) as store:
        health = check(store)
    assert health.sound
    assert (health.templates, health.records, health.entries) == (20, 5, 5)


def spoil(store, statement, *values):
    with store.changing():
        assert store.database.execute(statement, values).rowcount == 1


def test_every_damaged_row_is_named_and_no_other(path):
    with SqliteStore(path, key=KEY) as store:
        with store.reading() as rows:
            users = [rows.user(f"user-{number:02}") for number in range(20)]
            subject = rows.subject("lockout", "user-03")
        spoil(store, "UPDATE templates SET content = zeroblob(4000) WHERE subject = ?", users[3])
        spoil(store, "UPDATE vectors SET content = zeroblob(100) WHERE subject = ?", users[4])
        spoil(store, "UPDATE records SET content = x'' WHERE subject = ?", subject)
        spoil(store, "UPDATE journals SET content = zeroblob(50) WHERE number = ?", 2)
        spoil(store, "DELETE FROM journals WHERE number = ?", 4)
        health = check(store)
        assert found(health) == sorted(
            [
                (Part.TEMPLATES, "user-03"),
                (Part.VECTORS, users[4].hex()),
                (Part.RECORDS, f"lockout {subject.hex()}"),
                (Part.JOURNALS, "audit 2"),
                (Part.JOURNALS, "audit"),
            ]
        )
        assert (health.templates, health.records, health.entries) == (19, 4, 3)


def test_rows_that_do_not_belong_together(path):
    with SqliteStore(path, key=KEY) as store:
        with store.changing() as rows:
            users = [rows.user(f"user-{number:02}") for number in range(20)]
            other = rows.seal_vectors(template("user-02", 1, seed=99))
        spoil(store, "DELETE FROM templates WHERE subject = ?", users[0])
        spoil(store, "DELETE FROM vectors WHERE subject = ?", users[1])
        spoil(store, "UPDATE vectors SET content = ? WHERE subject = ?", other, users[2])
        health = check(store)
        assert found(health) == [
            (Part.TEMPLATES, "user-01"),
            (Part.VECTORS, "user-00"),
            (Part.VECTORS, "user-02"),
        ]


def test_a_repair_deletes_what_does_not_open(path):
    with SqliteStore(path, key=KEY) as store:
        with store.reading() as rows:
            user, subject = rows.user("user-03"), rows.subject("lockout", "user-03")
        spoil(store, "UPDATE templates SET content = zeroblob(4000) WHERE subject = ?", user)
        spoil(store, "UPDATE records SET content = x'' WHERE subject = ?", subject)
        revision = store.revision()
        health = repair(store)
        assert health.sound, health.findings
        assert (health.templates, health.records) == (19, 4)
        assert store.revision() > revision
        assert "user-03" not in store.users()
        store.put(template("user-03"))


def test_a_repair_rebuilds_vectors_from_templates(path):
    with SqliteStore(path, key=KEY) as store:
        with store.reading() as rows:
            users = [rows.user(f"user-{number:02}") for number in range(3)]
        spoil(store, "UPDATE vectors SET content = zeroblob(99) WHERE subject = ?", users[0])
        spoil(store, "DELETE FROM vectors WHERE subject = ?", users[1])
        spoil(store, "DELETE FROM templates WHERE subject = ?", users[2])
        assert repair(store).sound
        assert len(store.users()) == 19
        mended = {change.user_id: change.vectors for change in store.changes("pen")}
        assert (mended["user-00"] == store.get("user-00", "pen").references.vector).all()


def test_a_repair_touches_nothing_sound(path):
    with SqliteStore(path, key=KEY) as store:
        assert repair(store).templates == 20


def test_a_damaged_page_costs_only_its_own_rows(path):
    """Overwrite one page after another: each is found, and most people can still be read."""
    original = path.read_bytes()
    size, missed, readable = 4096, [], []
    for page in range(2, len(original) // size):
        path.write_bytes(original[: page * size] + b"\xa5" * size + original[(page + 1) * size :])
        try:
            with SqliteStore(path, key=KEY, read_only=True) as store:
                health = check(store)
        except StoreError:
            continue
        readable.append(health.templates)
        if health.sound:
            missed.append(page)
    assert not missed
    assert len(readable) > len(original) // size // 2
    assert sorted(readable)[len(readable) // 2] >= 18


def test_half_a_file(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with contextlib.suppress(StoreError), SqliteStore(path, key=KEY, read_only=True) as store:
        assert not check(store).sound
