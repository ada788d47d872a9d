"""Errors of a PostgreSQL server, put where `faults` says."""

import sqlite3
from contextlib import contextmanager

import psycopg
from faults import Faulty


def _failing(error, message):
    def fail(connection):
        if isinstance(connection, sqlite3.Connection):  # of a kiosk's copy
            raise sqlite3.OperationalError(message)
        raise error(message)

    return fail


def _break(connection):
    if isinstance(connection, sqlite3.Connection):
        raise sqlite3.OperationalError("disk I/O error")
    connection.pgconn.finish()
    raise psycopg.OperationalError("the connection is closed")


POSTGRES_FAULTS = {
    "an I/O error": _failing(psycopg.errors.IoError, "disk I/O error"),
    "a full disk": _failing(psycopg.errors.DiskFull, "database or disk is full"),
    "another writer": _failing(psycopg.errors.LockNotAvailable, "database is locked"),
    "a broken line": _break,
}


@contextmanager
def faulty_postgres(monkeypatch):
    """Have statements on every connection to a server fail when `Faulty.statements` says so."""
    execute = psycopg.Connection.execute

    def step(connection, statement, *given, **named):
        if Faulty.statements is not None:
            Faulty.statements.step(connection, statement)
        return execute(connection, statement, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", step)
        yield
    Faulty.statements = None
