import json
import subprocess
from pathlib import Path

import pytest

from firmware_bridge import c_client

SOURCES = Path(c_client.__path__[0])
SUPPORT = Path(__file__).parents[3] / "support" / "c_client"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


class Driver:
    """tests/support/c_client/driver.c under way; `say` sends a command and waits for its end."""

    def __init__(self, *command):
        self._process = subprocess.Popen(
            [*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.written, self.answers = "", []

    def say(self, command):
        """Return its status; `written` (hex) and `answers` are what came of it."""
        self.written, self.answers = "", []
        print(command, file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            kind, _, rest = line.strip().partition(" ")
            if kind == "=":
                return int(rest)
            if kind == ">":
                self.written = rest
            else:
                self.answers.append(json.loads(rest))
        raise AssertionError(f"the driver died of {command!r}: {self._process.wait()}")

    def close(self):
        self._process.stdin.close()
        code = self._process.wait(10)
        self._process.stdout.close()
        assert code == 0


@pytest.fixture(scope="session")
def build(compiler, tmp_path_factory):
    """A function that compiles the client with a program of tests/support/c_client/."""

    def compile_with(program, *flags):
        target = tmp_path_factory.mktemp("c_client") / "program"
        files = (SOURCES / "sigverify_client.c", SUPPORT / program)
        done = subprocess.run(
            [compiler, *STRICT, *flags, f"-I{SOURCES}", "-o", target, *files],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return target

    return compile_with


@pytest.fixture(scope="session")
def driver_path(build):
    return build("driver.c", *SANITIZED)


@pytest.fixture(scope="session")
def hmac_path(compiler, tmp_path_factory):
    """A program that computes the client's own HMAC."""
    target = tmp_path_factory.mktemp("hmac") / "program"
    # Most of the file that it includes is not called.
    flags = (*STRICT, *SANITIZED, "-Wno-unused-function", f"-I{SOURCES}")
    subprocess.run([compiler, *flags, "-o", target, SUPPORT / "hmac.c"], check=True)
    return target


@pytest.fixture
def drive(driver_path):
    """A function that starts the driver, by itself or on a socket; all are closed at the end."""
    started = []

    def start(*arguments, path=driver_path, before=()):
        started.append(Driver(*before, path, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.close()
