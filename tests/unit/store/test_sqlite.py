import dataclasses
import itertools
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from builders import template

from sigverify.errors import StoreError
from sigverify.store import SqliteStore, sqlite_database


def test_survives_closing_and_shows_to_another_connection(tmp_path):
    path = tmp_path / "store.db"
    with SqliteStore(path) as one, SqliteStore(path) as other:
        one.put(template("alice"))
        assert other.users() == ("alice",)
        other.delete("alice")
        assert one.users() == ()
        one.put(template("bob"))
        one.close()
        one.close()
    with SqliteStore(path, create=False) as again:
        assert again.users() == ("bob",)


def test_a_closed_store_says_so(tmp_path):
    store = SqliteStore(tmp_path / "store.db")
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.users()


def test_what_is_forgotten_leaves_no_trace_on_disk(tmp_path):
    its = template("alice")
    needle = its.references.series.tobytes()[:64]
    with SqliteStore(tmp_path / "store.db") as store:
        store.put(its)
        store.put(template("bob", 1, seed=1))
        store.delete("alice")
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert needle not in everything
    assert b"alice" not in everything


def test_not_a_database(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear Sir or Madam, " * 100)
    with pytest.raises(StoreError, match="not a database"):
        SqliteStore(path)
    assert path.read_bytes() == b"Dear Sir or Madam, " * 100


def test_another_programs_database(tmp_path):
    path = tmp_path / "notes.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE notes (text)")
    database.close()
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path)


def test_a_store_of_another_version(tmp_path):
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="another version"):
        SqliteStore(path)


@pytest.mark.parametrize("options", [{"create": False}, {"read_only": True}])
def test_no_such_store(tmp_path, options):
    with pytest.raises(StoreError, match="no store at"):
        SqliteStore(tmp_path / "missing.db", **options)
    assert not list(tmp_path.iterdir())


def test_no_such_folder(tmp_path):
    with pytest.raises(StoreError, match="folder"):
        SqliteStore(tmp_path / "missing" / "store.db")


def test_read_only_reads_and_refuses_to_write(tmp_path):
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put(template("alice"))
    with SqliteStore(path, read_only=True) as store:
        assert store.get("alice", "pen").user_id == "alice"
        with pytest.raises(StoreError, match="readonly"):
            store.put(template("bob"))


def test_damaged_pages_are_an_error_not_a_crash(tmp_path):
    path = tmp_path / "store.db"
    with SqliteStore(path) as store:
        store.put(template("alice"))
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError), SqliteStore(path) as store:
        store.get("alice", "pen")


WRITER = """
import sys
from sigverify.store import SqliteStore
from sigverify.template import Template
path, template_path, name = sys.argv[1:]
from dataclasses import replace
its = Template.from_bytes(open(template_path, "rb").read())
with SqliteStore(path) as store:
    for turn in range(10):
        store.put(replace(its, user_id=f"{name}-{turn}"))
"""


OPENER = """
import sys, time
from sigverify.store import SqliteStore
path, start = sys.argv[1], float(sys.argv[2])
time.sleep(max(0, start - time.time()))
for number in range(10):
    with SqliteStore(f"{path}-{number}") as store:
        assert store.users() == ()
"""


def test_several_processes_create_one_store_at_the_same_moment(tmp_path):
    arguments = [str(tmp_path / "store.db"), str(time.time() + 1)]
    processes = [subprocess.Popen([sys.executable, "-c", OPENER, *arguments]) for _ in range(5)]
    assert [process.wait(60) for process in processes] == [0] * 5


def test_several_processes_lose_nothing(tmp_path):
    (tmp_path / "template").write_bytes(template("x", 1).to_bytes())
    arguments = [str(tmp_path / "store.db"), str(tmp_path / "template")]
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, *arguments, name]) for name in ("one", "two", "three")
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    with SqliteStore(tmp_path / "store.db") as store:
        assert len(store.users()) == 30
        assert store.revision() == 30


def test_only_its_owner_may_read_a_new_store_its_log_and_its_index(tmp_path):
    before = os.umask(0)
    try:
        with SqliteStore(tmp_path / "store.db") as store:
            store.put(template("alice"))
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)


def test_the_mode_of_a_store_that_is_there_stays(tmp_path):
    path = tmp_path / "store.db"
    SqliteStore(path).close()
    path.chmod(0o640)
    SqliteStore(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory):
    """Stores of forty people and of eight hundred."""
    folder, its = tmp_path_factory.mktemp("stores"), template("somebody", 1)
    stores = []
    for people in (40, 800):
        store = SqliteStore(folder / f"{people}.db")
        with store.transaction():
            for number in range(people):
                store.put(dataclasses.replace(its, user_id=f"user-{number}"))
        stores.append(store)
    yield stores
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.changes("pen", limit=20),
        lambda store: store.page(limit=20),
        lambda store: store.get("user-7", "pen"),
        lambda store: store.modalities("user-7"),
        lambda store: store.read_record("groups", "user-7"),
        lambda store: store.put(template("user-7", 1), replace=True),
    ],
    ids=["changes", "page", "get", "modalities", "record", "put"],
)
def test_what_it_takes_does_not_grow_with_the_people(few_and_many, ask):
    taken = []
    for store in few_and_many:
        ask(store)  # the first time more is read
        steps = itertools.count()
        store.database._connection.set_progress_handler(lambda steps=steps: next(steps) and None, 1)
        ask(store)
        store.database._connection.set_progress_handler(None, 0)
        taken.append(next(steps))
    assert taken[1] < 1.5 * taken[0], "steps of SQLite's machine"


def test_who_met_another_writer_asks_by_itself_for_a_while(tmp_path, monkeypatch):
    """SQLite sleeps longer than a verification takes; where nobody else writes that costs nothing."""
    path = tmp_path / "store.db"
    # However late a busy machine lets this process go on, only who writes for longer is taken for another.
    monkeypatch.setattr(sqlite_database, "_NOTABLE_S", 1.0)
    with SqliteStore(path) as store:
        said = []
        store.database.connection.set_trace_callback(said.append)

        def asks():
            del said[:]
            with store.transaction() as records:
                records.put("kind", "alice", b"")
            return sum("busy_timeout" in each for each in said)

        assert asks() == 0
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        threading.Timer(1.2, other.execute, ["ROLLBACK"]).start()
        assert asks() == 0
        assert asks() == 2
        later = time.monotonic() + 61
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert asks() == 0
        other.close()


def moved(path):
    path.rename(path.with_name("elsewhere"))


def replaced(path):
    moved(path)
    shutil.copyfile(path.with_name("elsewhere"), path)


@pytest.mark.parametrize("lost", [moved, replaced, Path.unlink])
def test_a_file_that_lost_its_name_is_not_gone_on_with(tmp_path, lost):
    path = tmp_path / "kiosk.db"
    with SqliteStore(path) as store, store.transaction() as records:
        records.put("kind", "name", b"before")
    with SqliteStore(path) as store:
        lost(path)
        for use in (store.users, store.models, lambda: store.transaction().__enter__()):
            with pytest.raises(StoreError, match="was deleted, moved or replaced while it was open"):
                use()


def test_a_file_that_is_put_back_is(tmp_path):
    path = tmp_path / "kiosk.db"
    with SqliteStore(path) as store:
        moved(path)
        with pytest.raises(StoreError, match="was deleted"):
            store.users()
        path.with_name("elsewhere").rename(path)
        assert store.users() == ()
