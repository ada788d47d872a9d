"""A counter outside of the file: an older copy of the whole store is refused."""

import shutil
import sys

import pytest
import software_tpm
from builders import template

from sigverify.errors import ConfigError, DamagedStore, MissingExtra, StoreError
from sigverify.protection.keys import Key
from sigverify.store import SqliteStore
from sigverify.store.backup import backup, restore
from sigverify.store.check import Damage, check, repair
from sigverify.store.counter import FileCounter, find_counter
from sigverify.store.postgres_counter import PostgresCounter
from sigverify.store.tpm_counter import INDEX, TpmCounter

KEY = Key(bytes(range(32)))


@pytest.fixture(scope="session")
def tpm():
    pytest.importorskip(
        "tpm2_pytss", reason="no tpm2-pytss: pip install 'sigverify[tpm]'", exc_type=ImportError
    )
    if not software_tpm.is_there():
        pytest.skip("no software TPM here: install swtpm (Debian: swtpm, libtss2-dev)")
    with software_tpm.software_tpm() as its:
        yield its


class Machine:
    """A store with its counter, and who copies its file."""

    def __init__(self, folder, make):
        self.path = folder / "store.db"
        self.copy = folder / "copy.db"
        self.make = make

    def open(self, **options):
        return SqliteStore(self.path, key=KEY, counter=self.make(), **options)

    def keep(self):
        shutil.copy(self.path, self.copy)

    def put_back(self):
        shutil.copy(self.copy, self.path)


index = INDEX


@pytest.fixture(params=["file", "server", "tpm"])
def machine(request, tmp_path):
    if request.param == "file":
        (tmp_path / "medium").mkdir()
        return Machine(tmp_path, lambda: FileCounter(tmp_path / "medium" / "count"))
    if request.param == "server":
        url = request.getfixturevalue("database")
        return Machine(tmp_path, lambda: PostgresCounter(url, name="kiosk"))
    global index  # noqa: PLW0603, each store needs one of its own, and the TPM goes on
    index += 1
    tcti, its = request.getfixturevalue("tpm"), index
    return Machine(tmp_path, lambda: TpmCounter(its, tcti=tcti))


def older(machine):
    """The store is refused as an older copy of itself."""
    for options in ({}, {"read_only": True}):
        with pytest.raises(DamagedStore, match="older copy of itself"):
            machine.open(**options)
    with machine.open(compare=False, read_only=True) as store:
        assert Damage.OLDER in [each.damage for each in check(store).findings]
    return True


def test_a_whole_file_of_before_is_refused(machine):
    with machine.open() as store:
        store.put(template("alice", 1))
    machine.keep()
    with machine.open() as store:
        assert store.users() == ("alice",)
        store.delete("alice")
    machine.put_back()
    assert older(machine)


def test_one_change_is_enough(machine):
    with machine.open() as store:
        store.put(template("alice", 1))
        with store.transaction() as records:
            records.put("lockout", "alice", b"4 failures")
    machine.keep()
    with machine.open() as store, store.transaction() as records:
        records.put("lockout", "alice", b"5 failures")
    machine.put_back()
    assert older(machine)


def test_a_new_file_is_not_taken_for_the_one_that_was_counted(machine):
    with machine.open() as store:
        store.put(template("alice", 1))
    machine.path.unlink()
    with pytest.raises(StoreError, match=r"older copy|does not open|cannot be used"):
        machine.open()


def test_a_file_from_before_it_was_counted_is_refused(machine):
    with SqliteStore(machine.path, key=KEY) as store:
        store.put(template("alice", 1))
    machine.keep()
    with machine.open() as store:
        assert store.users() == ("alice",)
    machine.put_back()
    assert older(machine)


def test_without_the_counter_a_counted_store_is_read_and_not_written(machine):
    machine.open().close()
    with pytest.raises(ConfigError, match="Name it"):
        SqliteStore(machine.path, key=KEY)
    with SqliteStore(machine.path, key=KEY, read_only=True) as store:
        assert store.users() == ()


def test_a_crash_between_commit_and_counter_is_made_good(machine, monkeypatch):
    with machine.open() as store:
        monkeypatch.setattr(store.ledger, "count_on", lambda: None)
        store.put(template("alice", 1))
        store.put(template("bob", 1))  # the counter is still behind: no second number
    machine.keep()
    with machine.open() as store:
        assert store.users() == ("alice", "bob")
        store.delete("alice")
    machine.put_back()
    assert older(machine)


def test_a_counter_that_fails_does_not_undo_what_was_committed(machine, monkeypatch, caplog):
    def fail(*_):
        raise StoreError("away")

    with machine.open() as store:
        monkeypatch.setattr(type(store.ledger.counter), "advance", fail)
        store.put(template("alice", 1))
        assert "the next change tries again" in caplog.text
        monkeypatch.setattr(type(store.ledger.counter), "read", fail)
        store.put(template("bob", 1))
        assert "cannot be read" in caplog.text
        with pytest.raises(StoreError, match="away"):
            machine.open()
        monkeypatch.undo()
        store.put(template("carol", 1))
    with machine.open() as store:
        assert len(store) == 3


def test_two_processes_count_together(machine):
    with machine.open() as one, machine.open() as other:
        for number in range(3):
            one.put(template(f"one-{number}", 1))
            other.put(template(f"other-{number}", 1))
    with machine.open() as store:
        assert len(store) == 6


def test_changes_that_do_not_wait_for_the_disk_are_not_counted(machine):
    with machine.open() as store:
        before = store.ledger.counter.read()
        with store.transaction(durable=False) as records:
            records.put("kind", "subject", b"")
        assert store.ledger.counter.read() == before
        with store.transaction() as records:
            records.put("kind", "subject", b"")
        assert store.ledger.counter.read() == before + 1


def test_an_older_copy_is_taken_on_demand(machine):
    with machine.open() as store:
        store.put(template("alice", 1))
    machine.keep()
    with machine.open() as store:
        store.delete("alice")
    machine.put_back()
    with machine.open(compare=False) as store:
        assert repair(store, accept=True).sound
    machine.keep()
    with machine.open() as store:
        assert store.users() == ("alice",)
        store.put(template("bob", 1))
    machine.put_back()
    assert older(machine)


def test_a_restored_backup_is_the_newest(machine, tmp_path):
    with machine.open() as store:
        store.put(template("alice", 1))
        assert backup(store, tmp_path / "backup.db").sound
        store.delete("alice")
    machine.keep()
    assert restore(tmp_path / "backup.db", machine.path, key=KEY, counter=machine.make()) == 1
    with machine.open() as store:
        assert store.users() == ("alice",)
    machine.put_back()
    assert older(machine)


def test_a_counted_backup_restored_elsewhere_is_not_counted(machine, tmp_path):
    with machine.open() as store:
        store.put(template("alice", 1))
        backup(store, tmp_path / "backup.db")
    restore(tmp_path / "backup.db", tmp_path / "elsewhere.db", key=KEY)
    with SqliteStore(tmp_path / "elsewhere.db", key=KEY) as store:
        assert store.users() == ("alice",)
    shutil.copy(tmp_path / "elsewhere.db", machine.path)
    assert older(machine)


def test_a_counter_of_another_store(machine, tmp_path):
    machine.open().close()
    with pytest.raises(StoreError):
        SqliteStore(tmp_path / "other.db", key=KEY, counter=machine.make())


def test_a_counter_that_is_behind_is_another_one(tmp_path):
    path, medium = tmp_path / "store.db", tmp_path / "count"
    with SqliteStore(path, key=KEY, counter=FileCounter(medium)) as store:
        store.put(template("alice", 1))
        before = medium.read_bytes()
        store.put(template("bob", 1))
        store.put(template("carol", 1))
    medium.write_bytes(before)
    with pytest.raises(DamagedStore, match=r"counter of the store .* is behind"):
        SqliteStore(path, key=KEY, counter=FileCounter(medium))
    medium.write_bytes(before[:-1] + b"x")
    with pytest.raises(DamagedStore, match="does not open"):
        SqliteStore(path, key=KEY, counter=FileCounter(medium))
    medium.unlink()
    with pytest.raises(DamagedStore, match="is behind"):
        SqliteStore(path, key=KEY, counter=FileCounter(medium))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["store.db"]


def test_a_medium_that_is_away(tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        SqliteStore(tmp_path / "store.db", key=KEY, counter=FileCounter(tmp_path / "nowhere" / "count"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        SqliteStore(tmp_path / "store.db", key=KEY, counter=FileCounter(tmp_path / "folder"))


def test_what_an_option_names(monkeypatch):
    assert find_counter(None, "store.db") is None
    assert isinstance(find_counter("file:/medium/count", "store.db"), FileCounter)
    assert isinstance(find_counter("fleet", "postgresql://host/fleet"), PostgresCounter)
    assert isinstance(find_counter("postgresql://host/fleet", "store.db"), PostgresCounter)
    for source in ("", "file:", "fleet", "tpm:5", "tpm:x", "tpmx", "/medium/count"):
        with pytest.raises((ConfigError, MissingExtra)):
            find_counter(source, "store.db")
    monkeypatch.setitem(sys.modules, "tpm2_pytss", None)
    with pytest.raises(MissingExtra, match=r"sigverify\[tpm\]"):
        find_counter("tpm", "store.db")


def test_a_tpm_that_is_away(tpm):
    with pytest.raises(StoreError, match="TPM"):
        TpmCounter(tcti=tpm.replace("port=", "port=1")).read()


def test_stores_on_one_server_have_a_row_each_and_it_only_rises(postgres, tmp_path):
    import psycopg

    url = postgres.url()
    for name in ("one", "other"):
        with SqliteStore(tmp_path / name, key=KEY, counter=PostgresCounter(url)) as store:
            store.put(template("alice", 1))
    rows = postgres.execute("SELECT store, number FROM sigverify.counters ORDER BY store", url)
    assert [(name.rpartition("/")[2], number) for name, number in rows] == [("one", 3), ("other", 3)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only rises"):
        postgres.execute("UPDATE sigverify.counters SET number = 1", url)
    postgres.execute("UPDATE sigverify.counters SET number = 9", url)
    with pytest.raises(DamagedStore, match="does not open"):
        SqliteStore(tmp_path / "one", key=KEY, counter=PostgresCounter(url))
