"""The same on a server, and in a fleet: `test_faults` says what is asked."""

import shutil
import time
from contextlib import nullcontext, suppress
from functools import cache

import faults
import pytest
from builders import arithmetic_matcher, signature

from sigverify.errors import SigverifyError
from sigverify.fleet import FleetStore
from sigverify.policy import Policy, Schedule
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.lockout import Tries
from sigverify.policy.replay import KIND as REPLAY
from sigverify.protection.keys import Key
from sigverify.search.groups import KIND as GROUPS
from sigverify.store.check import check
from sigverify.store.postgres import PostgresStore
from sigverify.store.rekey import rekey
from sigverify.verifier import Verifier

psycopg = pytest.importorskip("psycopg", reason="no psycopg: pip install 'sigverify[fleet]'")
faults_postgres = pytest.importorskip("faults_postgres")

KEY, NEW_KEY = Key(bytes(range(32))), Key(bytes(range(1, 33)))
POLICY = Policy(fmr=0.1, reveal_unknown=False, reveal_score=False, per_user=Schedule(tries=2))
SOME_LINES, SOME_STATEMENTS = 6, 2

# Tracing raises where no signal can: at the end of `with open(...)`, one step for the interpreter.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

matcher = cache(arithmetic_matcher)


def genuine(writer, count=5):
    return [signature(writer, repetition) for repetition in range(count)]


OPERATIONS = {
    "verify, rejected": lambda v: v.verify("alice", signature(1, 9)),
    "enroll": lambda v: v.enroll("bob", genuine(1), groups=["staff"]),
    "replace": lambda v: v.enroll("alice", genuine(2), replace=True),
    "forget": lambda v: v.forget("alice"),
    "unlock": lambda v: v.unlock("alice"),
}
KINDS = {
    "server": {**OPERATIONS, "rekey": lambda v: rekey(v.store, NEW_KEY)},
    "fleet": OPERATIONS,
}


class Bench:
    """A database as it was prepared, for each fault anew."""

    def __init__(self, postgres, url, folder, kind, operation):
        self.server, self.folder, self.kind = postgres, folder, kind
        self.operation = KINDS[kind][operation]
        self.count = 0
        self.url = url
        folder.mkdir()
        with self.opened() as verifier:
            verifier.enroll("alice", genuine(0), groups=["staff"])
            verifier.verify("alice", signature(1, 8))
            if kind == "fleet":
                verifier.store.synchronize()
        postgres.keep(url)
        shutil.copytree(folder, f"{folder}-prepared")
        with self.fresh() as verifier:
            self.before = self.look(verifier)
            self.operation(verifier)
            self.after = self.look(verifier)

    def opened(self):
        if self.kind == "fleet":
            store = FleetStore(self.url, key=KEY, cache=self.folder / "cache.db", poll_s=None)
        else:
            store = PostgresStore(self.url, key=KEY)
        return Verifier(store, matcher(), policy=POLICY)

    def fresh(self):
        self.server.put_back(self.url)
        shutil.rmtree(self.folder)
        shutil.copytree(f"{self.folder}-prepared", self.folder)
        return self.opened()

    def look(self, verifier):
        store = verifier.store
        return {
            "references": {who: len(store.get(who, "pen")) for who in store.users()},
            "failures": {
                who: Tries.from_bytes(each).failures for who, each in store.records(LOCKOUT).items() if who
            },
            "records": {
                kind: {who: len(each) for who, each in store.records(kind).items()}
                for kind in (REPLAY, GROUPS)
            },
            "log": [entry.event.value for entry in verifier.audit.entries()],
        }

    def assert_is_free(self):
        """Another kiosk could write soon: the server notices by itself that a line was dropped."""
        end = time.monotonic() + 10
        while True:
            try:
                self.server.execute("SELECT 1 FROM sigverify.state FOR UPDATE NOWAIT", self.url)
            except psycopg.errors.LockNotAvailable:
                assert time.monotonic() < end
                time.sleep(0.01)
            else:
                return

    def put(self, fault):
        with self.fresh() as verifier:
            outcome = fault(lambda: self.operation(verifier))
            self.count += 1
            self.assert_is_free()
            if self.kind == "fleet":
                verifier.store.synchronize()
            found = self.look(verifier)
            if outcome.raised is None:
                assert found == self.after, outcome.where
            else:
                assert found in (self.before, self.after), outcome.where
            with suppress(SigverifyError) if found == self.after else nullcontext():
                self.operation(verifier)
            assert verifier.audit.verify().intact, outcome.where
            key = verifier.store.key if self.kind == "server" else KEY  # a rekey changes it
            with PostgresStore(self.url, key=key) as store:
                assert check(store).sound, outcome.where


@pytest.fixture
def bench(postgres, database, tmp_path, monkeypatch, request):
    with faults.faulty_sqlite(monkeypatch), faults_postgres.faulty_postgres(monkeypatch):
        yield Bench(postgres, database, tmp_path / "fleet", *request.param)


each_operation = pytest.mark.parametrize(
    "bench",
    [(kind, each) for kind, operations in KINDS.items() for each in operations],
    indirect=True,
    ids=", ".join,
)


def some(numbers, count):
    """So many of these, evenly spread; 0: all."""
    step = max(1, len(numbers) // count) if count else 1
    return numbers[step // 2 :: step]


def put_at_lines(bench, count):
    with bench.fresh() as verifier:
        lines = faults.lines_of(lambda: bench.operation(verifier))
    for line in some(lines, count):
        bench.put(lambda call, line=line: faults.interrupt(call, line))
    faults.say(f"{bench.count} exceptions, at {len(lines)} lines")


def put_in_statements(bench, count):
    with bench.fresh() as verifier:
        statements = faults.statements_of(lambda: bench.operation(verifier))
    for fail in faults_postgres.POSTGRES_FAULTS.values():
        for number in some(statements, count):
            bench.put(lambda call, number=number, fail=fail: faults.fail_statement(call, number, fail))
    faults.say(f"{bench.count} errors of {len(statements)} statements")


@pytest.mark.parametrize(
    "bench", [("server", "enroll"), ("fleet", "verify, rejected")], indirect=True, ids=", ".join
)
def test_an_exception_at_some_lines(bench):
    put_at_lines(bench, SOME_LINES)


@pytest.mark.parametrize("bench", [("server", "forget"), ("fleet", "enroll")], indirect=True, ids=", ".join)
def test_an_error_of_some_statements(bench):
    put_in_statements(bench, SOME_STATEMENTS)


@pytest.mark.slow
@pytest.mark.exhaustive
@each_operation
def test_an_exception_at_every_line(bench):
    put_at_lines(bench, 0)


@pytest.mark.slow
@pytest.mark.exhaustive
@each_operation
def test_an_error_of_every_statement(bench):
    put_in_statements(bench, 0)
