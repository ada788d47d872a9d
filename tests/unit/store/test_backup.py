import os
import shutil
import stat
import threading
from pathlib import Path

import pytest
from builders import template

from sigverify.errors import DamagedStore, StoreError, WrongKey
from sigverify.protection.keys import Key
from sigverify.store import MEMORY, SqliteStore
from sigverify.store import backup as module
from sigverify.store.backup import backup, restore
from sigverify.store.check import check
from sigverify.store.rekey import rekey

KEY = Key(bytes(range(32)))


@pytest.fixture
def store(tmp_path):
    with SqliteStore(tmp_path / "store.db", key=KEY) as opened:
        for number in range(10):
            opened.put(template(f"user-{number}", 1, seed=number))
        yield opened


def test_a_backup_is_a_store(store, tmp_path):
    health = backup(store, tmp_path / "backup.db")
    assert health.sound
    assert health.templates == 10
    assert stat.S_IMODE((tmp_path / "backup.db").stat().st_mode) == 0o600
    with SqliteStore(tmp_path / "backup.db", key=KEY, read_only=True) as copy:
        assert copy.users() == store.users()
        assert copy.get("user-3", "pen").to_bytes() == store.get("user-3", "pen").to_bytes()
    names = {each.name for each in tmp_path.iterdir()}
    assert not {name for name in names if name.startswith((".", "backup.db-"))}


def test_of_a_store_in_memory(tmp_path):
    with SqliteStore(MEMORY) as store:
        store.put(template("alice"))
        assert backup(store, tmp_path / "backup.db").templates == 1
        with SqliteStore(tmp_path / "backup.db", key=store.key) as copy:
            assert copy.users() == ("alice",)


@pytest.fixture
def medium(store, tmp_path, monkeypatch):
    """Return the path of a copy of the store in a folder where nobody may write; root is told so."""
    folder, access = tmp_path / "medium", os.access
    folder.mkdir()
    backup(store, folder / "store.db")
    monkeypatch.setattr(
        os, "access", lambda at, mode: not (mode & os.W_OK and Path(at) == folder) and access(at, mode)
    )
    folder.chmod(0o500)
    yield folder / "store.db"
    folder.chmod(0o700)


def test_of_a_store_where_nobody_can_write(medium, tmp_path):
    before = medium.read_bytes()
    with SqliteStore(medium, key=KEY, read_only=True) as opened:
        assert backup(opened, tmp_path / "backup.db").templates == 10
    assert medium.read_bytes() == before
    assert [each.name for each in medium.parent.iterdir()] == [medium.name]


def test_a_store_that_cannot_be_locked_and_is_written_to_meanwhile_is_not_backed_up(
    medium, tmp_path, monkeypatch
):
    with SqliteStore(medium, key=KEY, read_only=True) as opened:
        copy = module._copy

        def copied(source, draft):
            copy(source, draft)
            os.utime(medium)

        monkeypatch.setattr(module, "_copy", copied)
        with pytest.raises(StoreError, match="written to while it was copied"):
            backup(opened, tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nobody_can_write_a_log_that_holds_changes_is_said(store, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(f"{store.path}{ending}", folder)
    folder.chmod(0o500)
    with pytest.raises(StoreError, match="copy both files"):
        SqliteStore(folder / "store.db", key=KEY, read_only=True)
    folder.chmod(0o700)


def test_it_never_overwrites(store, tmp_path):
    (tmp_path / "backup.db").write_bytes(b"precious")
    with pytest.raises(StoreError, match="there already"):
        backup(store, tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_bytes() == b"precious"


def test_no_such_folder(store, tmp_path):
    with pytest.raises(StoreError, match="cannot write the backup"):
        backup(store, tmp_path / "missing" / "backup.db")


def test_while_others_write_it_is_of_one_moment(store, tmp_path):
    ended = threading.Event()

    def write():
        with SqliteStore(store.path, key=KEY) as other:
            for number in range(10, 1000):
                if ended.is_set():
                    return
                other.put(template(f"user-{number}", 1))

    writer = threading.Thread(target=write)
    writer.start()
    healths = [backup(store, tmp_path / f"backup-{number}.db") for number in range(5)]
    ended.set()
    writer.join()
    assert all(health.sound for health in healths)
    counts = [health.templates for health in healths]
    assert counts == sorted(counts)
    assert store.users()[: counts[-1]]


def test_restoring_under_an_open_store(store, tmp_path):
    backup(store, tmp_path / "backup.db")
    store.delete("user-0")
    store.put(template("later"))
    revision = store.revision()
    assert restore(tmp_path / "backup.db", store.path, key=KEY) == 10
    assert store.users() == tuple(f"user-{number}" for number in range(10))
    assert store.revision() > revision
    assert check(store).sound


def test_restoring_where_there_is_nothing(store, tmp_path):
    backup(store, tmp_path / "backup.db")
    restore(tmp_path / "backup.db", tmp_path / "new.db", key=KEY)
    with SqliteStore(tmp_path / "new.db", key=KEY) as new:
        assert len(new.users()) == 10
        new.put(template("later"))


def test_a_backup_from_before_a_rekey_comes_back_with_its_own_key(store, tmp_path):
    backup(store, tmp_path / "backup.db")
    new = Key.generate()
    rekey(store, new)
    with pytest.raises(WrongKey):
        restore(tmp_path / "backup.db", store.path, key=new)
    assert len(store.users()) == 10
    restore(tmp_path / "backup.db", store.path, key=KEY)
    with SqliteStore(store.path, key=KEY) as again:
        assert len(again.users()) == 10
    assert len(store.users()) == 10  # it was opened with the old key once, and still has it


def test_a_damaged_backup_is_refused_and_the_store_stays(store, tmp_path):
    file = tmp_path / "backup.db"
    backup(store, file)
    with SqliteStore(file, key=KEY) as copy, copy.changing():
        copy.database.execute("UPDATE templates SET content = zeroblob(99)")
    with pytest.raises(DamagedStore, match="10 findings"):
        restore(file, store.path, key=KEY)
    assert len(store.users()) == 10
    assert check(store).sound


def test_a_backup_of_a_damaged_store_says_so(store, tmp_path):
    with store.changing():
        store.database.execute("UPDATE templates SET content = zeroblob(99)")
    health = backup(store, tmp_path / "backup.db")
    assert len(health.findings) == 10
    assert (tmp_path / "backup.db").is_file()


@pytest.mark.parametrize("content", [b"", b"no store" * 1000])
def test_what_is_no_backup(store, tmp_path, content):
    (tmp_path / "backup.db").write_bytes(content)
    with pytest.raises(StoreError):
        restore(tmp_path / "backup.db", store.path, key=KEY)
    assert len(store.users()) == 10
