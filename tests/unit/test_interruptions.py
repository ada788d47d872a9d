"""A signal handler raises while somebody is verified: nobody is locked out, and nothing is lost."""

import ctypes
import random
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest
from builders import arithmetic_matcher, signature

import sigverify
from sigverify.policy import Policy
from sigverify.store import SqliteStore
from sigverify.store.check import check
from sigverify.verifier import Verifier

PROBES = [signature(0, repetition) for repetition in range(6, 12)]
WANTED = 150
PACKAGE = Path(sigverify.__file__).parent
POLICY = Policy(per_user=None, per_device=None, replay=False)


class Interruption(Exception):
    """What a handler raises."""


@pytest.fixture
def verifier(tmp_path):
    with Verifier(SqliteStore(tmp_path / "store.db"), arithmetic_matcher(), policy=POLICY) as its:
        its.enroll("alice", [signature(0, repetition) for repetition in range(5)])
        yield its


@pytest.fixture
def alarm():
    """Return what has a handler raise so many times while somebody is verified, from some seconds on."""
    left = wanted = 0

    def interrupt(_number, frame):
        nonlocal left
        if left and _is_within(frame, Verifier.verify.__code__):
            left -= 1
            raise Interruption

    def arm(seconds, times):
        nonlocal left, wanted
        left = wanted = times
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.0002 if times > 1 else 0)

    arm.interrupted = lambda: left < wanted
    before = signal.signal(signal.SIGALRM, interrupt)
    yield arm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def _is_within(frame, code):
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None


def _passed_through_the_sdk(its_traceback):
    """Tell whether code of the SDK was left; callbacks of weak references, say, are Python's own."""
    return any(str(PACKAGE) in frame.filename for frame in traceback.extract_tb(its_traceback))


def verify_interrupted(verifier, alarm, seconds, times):
    """Return what was raised, with all frames that it went through; None: there is a decision."""
    alarm(seconds, times)
    try:
        verifier.verify("alice", random.choice(PROBES))
    except Interruption as error:
        return error
    except TypeError as error:
        # numpy tries a conversion, takes what is raised in it for "not convertible", and raises its own.
        if not alarm.interrupted():
            raise
        return error
    finally:
        alarm(0, 0)
    return None


def verify_in_a_thread(verifier):
    others = []
    thread = threading.Thread(target=lambda: others.append(verifier.verify("alice", PROBES[0])), daemon=True)
    thread.start()
    thread.join(30)
    assert others, "another thread is locked out"


@pytest.mark.parametrize("times", [1, 4])
def test_after_every_interruption_everybody_goes_on(verifier, alarm, times):
    random.seed(0)
    start = time.perf_counter()
    for probe in PROBES:
        verifier.verify("alice", probe)
    each_s = (time.perf_counter() - start) / len(PROBES)
    decided, interrupted, swallowed = len(PROBES), 0, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", swallowed.append)
        while interrupted < WANTED:
            error = verify_interrupted(verifier, alarm, random.uniform(1e-5, each_s), times)
            decided += error is None
            interrupted += error is not None
            if times == 1:
                assert not verifier.store.database.in_transaction
            if interrupted % 10 == 0:
                verify_in_a_thread(verifier)
                decided += 1
    # What was decided is in the log; what was not may be, where the exception came after the commit.
    written = len(list(verifier.audit.entries())) - 1
    assert decided <= written <= decided + interrupted
    assert check(verifier.store).sound
    assert verifier.audit.verify().intact
    if times == 1:
        assert not [each for each in swallowed if _passed_through_the_sdk(each.exc_traceback)]


def test_a_thread_that_is_interrupted_by_another_locks_nobody_out(verifier, monkeypatch):
    """As `asyncio.to_thread` with a watchdog, or a library that limits the time of a thread, does it."""
    random.seed(1)
    decided, interrupted, ended = [], [], threading.Event()

    def work():
        while not ended.is_set():
            try:
                decided.append(verifier.verify("alice", random.choice(PROBES)))
            except Interruption as error:
                interrupted.append(error)

    def start():
        its = threading.Thread(target=work, daemon=True)
        its.start()
        return its

    # One that comes between two calls ends the thread, or is lost in what threading does then.
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    thread = start()
    end = time.monotonic() + 60
    while len(interrupted) < 40 and time.monotonic() < end:
        time.sleep(random.uniform(0, 0.02))
        raised = ctypes.py_object(Interruption)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), raised)
        verifier.verify("alice", PROBES[0])
        if not thread.is_alive():
            thread = start()
    ended.set()
    thread.join(30)
    assert not thread.is_alive()
    assert len(interrupted) >= 40
    verify_in_a_thread(verifier)
    assert check(verifier.store).sound
    assert verifier.audit.verify().intact
