"""Faults where they come by chance: an exception at any line, an error of any statement of a database.

Each function makes one fault come in one call, and says what became of the call. What is raised keeps its
traceback, and with it every frame that it went through, as in an interpreter that shows it.
"""

import os
import sqlite3
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sigverify
from sigverify.errors import SigverifyError

SHIPPED = Path(sigverify.__file__).parent
TRANSACTIONS = tuple(
    str(SHIPPED / each)
    for each in (
        "store", "fleet", "policy", "enrollment/enroller.py", "search/groups.py",
        "hold.py", "forking.py", "audit.py", "administration.py", "recognizers.py", "verification.py",
        "verifier.py",
    )
)  # fmt: skip
"""What runs within transactions and around them; the rest computes, and holds nothing."""
RAISED = (KeyboardInterrupt, TimeoutError, MemoryError, RecursionError)


@dataclass(frozen=True)
class Outcome:
    """What became of a call: what it returned, or what it raised, and where the fault was put."""

    returned: object
    raised: BaseException | None
    where: str


class _Lines:
    """Counts the lines around transactions that are run, and raises at one of them; nowhere at 0."""

    def __init__(self, line, files):
        self.line = line
        self.files = files
        self.count = 0
        self.places = {}
        self.where = ""

    def __call__(self, frame, _event, _argument):
        return self._step if frame.f_code.co_filename.startswith(self.files) else None

    def _step(self, frame, event, _argument):
        if event == "line":
            self.count += 1
            self.places.setdefault((frame.f_code.co_filename, frame.f_lineno), []).append(self.count)
            if self.count == self.line:
                self.where = f"{os.path.relpath(frame.f_code.co_filename, SHIPPED)}:{frame.f_lineno}"
                raise RAISED[self.line % len(RAISED)](f"put at line {self.line}")
        return self._step


def lines_of(call, files=TRANSACTIONS):
    """Return the number of each line that a call runs, once: by turns where it is run first, and last."""
    places = _run(call, _Lines(0, files)).places
    return sorted(runs[-(index % 2)] for index, runs in enumerate(places.values()))


def statements_of(call):
    """Return the number of each statement that a call runs."""
    Faulty.statements = statements = Statements(0, None)
    try:
        call()
    finally:
        Faulty.statements = None
    return list(range(1, 1 + statements.count))


def interrupt(call, line, files=TRANSACTIONS):
    """Raise something at that line of a call."""
    lines = _Lines(line, files)
    returned, raised = None, None
    try:
        returned = _run(call, lines).returned
    except RAISED as error:
        raised = error
    except SigverifyError as error:
        if not isinstance(error.__cause__, RAISED):  # a TimeoutError is an OSError
            raise
        raised = error
    return Outcome(returned, raised, lines.where)


def contained(call):
    """Call something, and leave nothing behind of how it ended.

    Where tracing raises between two steps that end an `except` or `with`, which is one step for signals, the
    interpreter takes the error handled there for being handled from then on: it is the context of whatever is
    raised in that thread. A generator has a list of its own of what is being handled, which ends with it.
    """

    def steps():
        yield call()

    return next(steps())


def _run(call, lines):
    before = sys.gettrace()
    sys.settrace(lines)
    try:
        lines.returned = contained(call)
    finally:
        sys.settrace(before)
    return lines


class Statements:
    """Counts statements, and has one of them fail; none at 0."""

    def __init__(self, statement, fail):
        self.statement = statement
        self._fail = fail
        self.count = 0
        self.where = ""

    def step(self, connection, statement):
        self.count += 1
        if self.count == self.statement:
            self.where = str(statement)
            self._fail(connection)


class Faulty(sqlite3.Connection):
    """A connection whose statements fail when they are told to."""

    statements = None

    def cursor(self, *_):
        return super().cursor(_FaultyCursor)


class _FaultyCursor(sqlite3.Cursor):
    def execute(self, statement, *values):
        if Faulty.statements is not None:
            Faulty.statements.step(self.connection, statement)
        return super().execute(statement, *values)


def _sqlite_failing(message, *, rolls_back=False):
    def fail(connection):
        if rolls_back and connection.in_transaction:
            connection.rollback()  # as SQLite does where a disk is full
        raise sqlite3.OperationalError(message)

    return fail


SQLITE_FAULTS = {
    "an I/O error": _sqlite_failing("disk I/O error"),
    "an I/O error that rolls back": _sqlite_failing("disk I/O error", rolls_back=True),
    "a full disk": _sqlite_failing("database or disk is full", rolls_back=True),
    "another writer": _sqlite_failing("database is locked"),
}


@contextmanager
def faulty_sqlite(monkeypatch):
    """Have every connection to a file be one whose statements can fail."""
    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **named, factory=Faulty))
        yield
    Faulty.statements = None


def fail_statement(call, statement, fail):
    """Have that statement of a call fail."""
    Faulty.statements = statements = Statements(statement, fail)
    returned, raised = None, None
    try:
        returned = call()
    except SigverifyError as error:
        raised = error
    finally:
        Faulty.statements = None
    return Outcome(returned, raised, statements.where)


def say(text):
    """Say how many faults there were: `pytest -rP` shows it."""
    print(text)  # noqa: T201
