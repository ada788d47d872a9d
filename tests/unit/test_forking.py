"""What is used after a fork says so at once, or is opened anew; nothing hangs."""

import multiprocessing
import threading
import time

import pytest
from builders import signature

from firmware_bridge.client.blocking import Client
from sigverify import Policy, SqliteStore, Verifier
from sigverify.errors import Misuse, SigverifyError, StoreError
from sigverify.forking import OwnLock

FORK = multiprocessing.get_context("fork")
PROBE = signature(0, 6)
CHILDREN = 6


def in_child(function):
    """Run a function in a forked child; what it returned, or the error."""
    receiver, sender = FORK.Pipe(duplex=False)

    def run():
        try:
            sender.send(function())
        except SigverifyError as error:
            sender.send((type(error), str(error)))

    process = FORK.Process(target=run)
    process.start()
    answered = receiver.poll(20)
    process.join(10)
    hung = process.is_alive()
    process.kill()
    assert answered, "the child hangs"
    assert not hung, "the child does not end"
    return receiver.recv()


@pytest.fixture
def verifier(tmp_path):
    with Verifier.open(tmp_path / "store.db", policy=Policy.unguarded()) as opened:
        opened.enroll("alice", [signature(0, n) for n in range(5)])
        yield opened


@pytest.fixture
def busy(verifier):
    """Threads that verify all the time."""
    stop = threading.Event()

    def work():
        while not stop.is_set():
            verifier.verify("alice", PROBE)
            verifier.identify(PROBE)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


CALLS = {
    "verify": lambda v: v.verify("alice", PROBE),
    "identify": lambda v: v.identify(PROBE),
    "enroll": lambda v: v.enroll("bob", [PROBE], quality="record"),
    "users": lambda v: v.users(),
    "prepare": lambda v: v.prepare(),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_verifier_says_that_it_was_opened_before_the_fork(verifier, call):
    kind, message = in_child(lambda: CALLS[call](verifier))
    assert issubclass(kind, SigverifyError)
    assert "before this process was forked" in message
    assert "anew" in message


def test_closing_it_in_the_child_leaves_the_parent_alone(verifier):
    assert in_child(verifier.close) is None
    assert verifier.verify("alice", PROBE).accepted


@pytest.mark.usefixtures("busy")
def test_no_child_hangs_beside_threads_that_verify(verifier):
    for _ in range(CHILDREN):
        kind, _ = in_child(lambda: verifier.verify("alice", PROBE))
        assert issubclass(kind, SigverifyError)
        time.sleep(0.02)


@pytest.mark.usefixtures("busy")
def test_a_child_may_open_anew(verifier, tmp_path):
    def anew():
        with Verifier.open(tmp_path / "store.db", policy=Policy.unguarded()) as own:
            return own.verify("alice", PROBE).accepted

    assert [in_child(anew) for _ in range(CHILDREN)] == [True] * CHILDREN
    assert verifier.verify("alice", PROBE).accepted


def test_a_store_and_a_client(tmp_path):
    with SqliteStore(tmp_path / "store.db") as store:
        assert in_child(store.users)[0] is StoreError
    client = Client(tmp_path / "socket")
    assert in_child(client.users)[0] is Misuse


def test_a_fork_waits_for_no_lock_for_ever():
    lock, leave = OwnLock("a lock"), threading.Event()

    def hold():
        with lock.hold():
            leave.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    start = time.monotonic()
    assert in_child(lambda: 1) == 1
    assert time.monotonic() - start < 15
    leave.set()
    thread.join()
