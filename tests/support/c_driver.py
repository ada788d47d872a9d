"""`Driver`: the C client by commands, tests/support/c_client/driver.c under way."""

import json
import subprocess
from pathlib import Path

from firmware_bridge import c_client

SOURCES = Path(c_client.__path__[0])
PROGRAMS = Path(__file__).parent / "c_client"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")


class Driver:
    """`say` sends a command and waits for its end; `ask` wants one answer; `send_capture` streams strokes."""

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

    def must(self, command):
        """Send a command that has to succeed."""
        status = self.say(command)
        assert status == 0, (command, status)

    def ask(self, command):
        """Return the one answer to a command."""
        self.must(command)
        (answer,) = self.answers
        return answer

    def send_capture(self, number, its, sign=None, piece=4):
        """Stream a signature, so many samples a message; `sign`: counter and purpose, of a pen that signs.

        Four samples each are more messages than the daemon gives credit for at once.
        """
        self.must(f"begin {number} 1")
        rows = zip(its.x, its.y, its.time_ms, its.pressure, its.ink, strict=True)
        samples = [
            f"{float(x)!r},{float(y)!r},{float(t)!r},{float(p)!r},{int(ink)}" for x, y, t, p, ink in rows
        ]
        for start in range(0, len(samples), piece):
            self.must(f"points {' '.join(samples[start : start + piece])}")
        if sign is not None:
            self.must("challenge")
            self.must(f"sign {sign}")
        assert self.ask("end")["samples"] == len(its)

    def close(self):
        self._process.stdin.close()
        code = self._process.wait(10)
        self._process.stdout.close()
        assert code == 0


def compile_client(compiler, target, program, *flags):
    """Compile the client with a program of tests/support/c_client/; a warning is an error."""
    files = (SOURCES / "sigverify_client.c", PROGRAMS / program)
    done = subprocess.run(
        [compiler, *STRICT, *flags, f"-I{SOURCES}", "-o", target, *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target
