"""Whatever is raised, wherever: a change is there or not, nothing stays open, and the same works afterwards.

An exception at each line (out of a signal handler, of a memory that is full), an error of each statement. The
first tests take some of them; those marked exhaustive take all, and `make faults` prints how many that were.
"""

import shutil
import sqlite3
import sys
import threading
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from functools import cache

import faults
import old_stores
import pytest
from builders import arithmetic_matcher, signature

from sigverify.errors import SigverifyError, UntrustedCapture
from sigverify.policy import Policy, Schedule
from sigverify.policy.adaptation import kinds as adaptation_kinds
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.lockout import Tries
from sigverify.policy.provenance import KIND as COUNTERS
from sigverify.policy.replay import KIND as REPLAY
from sigverify.protection.keys import Key
from sigverify.search.groups import KIND as GROUPS
from sigverify.signed.capture_keys import CaptureKeys
from sigverify.signed.signer import CaptureSigner
from sigverify.store import SqliteStore
from sigverify.store.backup import backup, restore
from sigverify.store.check import check, repair
from sigverify.store.rekey import rekey
from sigverify.store.transfer import export_template, import_template
from sigverify.verifier import Verifier

KEY = Key(bytes(range(32)))
NEW_KEY = Key(bytes(range(1, 33)))
PENS = CaptureKeys({"pen-7": KEY})
POLICY = Policy(
    fmr=0.1,
    adaptive=True,
    reveal_unknown=False,
    reveal_score=False,
    per_user=Schedule(tries=2),
    durable_accepts=True,
)
SOME_LINES, SOME_STATEMENTS = 6, 4
ALL = (pytest.mark.slow, pytest.mark.exhaustive)

# Tracing raises where no signal can: at the end of `with open(...)`, one step for the interpreter.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

matcher = cache(arithmetic_matcher)


def genuine(writer, count=5):
    return [signature(writer, repetition) for repetition in range(count)]


def opened(path, key=KEY):
    return Verifier(SqliteStore(path, key=key), matcher(), policy=POLICY)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A store with somebody in it, what they left behind when they tried, an export and a backup."""
    folder = tmp_path_factory.mktemp("prepared")
    with opened(folder / "store.db") as verifier:
        verifier.enroll("alice", genuine(0), groups=["staff"])
        verifier.enroll("carol", genuine(3))
        verifier.verify("alice", signature(0, 8))
        verifier.verify("alice", signature(1, 8))
        backup(verifier.store, folder / "backup.db")
        verifier.verify("carol", signature(1, 8))
    with opened(folder / "other.db") as other:
        other.enroll("bob", genuine(1))
        (folder / "bob.sigx").write_bytes(export_template(other.store, "bob", "pen", KEY))
    old_stores.old_file(folder / "old.db")
    return folder


def signed(verifier):
    """Verify what a pen signed, in the same store."""
    its = Verifier(verifier.store, matcher(), policy=POLICY, capture_keys=PENS)
    its.verify("alice", CaptureSigner("pen-7", KEY, lambda: 5).sign(signature(0, 9), its.challenge()))


def unsigned(verifier):
    with suppress(UntrustedCapture):
        Verifier(verifier.store, matcher(), policy=POLICY, capture_keys=PENS).verify("alice", signature(0, 9))


OPERATIONS = {
    "verify, accepted": lambda v, _: v.verify("alice", signature(0, 9)),
    "verify, renewed": lambda v, _: v.verify("carol", signature(3, 9)),
    "verify, rejected": lambda v, _: v.verify("alice", signature(1, 9)),
    "verify, signed": lambda v, _: signed(v),
    "verify, not signed": lambda v, _: unsigned(v),
    "verify, unknown": lambda v, _: v.verify("nobody", signature(1, 9)),
    "enroll": lambda v, _: v.enroll("bob", genuine(1), groups=["staff"]),
    "replace": lambda v, _: v.enroll("alice", genuine(2), replace=True),
    "import": lambda v, f: import_template(v.store, (f / "bob.sigx").read_bytes(), KEY),
    "forget": lambda v, _: v.forget("alice"),
    "unlock": lambda v, _: v.unlock("alice"),
    "restore references": lambda v, _: v.restore_references("alice"),
    "leave": lambda v, _: v.leave("alice", "staff"),
    "rekey": lambda v, _: rekey(v.store, NEW_KEY),
    "repair": lambda v, _: repair(v.store),
    "restore": lambda _, f: restore(f / "backup.db", f / "store.db", key=KEY),
}


def look(verifier):
    """What a store holds, as far as two runs of one operation agree on it, and the events of its log."""
    store = verifier.store
    kinds = (LOCKOUT, REPLAY, GROUPS, COUNTERS, *adaptation_kinds("pen"))
    return {
        "references": {who: len(store.get(who, "pen")) for who in store.users("pen")},
        "failures": {
            who: Tries.from_bytes(content).failures for who, content in store.records(LOCKOUT).items() if who
        },
        "records": {kind: {who: len(each) for who, each in store.records(kind).items()} for kind in kinds},
        "log": [entry.event.value for entry in verifier.audit.entries()],
    }


def in_a_thread(work):
    """Return what another thread gets, soon."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(20)
    assert found, "another thread is locked out"
    return found[0]


def assert_is_free(path):
    """Another process could write at once."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


@dataclass
class Bench:
    """A fresh store for each fault, and what it looks like before and after the operation."""

    prepared: object
    folder: object
    operation: object
    count: int = 0

    def __post_init__(self):
        with self.fresh() as verifier:
            self.before = look(verifier)
            self.operation(verifier, self.folder)
            self.after = look(verifier)
            assert check(verifier.store).sound

    def fresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.prepared, self.folder)
        return opened(self.folder / "store.db")

    def put(self, fault):
        """Have `fault` carry out the operation on a fresh store, and look at what is left."""
        with self.fresh() as verifier:
            outcome = fault(lambda: self.operation(verifier, self.folder))
            self.count += 1
            assert not verifier.store.database.in_transaction, outcome.where
            assert_is_free(self.folder / "store.db")
            found = in_a_thread(lambda: look(verifier))
            expected = [self.after] if outcome.raised is None else [self.before, self.after]
            assert found in expected, outcome.where
            with suppress(SigverifyError) if found == self.after else nullcontext():
                self.operation(verifier, self.folder)
            assert check(verifier.store).sound, outcome.where
            assert verifier.audit.verify().intact, outcome.where


def some(numbers, count):
    """So many of these, evenly spread; 0: all."""
    step = max(1, len(numbers) // count) if count else 1
    return numbers[step // 2 :: step]


def handled(given):
    with suppress(ValueError):
        int(given)
    return 0


def test_a_fault_leaves_no_error_behind_as_being_handled():
    """Else it would be the context of every later error of this thread, of other tests too."""
    call, files = (lambda: handled("no number")), (__file__,)
    for line in faults.lines_of(call, files):
        faults.interrupt(call, line, files)
        assert sys.exc_info()[1] is None


def put_at_lines(bench, count):
    with bench.fresh() as verifier:
        lines = faults.lines_of(lambda: bench.operation(verifier, bench.folder))
    for line in some(lines, count):
        bench.put(lambda call, line=line: faults.interrupt(call, line))
    faults.say(f"{bench.count} exceptions, at {len(lines)} lines")


def put_in_statements(bench, count):
    with bench.fresh() as verifier:
        statements = faults.statements_of(lambda: bench.operation(verifier, bench.folder))
    kinds = list(faults.SQLITE_FAULTS.values())
    for number in some(statements, count):
        for fail in kinds if not count else [kinds[number % len(kinds)]]:
            bench.put(lambda call, number=number, fail=fail: faults.fail_statement(call, number, fail))
    faults.say(f"{bench.count} errors of {len(statements)} statements")


@pytest.fixture
def bench(prepared, tmp_path, monkeypatch, request):
    with faults.faulty_sqlite(monkeypatch):
        yield Bench(prepared, tmp_path / "fresh", OPERATIONS[request.param])


each_operation = pytest.mark.parametrize("bench", OPERATIONS, indirect=True)


@each_operation
def test_an_exception_at_some_lines(bench):
    put_at_lines(bench, SOME_LINES)


@pytest.mark.slow
@pytest.mark.exhaustive
@each_operation
def test_an_exception_at_every_line(bench):
    put_at_lines(bench, 0)


@each_operation
def test_an_error_of_some_statements(bench):
    put_in_statements(bench, SOME_STATEMENTS)


@pytest.mark.slow
@pytest.mark.exhaustive
@each_operation
def test_an_error_of_every_statement(bench):
    put_in_statements(bench, 0)


def opening(name):
    """Return what opens the store of that name, and closes it."""

    def call(folder):
        SqliteStore(folder / name, key=KEY).close()

    return call


def copied(folder):
    """Write a backup, unless a fault came after it was there."""
    with SqliteStore(folder / "store.db", key=KEY) as store:
        backup(store, folder / "copy.db")


OPENINGS = {
    "open": (opening("store.db"), "store.db"),
    "create": (opening("new.db"), "new.db"),
    "migrate": (opening("old.db"), "old.db"),
    "backup": (copied, "store.db"),
}


def put_while_opening(prepared, folder, opens, name, fault):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(prepared, folder)
    outcome = fault(lambda: opens(folder))
    assert not list(folder.glob(".*")), outcome.where  # no draft of a backup
    if (folder / name).exists():
        assert_is_free(folder / name)
    if not (folder / "copy.db").exists():
        opens(folder)
    for each in (name, "copy.db"):
        if (folder / each).exists():
            with SqliteStore(folder / each, key=KEY) as store:
                assert check(store).sound, outcome.where
                assert len(store) == {"store.db": 2, "copy.db": 2, "new.db": 0, "old.db": 3}[each]


@pytest.mark.parametrize("count", [SOME_LINES, pytest.param(0, marks=ALL)])
@pytest.mark.parametrize("way", OPENINGS)
def test_a_fault_while_a_store_is_opened(prepared, tmp_path, monkeypatch, way, count):
    opens, name = OPENINGS[way]
    folder = tmp_path / "fresh"
    with faults.faulty_sqlite(monkeypatch):
        shutil.copytree(prepared, folder)
        lines = faults.lines_of(lambda: opens(folder))
        shutil.rmtree(folder)
        shutil.copytree(prepared, folder)
        statements = faults.statements_of(lambda: opens(folder))
        ways = [lambda call, n=n: faults.interrupt(call, n) for n in some(lines, count)]
        for fail in faults.SQLITE_FAULTS.values():
            ways += [
                lambda call, n=n, fail=fail: faults.fail_statement(call, n, fail)
                for n in some(statements, count and 2)
            ]
        for fault in ways:
            put_while_opening(prepared, folder, opens, name, fault)
    faults.say(f"{len(ways)} faults, at {len(lines)} lines and {len(statements)} statements")
