"""`sigverify serve --workers`: several processes answer, and it is as one."""

import contextlib
import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from builders import signature
from in_threads import in_threads
from running_daemon import answering, eventually

from firmware_bridge.client import Client
from sigverify.audit import Event
from sigverify.errors import Disconnected, EnrollmentError, StoreError
from sigverify.verifier import Verifier

WORKERS = 2
PEOPLE = range(4)
PROBES = 4


@pytest.fixture
def daemon(serve, path):
    process = serve("--socket", path, "--workers", str(WORKERS))
    with Client(path) as client:
        eventually(lambda: answering(client), 30)
    return process


def workers(daemon):
    """The numbers of its worker processes, while it lives."""
    return [int(each) for each in Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()]


def running(number):
    """Whether a process runs: it is there, and has not only left its number behind."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def enroll(client, writer):
    return client.enroll(f"user{writer}", [signature(writer, each) for each in range(5)])


def test_all_together_are_as_one(daemon, path, tmp_path):
    outcomes = Counter()

    def ask(writer):
        with Client(path) as client:
            enroll(client, writer)
            for each in range(PROBES):
                outcomes[client.verify(f"user{writer}", signature(writer, 10 + each), fmr=0.05).accepted] += 1

    in_threads(len(PEOPLE), ask)
    assert outcomes[True] >= len(PEOPLE) * PROBES // 2
    with Client(path) as client:
        assert client.users() == tuple(f"user{writer}" for writer in PEOPLE)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(10) == 0
    with Verifier.open(tmp_path / "store.db") as verifier:
        assert verifier.audit.verify().intact
        events = Counter(entry.event for entry in verifier.audit.entries())
    assert events[Event.ENROLLED] == len(PEOPLE)
    assert events[Event.ACCEPTED] == outcomes[True]


@pytest.mark.usefixtures("daemon")
def test_a_copy_is_one_whoever_saw_it_first(path):
    probe, copies = signature(0, 20), []
    with Client(path) as client:
        enroll(client, 0)
        client.verify("user0", probe)

    def ask(_number):
        with Client(path) as client:
            copies.append(client.verify("user0", probe).reason.name)

    in_threads(2 * WORKERS, ask)  # fewer than lock out
    assert copies == 2 * WORKERS * ["REPLAY"]


@pytest.mark.usefixtures("daemon")
def test_wrong_tries_are_counted_together(path):
    said = Counter()
    with Client(path) as client:
        enroll(client, 0)

    def ask(number):
        with Client(path) as client:
            for each in range(3):
                said[client.verify("user0", signature(5, 10 * number + each)).reason.name] += 1

    in_threads(4, ask)
    assert said["LOCKED"] >= 12 - 5  # as many tries as the default policy leaves, and no more


@pytest.mark.usefixtures("daemon")
def test_an_enrollment_stays_with_its_worker(path):
    with Client(path) as one, Client(path) as other:
        first, second = one.enrollment("ann", references=2), other.enrollment("bob", references=2)
        for each in range(2):
            assert first.add(signature(0, each)).accepted
            assert second.add(signature(1, each)).accepted
        first.commit()
        second.commit()
        assert one.users() == other.users() == ("ann", "bob")


def test_a_reload_is_of_all_or_of_none(daemon, path, log, tmp_path):
    with Client(path) as client:
        enroll(client, 0)
        enrollment = client.enrollment("bob", references=1)
        daemon.send_signal(signal.SIGHUP)
        eventually(lambda: "reloaded" in log(), 10)
        with pytest.raises(EnrollmentError, match="no enrollment is under way"):
            enrollment.commit()
        for each in tmp_path.glob("store.db*"):
            each.rename(tmp_path / f"away.{each.name}")
        daemon.send_signal(signal.SIGHUP)
        eventually(lambda: "cannot reload" in log(), 10)
        assert not (tmp_path / "store.db").exists()
        with pytest.raises(StoreError):
            client.users()
        for each in tmp_path.glob("away.*"):
            each.rename(tmp_path / each.name.removeprefix("away."))
        assert client.users() == ("user0",)
        assert len(workers(daemon)) == WORKERS


def test_without_a_worker_it_ends_and_says_so(daemon, path, log):
    others = workers(daemon)
    with Client(path) as client:
        enroll(client, 0)
        os.kill(others[0], signal.SIGKILL)
        assert daemon.wait(10) == 4
        with pytest.raises(Disconnected):
            client.users()
    assert "a worker process ended by itself; received signal 9" in " ".join(log().split())
    assert not any(map(running, others))


def test_workers_end_with_a_daemon_that_is_killed(daemon, path, serve):
    others = workers(daemon)
    with Client(path) as client:
        enroll(client, 0)
        daemon.kill()
        daemon.wait()
        eventually(lambda: not any(map(running, others)), 10)
        serve("--socket", path, "--workers", "2")
        eventually(lambda: answering(client), 30)
        assert client.users() == ("user0",)


def test_a_signal_to_all_processes_ends_it_well(daemon, path, log):
    """Service managers and terminals send theirs to each process."""
    others = workers(daemon)
    with Client(path) as client:
        enroll(client, 0)
        for each in [*others, daemon.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGTERM)
        assert daemon.wait(10) == 0
    assert "by itself" not in log()
    assert not any(map(running, others))
