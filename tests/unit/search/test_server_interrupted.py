"""A fault at any line or statement while vectors are put on a server: the next search finds everybody."""

import contextlib

import faults
import pytest
from builders import arithmetic_matcher, signature

from sigverify.protection.keys import Key
from sigverify.search.server_finder import make_vectors
from sigverify.store.clear_vectors import ClearVectors
from sigverify.store.postgres import PostgresStore
from sigverify.verifier import Verifier

faults_postgres = pytest.importorskip("faults_postgres", reason="no psycopg: pip install 'sigverify[fleet]'")

KEY = Key(bytes(range(32)))
FILES = tuple(
    str(faults.SHIPPED / name)
    for name in ("search/server_finder.py", "store/clear_vectors.py", "store/postgres.py")
)
NAMES = ["alice", "bob", "carol"]


@pytest.fixture
def prepared(searching_postgres):
    """A database in which one is new, one was replaced and one is gone since the server had all vectors."""
    url = searching_postgres.url()
    searching_postgres.execute("CREATE EXTENSION vector", url)
    with PostgresStore(url, key=KEY) as store:
        make_vectors(store)
        with Verifier(store, arithmetic_matcher(), index="server") as verifier:
            for writer, name in enumerate(("alice", "bob", "dora")):
                verifier.enroll(name, [signature(writer, n) for n in range(2)], quality="record")
            verifier.prepare()
            verifier.enroll("carol", [signature(5, n) for n in range(3)], quality="record")
            verifier.enroll("bob", [signature(6, n) for n in range(3)], quality="record", replace=True)
            verifier.forget("dora")
    searching_postgres.keep(url)
    yield url
    searching_postgres.take_back(url)


@pytest.fixture
def fresh(searching_postgres, prepared):
    """Return a function that opens it as it was prepared, and closes what it opened before."""
    with contextlib.ExitStack() as opened:

        def open_():
            opened.close()
            searching_postgres.put_back(prepared)
            store = PostgresStore(prepared, key=KEY)
            return opened.enter_context(Verifier(store, arithmetic_matcher(), index="server"))

        yield open_


def looks_right(verifier, where):
    matches = verifier.identify(signature(6, 8), top_k=5)
    assert sorted(match.user_id for match in matches) == NAMES, where
    assert matches[0].user_id == "bob", where
    vectors = ClearVectors(verifier.store)
    assert vectors.strays() == [], where
    with verifier.store.reading():
        ((count,),) = verifier.store.database.execute("SELECT COUNT(*) FROM clear_vectors").fetchall()
    assert count == 2 + 3 + 3, where


def test_an_exception_at_any_line(fresh):
    lines = faults.lines_of(fresh().prepare, FILES)
    assert len(lines) > 40
    for line in lines[::2]:
        verifier = fresh()
        outcome = faults.interrupt(verifier.prepare, line, FILES)
        assert outcome.raised is not None, outcome.where
        looks_right(verifier, outcome.where)
    faults.say(f"{len(lines[::2])} exceptions")


@pytest.mark.parametrize("kind", faults_postgres.POSTGRES_FAULTS)
def test_a_fault_of_any_statement(fresh, monkeypatch, kind):
    with faults_postgres.faulty_postgres(monkeypatch):
        statements = faults.statements_of(fresh().prepare)
        assert len(statements) > 5
        for statement in statements:
            verifier = fresh()
            outcome = faults.fail_statement(
                verifier.prepare, statement, faults_postgres.POSTGRES_FAULTS[kind]
            )
            looks_right(verifier, outcome.where)
    faults.say(f"{len(statements)} statements")
