"""`sigverify kiosk --workers`: several processes answer, and it is as one."""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from builders import signature
from in_threads import in_threads
from running_daemon import eventually

from sigverify.audit import Event
from sigverify.formats.signature_pad import encode
from sigverify.verifier import Verifier

pytest.importorskip("uvicorn", reason="no uvicorn: pip install 'sigverify[kiosk]'")

CODE = "24681357"
WORKERS = 2


class Page:
    """A page that is served, and what may be asked of it."""

    def __init__(self, folder, *options):
        self.store = folder / "kiosk.db"
        self.log = folder / "log"
        command = [
            sys.executable,
            "-m",
            "sigverify.cli",
            "kiosk",
            "--store",
            self.store,
            "--create",
            "--json",
        ]
        command += ["--port", "0", "--workers", str(WORKERS), *options]
        environment = {**os.environ, "SIGVERIFY_KIOSK_CODE": CODE}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )

    def wait(self):
        """Wait until it answers."""
        said = "".join(iter(self.process.stdout.readline, "}\n")) + "}"
        self.port = int(json.loads(said)["url"].split(":")[2].rstrip("/"))
        eventually(lambda: self.ask("GET", "health")[0] == 200, 30)

    def ask(self, method, path, content=None, session=None):
        """Return status and answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Sigverify-Request": "1", "Content-Type": "application/json"}
        headers |= {"Sigverify-Operator": session} if session else {}
        try:
            connection.request(method, f"/api/{path}", content and json.dumps(content), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def sign_in(self):
        return self.ask("POST", "operator", {"code": CODE})[1]["session"]

    def enroll(self, user, writer, session):
        name = self.ask("POST", "enrollments", {"user_id": user}, session)[1]["enrollment"]
        for each in range(5):
            shown = {"strokes": strokes(writer, each)}
            assert self.ask("POST", f"enrollments/{name}/signatures", shown, session)[1]["accepted"]
        assert self.ask("POST", f"enrollments/{name}/commit", None, session)[0] == 200

    def verify(self, user, writer, repetition, session=None):
        return self.ask("POST", "verify", {"user_id": user, "strokes": strokes(writer, repetition)}, session)

    def workers(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in children.split()]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def page(tmp_path):
    page = Page(tmp_path)
    try:
        page.wait()
        yield page
    finally:
        page.close()


def strokes(writer, repetition):
    return json.loads(encode(signature(writer, repetition)))


def running(number):
    """Whether a process runs: it is there, and has not only left its number behind."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def seconds(number):
    """Processor time that a process took."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_all_together_are_as_one(page):
    session, outcomes = page.sign_in(), Counter()
    for writer in range(3):
        page.enroll(f"user{writer}", writer, session)
    others = page.workers()
    assert len(others) == WORKERS
    before = [*map(seconds, others)]

    def ask(writer):
        for each in range(10):
            status, said = page.verify(f"user{writer}", writer, 10 + each, session)
            assert status == 200
            outcomes[said["accepted"]] += 1

    in_threads(3, ask)
    assert outcomes[True] >= 15
    spent = [after - earlier for after, earlier in zip(map(seconds, others), before, strict=True)]
    assert min(spent) > 0, "one of them had nothing to do"
    found = page.ask("POST", "identify", {"strokes": strokes(1, 30)}, session)[1]
    assert found["matches"][0]["user_id"] == "user1"
    alike = {"probe": {"strokes": strokes(1, 31)}, "references": [{"strokes": strokes(1, 32)}]}
    assert page.ask("POST", "similarity", alike, session)[1]["score"] > 0
    page.process.send_signal(signal.SIGTERM)
    assert page.process.wait(20) == 0
    assert not any(map(running, others))
    with Verifier.open(page.store) as verifier:
        assert verifier.audit.verify().intact
        events = Counter(entry.event for entry in verifier.audit.entries())
        (compared,) = (each for each in verifier.audit.entries() if each.event is Event.COMPARED)
    assert events[Event.ACCEPTED] == outcomes[True]
    assert events[Event.IDENTIFIED] == 1
    assert "session" in compared.actor.name


def test_wrong_tries_are_counted_together(page):
    session, said = page.sign_in(), Counter()
    page.enroll("ann", 0, session)

    def ask(number):
        for each in range(3):
            said[page.verify("ann", 5, 10 * number + each)[1]["reason"]] += 1

    in_threads(4, ask)
    assert said["locked"] >= 12 - 5  # as many tries as the policy leaves, and no more


def test_what_is_refused_is_told_and_in_the_log(page):
    status, said = page.ask("POST", "identify", {"strokes": strokes(0, 0)})
    assert (status, said["reason"], said["capability"]) == (403, "operators_only", "identify")
    status, said = page.ask("POST", "verify", {"user_id": "ann"})
    assert (status, said["error"]) == (422, "FormatError")
    status, said = page.ask("POST", "verify", {"user_id": "ann", "strokes": "none", "more": 1})
    assert (status, said["error"]) == (422, "FormatError")
    page.process.send_signal(signal.SIGTERM)
    assert page.process.wait(20) == 0
    with Verifier.open(page.store) as verifier:
        (refused,) = verifier.audit.entries()
    assert (refused.event, refused.detail["capability"]) == (Event.NOT_ALLOWED, "identify")


def test_without_a_worker_it_ends_and_says_so(page):
    others = page.workers()
    os.kill(others[0], signal.SIGKILL)
    assert page.process.wait(20) == 4
    assert "a worker process ended by itself; received signal 9" in " ".join(page.log.read_text().split())
    assert not any(map(running, others))


def test_workers_end_with_a_page_that_is_killed(page):
    others = page.workers()
    page.process.kill()
    page.process.wait()
    eventually(lambda: not any(map(running, others)), 20)
