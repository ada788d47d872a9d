"""Which worker answers whom; the processes themselves are tested in tests/e2e/test_workers.py."""

import asyncio
import errno
import itertools
import os
import threading

import pytest

from firmware_bridge.daemon.worker import Reply
from firmware_bridge.daemon.workers import Workers
from firmware_bridge.pool import pool as module
from firmware_bridge.pool.worker_thread import WorkerThread
from firmware_bridge.protocol.daemon_connection import Request
from firmware_bridge.protocol.messages import Add, Commit, Enroll, Users
from sigverify.actor import Actor, ActorKind
from sigverify.errors import BridgeError, StoreError

ACTOR = Actor(ActorKind.CLIENT, "test")
LIST = Request(number=1, message=Users(), captures=(), handshake=1)
ADD = Request(number=1, message=Add(capture=1), captures=(), handshake=1)
COMMIT = Request(number=1, message=Commit(), captures=(), handshake=1)
BUSY = {}
ENROLL = Request(number=1, message=Enroll(user_id="ann"), captures=(), handshake=1)


class Process(WorkerThread):
    """In place of a process: a worker in this one that says its number, once it may."""

    def __init__(self, worker, siblings):
        super().__init__(worker(len(siblings)))
        self.ended = False

    def end_now(self):
        self.ended = True


class Answering:
    """A worker that answers with its number, and waits where it is told to."""

    waiting = threading.Event()
    opened = ()
    fails = frozenset()
    left = ()
    asked = ()

    def __init__(self, number):
        self.number = number

    def do(self, job):
        return job(self)

    def open(self):
        if self.number in self.fails:
            raise StoreError("cannot be opened")
        Answering.opened += (self.number,)

    def keep(self):
        Answering.opened = tuple(each for each in self.opened if each != self.number)

    def change(self):
        return self.number

    def carry_out(self, client, request, _actor):
        Answering.asked += (client,)
        if request is not LIST or self.number == 0:
            assert self.waiting.wait(10)
        return Reply(self.number, keeps=request in (ENROLL, ADD))

    def leave(self, client):
        Answering.left += ((self.number, client),)

    def close(self):
        pass


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(module, "WorkerProcess", Process)
    for name, value in {
        "waiting": threading.Event(),
        "opened": (),
        "fails": frozenset(),
        "left": (),
        "asked": (),
    }.items():
        monkeypatch.setattr(Answering, name, value)


def run(test, count=3):
    """Run a test with so many workers."""

    async def main():
        workers = Workers(lambda: Answering if count > 1 else Answering(0), count, BUSY)
        try:
            return await test(workers)
        finally:
            Answering.waiting.set()
            await workers.close()

    return asyncio.run(main())


async def number(reply):
    """The number of the worker that answered."""
    return (await reply).message


def test_the_one_with_the_fewest_answers():
    async def test(workers):
        first = asyncio.create_task(number(workers.carry_out(1, LIST, ACTOR)))
        await asyncio.sleep(0)
        assert [await number(workers.carry_out(client, LIST, ACTOR)) for client in (2, 3, 2)] == [1, 1, 1]
        Answering.waiting.set()
        assert await first == 0

    run(test)


def test_nobody_waits_for_a_worker_that_is_busy_while_another_is_free():
    async def test(workers):
        asked = [asyncio.create_task(number(workers.carry_out(each, LIST, ACTOR))) for each in range(9)]
        async with asyncio.timeout(5):
            assert {await each for each in itertools.islice(asyncio.as_completed(asked), 7)} == {1}
        Answering.waiting.set()
        assert sum([await each for each in asked]) == 7

    run(test, count=2)


def test_who_began_an_enrollment_stays_until_it_leaves():
    async def test(workers):
        busy = [asyncio.create_task(number(workers.carry_out(each, ENROLL, ACTOR))) for each in (1, 2)]
        await asyncio.sleep(0)
        Answering.waiting.set()
        assert [await each for each in busy] == [0, 1]
        assert await number(workers.carry_out(2, ADD, ACTOR)) == 1
        workers.leave(2)
        assert await number(workers.carry_out(2, LIST, ACTOR)) == 0
        workers.leave(1)
        workers.leave(9)

    run(test)
    assert set(Answering.left) == {(1, 2), (0, 1)}


def test_who_has_nothing_kept_goes_anywhere():
    async def test(workers):
        Answering.waiting.set()
        first = asyncio.create_task(number(workers.carry_out(1, ENROLL, ACTOR)))
        await asyncio.sleep(0)
        assert await number(workers.carry_out(2, ENROLL, ACTOR)) == 1
        assert await first == 0
        assert await number(workers.carry_out(2, COMMIT, ACTOR)) == 1
        assert await number(workers.carry_out(2, LIST, ACTOR)) == 0
        workers.leave(2)

    run(test)
    assert Answering.left == ()


def test_whoever_is_gone_before_its_turn_is_not_answered():
    async def test(workers):
        asked = [asyncio.create_task(number(workers.carry_out(each, ENROLL, ACTOR))) for each in range(8)]
        await asyncio.sleep(0)
        asked[7].cancel()
        await asyncio.sleep(0)
        Answering.waiting.set()
        await asyncio.wait(asked)
        assert 7 not in Answering.asked

    run(test)


def test_when_a_worker_began_is_known():
    async def test(workers):
        assert not BUSY
        asked = [asyncio.create_task(number(workers.carry_out(each, LIST, ACTOR))) for each in range(2)]
        await asyncio.sleep(0)
        since = BUSY[0]
        Answering.waiting.set()
        await asyncio.wait(asked)
        assert since > 0
        assert not BUSY

    run(test, count=1)


def test_a_reload_is_of_all_or_of_none():
    async def test(workers):
        await workers.open()
        assert sorted(Answering.opened) == [0, 1, 2]
        Answering.opened, Answering.fails = (), {2}
        with pytest.raises(StoreError):
            await workers.reload()
        assert Answering.opened == ()

    run(test)


def test_no_room_for_as_many(monkeypatch):
    begun = []

    def begin(worker, siblings):
        if len(siblings) == 2:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        begun.append(Process(worker, siblings))
        return begun[-1]

    monkeypatch.setattr(module, "WorkerProcess", begin)
    with pytest.raises(BridgeError, match="room for 3; received Resource temporarily unavailable"):
        Workers(lambda: Answering, 3, {})
    assert [each.ended for each in begun] == [True, True]
