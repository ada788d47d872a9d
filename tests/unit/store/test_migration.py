"""Stores of the version before: read as they are, migrated when opened for writing, wholly or not at all."""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from builders import template
from in_threads import in_threads
from old_stores import KEY, MODEL_ID, old_file, old_server

from sigverify.errors import StoreError, WrongKey
from sigverify.fleet import FleetStore
from sigverify.protection.keys import Key
from sigverify.protection.sealing import Sealer
from sigverify.store import SqliteStore
from sigverify.store.backup import backup, restore
from sigverify.store.check import check, repair
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey
from sigverify.store.sqlite_database import SCHEMA_VERSION, SqliteDatabase
from sigverify.store.transfer import export_template, import_template

PEOPLE = 3
MANY = 1203
USERS = tuple(f"user-{number}" for number in range(PEOPLE))
BEFORE = template(count=1)


@pytest.fixture(params=[3, 4])
def old(request):
    return request.param


@pytest.fixture
def path(tmp_path, old):
    return old_file(tmp_path / "old.db", PEOPLE, version=old)


def version(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def look(store):
    """All that can be seen of a store, after checking what is known of it."""
    health = check(store)
    assert health.sound, health.findings
    assert (health.templates, health.records, health.entries) == (PEOPLE, PEOPLE, PEOPLE)
    assert store.models() == {"pen": MODEL_ID}
    assert store.users() == store.users("pen") == USERS
    assert store.users("image") == ()
    assert (len(store), store.count("pen"), store.count("image")) == (PEOPLE, PEOPLE, 0)
    changes = store.changes("pen", limit=2)
    changes += store.changes("pen", changes[-1].mark)
    assert tuple(change.user_id for change in changes) == USERS
    assert store.subjects("pen") == {change.mark.subject for change in changes}
    assert store.modalities("user-1") == ("pen",)
    assert store.get("user-1", "pen").references.vector.tobytes() == BEFORE.references.vector.tobytes()
    return {
        "records": store.records("lockout"),
        "journal": store.journal("audit"),
        "secret": store.secret("audit"),
        "changes": [change.mark for change in changes],
        "templates": [store.get(user, "pen").to_bytes() for user in USERS],
        "revision": store.revision(),
    }


def test_an_old_store_reads_and_stays_as_it_is(path, old):
    before = path.read_bytes()
    with SqliteStore(path, key=KEY, read_only=True) as store:
        look(store)
        with pytest.raises(StoreError, match="readonly"):
            store.put(template("later"))
    assert path.read_bytes() == before
    assert version(path) == old


def test_an_old_store_reads_where_nothing_can_be_written(path):
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)):
        path.chmod(0o444)
        with SqliteStore(path, key=KEY, read_only=True) as store:
            look(store)


def test_opened_for_writing_it_is_migrated_and_all_is_there(path):
    with SqliteStore(path, key=KEY, read_only=True) as store:
        before = look(store)
    with SqliteStore(path, key=KEY) as store:
        assert look(store) == before
        store.put(template("user-1", 2, modality="image", model_id="f" * 16))
        assert store.models() == {"image": "f" * 16, "pen": MODEL_ID}
        store.delete("user-0")
        assert check(store).sound
    assert version(path) == SCHEMA_VERSION
    with SqliteStore(path, key=KEY) as store:
        assert store.users("pen") == USERS[1:]


def test_the_tables_are_those_of_a_new_store(path, tmp_path):
    SqliteStore(path, key=KEY).close()
    SqliteStore(tmp_path / "new.db", key=KEY).close()
    schemas = []
    for each in (path, tmp_path / "new.db"):
        with closing(sqlite3.connect(each)) as database:
            found = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
            schemas.append(sorted(found, key=str))
    assert schemas[0] == schemas[1]


def test_an_empty_old_store(tmp_path, old):
    path = old_file(tmp_path / "empty.db", 0, version=old)
    for options in ({"read_only": True}, {}):
        with SqliteStore(path, key=KEY, **options) as store:
            assert (store.models(), store.users(), store.revision()) == ({}, (), 0)
    with SqliteStore(path, key=KEY) as store:
        store.put(template("alice", model_id="f" * 16))
        assert store.models() == {"pen": "f" * 16}


def test_more_people_than_are_moved_at_once(tmp_path, old):
    path = old_file(tmp_path / "many.db", MANY, journal=False, version=old)
    size = path.stat().st_size
    with SqliteStore(path, key=KEY) as store:
        assert len(store) == MANY
        assert check(store).templates == MANY
    assert path.stat().st_size < 1.2 * size


def test_nothing_of_an_old_row_is_left_on_the_disk(path):
    """What is deleted after the migration must not lie in pages that the old tables had."""
    with closing(sqlite3.connect(path)) as database:
        needles = [row[0] for row in database.execute("SELECT content FROM templates")]
    with SqliteStore(path, key=KEY) as store:
        for user in USERS:
            store.delete(user)
        everything = b"".join(each.read_bytes() for each in path.parent.iterdir())
    for needle in needles:
        assert needle[:64] not in everything
        assert needle[-64:] not in everything


def test_the_wrong_key_migrates_nothing(path, old):
    before = path.read_bytes()
    with pytest.raises(WrongKey):
        SqliteStore(path, key=Key.generate())
    assert version(path) == old
    assert path.read_bytes() == before


def test_a_migration_that_fails_halfway_changes_nothing(path, monkeypatch, old):
    class Cut(Exception):
        pass

    scrub = SqliteDatabase.scrub

    def fail(self):
        scrub(self)
        raise Cut

    monkeypatch.setattr(SqliteDatabase, "scrub", fail)
    with pytest.raises(Cut):
        SqliteStore(path, key=KEY)
    monkeypatch.undo()
    with SqliteStore(path, key=KEY, read_only=True) as store:
        look(store)
    assert version(path) == old


def test_a_reader_sees_that_another_process_migrated(path):
    with SqliteStore(path, key=KEY, read_only=True) as reader:
        look(reader)
        with SqliteStore(path, key=KEY) as writer:
            look(reader)
            writer.put(template("user-1", modality="image", model_id="f" * 16))
            assert reader.modalities("user-1") == ("image", "pen")
            assert reader.models() == writer.models()
            assert len(reader) == PEOPLE


OPENER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from old_stores import KEY
from sigverify.store import SqliteStore
path, start = sys.argv[2], float(sys.argv[3])
time.sleep(max(0, start - time.time()))
for number in range(6):
    with SqliteStore(f"{path}-{number}", key=KEY) as store:
        assert len(store.users()) == 20
        store.touch("user-0")
"""


def test_several_processes_migrate_one_store_at_the_same_moment(tmp_path, request):
    old_file(tmp_path / "old.db", 20)
    for number in range(6):
        shutil.copy(tmp_path / "old.db", tmp_path / f"old.db-{number}")
    support = str(request.config.rootpath / "tests" / "support")
    command = [sys.executable, "-c", OPENER, support, str(tmp_path / "old.db"), str(time.time() + 1.5)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    for number in range(6):
        with SqliteStore(tmp_path / f"old.db-{number}", key=KEY) as store:
            assert check(store).sound
            assert store.revision() == 20 + 4


def test_a_backup_of_an_old_store_is_restored(path, tmp_path, old):
    with SqliteStore(path, key=KEY, read_only=True) as store:
        assert backup(store, tmp_path / "backup.db").sound
    assert version(tmp_path / "backup.db") == old
    assert restore(tmp_path / "backup.db", tmp_path / "new.db", key=KEY) == PEOPLE
    with SqliteStore(tmp_path / "new.db", key=KEY) as new:
        new.put(template("later", modality="image", model_id="f" * 16))
        assert restore(tmp_path / "backup.db", tmp_path / "new.db", key=KEY) == PEOPLE
        assert new.models() == {"pen": MODEL_ID}
        assert new.users() == USERS
        assert check(new).sound
    assert restore(tmp_path / "backup.db", path, key=KEY) == PEOPLE  # over a store that is old itself
    assert version(path) == SCHEMA_VERSION
    assert version(tmp_path / "backup.db") == old


def test_rekeying_and_carrying_over_what_was_migrated(path, tmp_path):
    with SqliteStore(path, key=KEY) as store, SqliteStore(tmp_path / "other.db", key=KEY) as other:
        assert rekey(store) == PEOPLE
        assert check(store).sound
        transport = Key.generate()
        import_template(other, export_template(store, "user-1", "pen", transport), transport)
        assert other.users() == ("user-1",)


def test_damage_is_found_before_and_after(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE vectors SET content = zeroblob(100) WHERE revision = 2")
        database.commit()
    for options in ({"read_only": True}, {}):
        with SqliteStore(path, key=KEY, **options) as store:
            (finding,) = check(store).findings
            assert (finding.part, finding.modality) == ("vectors", "pen")
            assert store.get("user-1", "pen").user_id == "user-1"
    with SqliteStore(path, key=KEY) as store:
        assert repair(store).sound
        assert store.users() == USERS


def test_damaged_pages_lose_nothing_silently(tmp_path, old):
    """One page after another: the old store stays to be read, or all is moved and `check` names the rest."""
    people = 12
    original = old_file(tmp_path / "old.db", people, version=old).read_bytes()
    size, outcomes = 4096, []
    for page in range(1, len(original) // size):
        path = tmp_path / f"page-{page}.db"
        before = original[: page * size] + b"\xa5" * size + original[(page + 1) * size :]
        path.write_bytes(before)
        try:
            with SqliteStore(path, key=KEY) as store:
                health = check(store)
                damaged = {each.row for each in health.findings if each.part == "templates"}
        except StoreError:
            assert path.read_bytes() == before
            outcomes.append("refused")
        else:
            assert version(path) == SCHEMA_VERSION
            unlisted = any(each.damage == "unlisted" for each in health.findings)
            assert unlisted or health.templates + len(damaged) == people
            outcomes.append("migrated")
    assert set(outcomes) == {"refused", "migrated"}


@pytest.mark.parametrize("old", [1, 2])
def test_an_old_server(postgres, database, old):
    url = old_server(database, PEOPLE, version=old)
    with PostgresStore(url, key=KEY) as store:
        look(store)
        store.put(template("user-1", 2, modality="image", model_id="f" * 16))
        assert store.fleet_head().models == {"image": "f" * 16, "pen": MODEL_ID}
        assert rekey(store) == PEOPLE + 1
        assert check(store).sound
    assert postgres.execute("SELECT version FROM sigverify.version", url) == [(3,)]


@pytest.mark.parametrize("version", [1, 2])
def test_the_tables_of_an_old_server_are_those_of_a_new_one(postgres, version):
    old, new = old_server(postgres.url(), version=version), postgres.url()
    for url in (old, new):
        PostgresStore(url, key=KEY).close()
    columns = (
        "SELECT table_name, column_name, data_type, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = 'sigverify' ORDER BY 1, 2"
    )
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'sigverify' ORDER BY 1"
    for query in (columns, indexes):
        assert postgres.execute(query, old) == postgres.execute(query, new)


def test_several_kiosks_migrate_one_server_at_the_same_moment(database):
    url = old_server(database, 20)

    def work(_):
        with PostgresStore(url, key=KEY) as store:
            store.touch("user-0")

    in_threads(5, work)
    with PostgresStore(url, key=KEY) as store:
        assert check(store).sound
        assert store.revision() == 20 + 5


def test_a_migration_of_a_server_that_fails_changes_nothing(postgres, database):
    url = old_server(database, PEOPLE)
    postgres.execute("CREATE TABLE sigverify.models (stands integer)", url)
    with pytest.raises(StoreError, match="cannot migrate"):
        PostgresStore(url, key=KEY)
    postgres.execute("DROP TABLE sigverify.models", url)
    assert postgres.execute("SELECT version FROM sigverify.version", url) == [(1,)]
    with PostgresStore(url, key=KEY) as store:
        look(store)


def test_a_role_that_does_not_own_the_tables_may_use_them_after_the_owner_migrated(postgres, database):
    url = old_server(database, PEOPLE)
    postgres.execute("DROP ROLE IF EXISTS clerk", url)
    postgres.execute("CREATE ROLE clerk LOGIN", url)
    postgres.execute("GRANT USAGE ON SCHEMA sigverify TO clerk", url)
    postgres.execute("GRANT ALL ON ALL TABLES IN SCHEMA sigverify TO clerk", url)
    clerk = url.replace("tester@", "clerk@")
    with pytest.raises(StoreError, match="the role that owns its tables"):
        PostgresStore(clerk, key=KEY)
    PostgresStore(url, key=KEY).close()
    with PostgresStore(clerk, key=KEY) as store:
        look(store)
        store.put(template("later", modality="image", model_id="f" * 16))
    postgres.execute("DROP OWNED BY clerk", url)


def test_an_old_kiosk_goes_on_with_its_copy_and_an_old_server(postgres, database, tmp_path):
    url, cache = old_server(database, PEOPLE), tmp_path / "cache.db"
    with FleetStore(url, key=KEY, cache=cache, poll_s=None) as store:
        assert store.users("pen") == USERS
    # The copy as the version before wrote it: its progress names no modality, its secret is sealed otherwise.
    with closing(sqlite3.connect(cache)) as copy:
        salt, sealed = copy.execute("SELECT salt, secret FROM state").fetchone()
        sealer = Sealer(KEY, salt)
        copy.execute(
            "UPDATE state SET secret = ?", (sealer.seal("secret", sealer.open("secret", sealed, 5)),)
        )
        copy.commit()
        copy.executescript(DOWNGRADE)
    shutil.copy(cache, tmp_path / "away.db")
    postgres.stop()
    try:
        with FleetStore(url, key=KEY, cache=tmp_path / "away.db", poll_s=None) as store:
            assert store.users("pen") == USERS
            assert store.get("user-1", "pen").user_id == "user-1"
    finally:
        postgres.start()
    with FleetStore(url, key=KEY, cache=cache, poll_s=None) as store:
        assert store.users("pen") == USERS
        store.put(template("user-1", modality="image", model_id="f" * 16))
        assert store.modalities("user-1") == ("image", "pen")
        assert check(store._cache.store).sound
    assert version(cache) == SCHEMA_VERSION


DOWNGRADE = """
BEGIN;
DROP TABLE seals;
ALTER TABLE state DROP COLUMN tally;
ALTER TABLE state ADD COLUMN model_id TEXT;
UPDATE state SET model_id = (SELECT model_id FROM models);
DROP INDEX changes;
ALTER TABLE templates RENAME TO new_templates;
ALTER TABLE vectors RENAME TO new_vectors;
CREATE TABLE templates (subject BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE vectors (
    subject BLOB PRIMARY KEY, content BLOB NOT NULL, revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX changes ON vectors (revision, subject);
INSERT INTO templates SELECT subject, content FROM new_templates;
INSERT INTO vectors SELECT subject, content, revision FROM new_vectors;
DROP TABLE new_templates;
DROP TABLE new_vectors;
DROP TABLE models;
PRAGMA user_version = 3;
COMMIT;
"""
