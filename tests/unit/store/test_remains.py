"""What is deleted or replaced is overwritten, or a store says that it is not yet."""

import random
import shutil
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from builders import template
from typer.testing import CliRunner

from sigverify.administration import forget
from sigverify.cli.app import app
from sigverify.errors import UnknownUser
from sigverify.protection.keys import Key
from sigverify.store import Erasure, SqliteStore
from sigverify.store.check import Damage, check
from sigverify.store.rekey import rekey

KEY, NEW_KEY = Key(bytes(range(32))), Key(bytes(range(1, 33)))
ITS = template(count=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    with SqliteStore(path, key=KEY, timeout_s=0.2) as its:
        for name in ("alice", "bob"):
            its.put(replace(ITS, user_id=name))
        yield its


@contextmanager
def reading(path):
    """Somebody who has begun to read, and does not end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT COUNT(*) FROM templates").fetchall()
        yield


def seals(path):
    """The first bytes of every template and its vectors: no two are alike."""
    with closing(sqlite3.connect(path)) as other:
        query = (
            "SELECT substr(content, 1, 12) FROM templates UNION SELECT substr(content, 1, 12) FROM vectors"
        )
        return [row[0] for row in other.execute(query)]


def lie_in(path, sought):
    files = [path, path.with_name(f"{path.name}-wal")]
    data = b"".join(each.read_bytes() for each in files if each.exists())
    return [each in data for each in sought]


CHANGES = {
    "forget": lambda store: forget(store, "alice"),
    "replace": lambda store: store.put(replace(ITS, user_id="alice"), replace=True),
    "rekey": lambda store: rekey(store, NEW_KEY),
}


@pytest.mark.parametrize("change", CHANGES)
def test_is_overwritten(store, path, change):
    before = seals(path)
    CHANGES[change](store)
    gone = [each for each in before if each not in seals(path)]
    assert len(gone) >= 2
    assert store.erasure() is Erasure.DONE
    assert not any(lie_in(path, gone))
    assert check(store).sound


@pytest.mark.parametrize("change", CHANGES)
def test_beside_a_long_reader_is_said_and_found_and_made_good(store, path, change, caplog):
    before = seals(path)
    with reading(path):
        CHANGES[change](store)
        gone = [each for each in before if each not in seals(path)]
        assert store.erasure() is Erasure.PENDING
        assert all(lie_in(path, gone))
        assert "somebody has been reading for long" in caplog.text
        found = check(store).findings
        assert {each.damage for each in found} == {Damage.REMAINS}
        store.put(replace(ITS, user_id="carol"))
        assert store.erasure() is Erasure.PENDING
        assert caplog.text.count("somebody has been reading") == 1
    store.put(replace(ITS, user_id="dora"))
    assert store.erasure() is Erasure.DONE
    assert not any(lie_in(path, gone))
    assert check(store).sound


def test_a_try_does_not_wait_for_a_reader(path):
    with SqliteStore(path, key=KEY, timeout_s=60) as store:
        store.put(replace(ITS, user_id="alice"))
        with reading(path):
            with store.transaction(local=True):
                store.put(replace(ITS, user_id="alice"), replace=True)
            assert store.erasure() is Erasure.PENDING


def test_the_next_to_open_makes_good_what_a_killed_process_left(store, path, tmp_path):
    before = seals(path)
    with reading(path):
        store.delete("alice")
        for name in ("", "-wal"):
            shutil.copy(f"{path}{name}", tmp_path / f"copy.db{name}")
    copy = tmp_path / "copy.db"
    with SqliteStore(copy, key=KEY, read_only=True) as other:
        assert not check(other).sound
    with SqliteStore(copy, key=KEY) as other:
        assert check(other).sound
        gone = [each for each in before if each not in seals(copy)]
        assert not any(lie_in(copy, gone))


def test_forgetting_says_it_on_the_command_line(store, path, tmp_path):
    del store
    (tmp_path / "key").write_text(bytes(range(32)).hex())
    (tmp_path / "key").chmod(0o600)
    arguments = ["--store", str(path), "--key", str(tmp_path / "key")]
    done = CliRunner().invoke(app, ["forget", "--user", "alice", *arguments])
    assert (done.exit_code, done.output) == (0, "Forgot alice.\n")
    with reading(path):
        done = CliRunner().invoke(app, ["forget", "--user", "bob", "--json", *arguments])
    assert done.exit_code == 4
    assert '"erasure": "pending"' in done.output


@pytest.mark.parametrize("seed", range(3))
def test_in_ordinary_life_nothing_is_found(path, seed):
    chosen = random.Random(seed)
    with SqliteStore(path, key=KEY) as store:
        for step in range(120):
            name = f"user {chosen.randrange(25)}"
            match chosen.randrange(4):
                case 0:
                    try:
                        store.delete(name)
                    except UnknownUser:
                        continue
                case 1 if name in store.users():
                    store.touch(name)
                case 2:
                    with store.transaction(durable=False) as records:
                        records.put("lockout", name, bytes(chosen.randrange(3000)))
                        records.append("audit", bytes(200))
                case _:
                    store.put(replace(ITS, user_id=name), replace=True)
            if step % 10 == 0:
                assert check(store).sound
