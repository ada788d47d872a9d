"""What somebody who can write the file plants in its schema is refused, before and while it is open."""

import sqlite3

import pytest
from builders import arithmetic_matcher, signature

from sigverify.errors import DamagedStore
from sigverify.policy import Policy
from sigverify.store import SqliteStore
from sigverify.verifier import Verifier

PLANTED = {
    "lock-out that is never written": (
        "CREATE TRIGGER t BEFORE INSERT ON records WHEN NEW.kind = 'lockout' BEGIN SELECT RAISE(IGNORE); END"
    ),
    "removal that is undone": (
        "CREATE TRIGGER t AFTER DELETE ON templates BEGIN "
        "INSERT INTO templates VALUES (OLD.subject, OLD.modality, OLD.content); END"
    ),
    "a view": "CREATE VIEW v AS SELECT * FROM records",
    "a table": "CREATE TABLE more (x)",
    "an index": "CREATE INDEX i ON journals (kind)",
    "a column": "ALTER TABLE records ADD COLUMN x",
    "an index that is gone": "DROP INDEX changes",
}


def plant(path, statement):
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def path(tmp_path):
    with Verifier(SqliteStore(tmp_path / "a.db"), arithmetic_matcher()) as verifier:
        verifier.enroll("alice", [signature(0, k) for k in range(5)])
    return tmp_path / "a.db"


@pytest.mark.parametrize("what", PLANTED)
def test_planted_before_it_is_opened(path, what):
    plant(path, PLANTED[what])
    for read_only in (False, True):
        with pytest.raises(DamagedStore, match=r"not as this release makes them; expected no trigger"):
            SqliteStore(path, read_only=read_only)


@pytest.mark.parametrize("what", PLANTED)
def test_planted_while_it_is_open(path, what):
    with Verifier(SqliteStore(path), arithmetic_matcher(), policy=Policy()) as verifier:
        assert verifier.verify("alice", signature(0, 7)).accepted
        plant(path, PLANTED[what])
        with pytest.raises(DamagedStore, match="not as this release makes them"):
            verifier.verify("alice", signature(0, 8))
        with pytest.raises(DamagedStore, match="not as this release makes them"):
            verifier.forget("alice")


def test_a_store_that_nobody_touched_is_opened_again(path):
    with SqliteStore(path) as store:
        assert store.users() == ("alice",)
