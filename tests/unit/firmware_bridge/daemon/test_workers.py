"""Which worker answers whom; the processes themselves are tested in tests/e2e/test_workers.py."""

import asyncio
import errno
import os
import threading

import pytest

from firmware_bridge.daemon import workers as module
from firmware_bridge.daemon.workers import Workers
from firmware_bridge.protocol.daemon_connection import Request
from firmware_bridge.protocol.messages import Enroll, Users
from sigverify.actor import Actor, ActorKind
from sigverify.errors import BridgeError, StoreError

ACTOR = Actor(ActorKind.CLIENT, "test")
LIST = Request(number=1, message=Users(), captures=(), handshake=1)
ENROLL = Request(number=1, message=Enroll(user_id="ann"), captures=(), handshake=1)


class Process:
    """In place of a process: a worker in this one that says its number, once it may."""

    def __init__(self, worker, siblings):
        self.worker, self.number = worker, len(siblings)
        self.ended = False
        self.sentinel, self._other = os.pipe()

    def do(self, job):
        return job(self.worker(self.number))

    def end(self):
        self.ended = True
        os.close(self.sentinel)
        os.close(self._other)


class Answering:
    """A worker that answers with its number, and waits where it is told to."""

    waiting = threading.Event()
    opened = ()
    fails = frozenset()
    left = ()

    def __init__(self, number):
        self.number = number

    def open(self):
        if self.number in self.fails:
            raise StoreError("cannot be opened")
        Answering.opened += (self.number,)

    def keep(self):
        Answering.opened = tuple(each for each in self.opened if each != self.number)

    def change(self):
        return self.number

    def carry_out(self, _client, request, _actor):
        if request is not LIST or self.number == 0:
            assert self.waiting.wait(10)
        return self.number

    def leave(self, client):
        Answering.left += ((self.number, client),)

    def close(self):
        pass


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(module, "WorkerProcess", Process)
    for name, value in {"waiting": threading.Event(), "opened": (), "fails": frozenset(), "left": ()}.items():
        monkeypatch.setattr(Answering, name, value)


def run(test, count=3):
    """Run a test with so many workers."""

    async def main():
        workers = Workers(lambda: Answering, count, {})
        try:
            return await test(workers)
        finally:
            Answering.waiting.set()
            await workers.close()

    return asyncio.run(main())


def test_the_one_with_the_fewest_answers():
    async def test(workers):
        first = asyncio.create_task(workers.carry_out(1, LIST, ACTOR))
        await asyncio.sleep(0)
        assert [await workers.carry_out(client, LIST, ACTOR) for client in (2, 3, 2)] == [1, 1, 1]
        Answering.waiting.set()
        assert await first == 0

    run(test)


def test_who_began_an_enrollment_stays_until_it_leaves():
    async def test(workers):
        busy = [asyncio.create_task(workers.carry_out(each, ENROLL, ACTOR)) for each in (1, 2)]
        await asyncio.sleep(0)
        Answering.waiting.set()
        assert [await each for each in busy] == [0, 1]
        assert await workers.carry_out(2, LIST, ACTOR) == 1
        workers.leave(2)
        assert await workers.carry_out(2, LIST, ACTOR) == 0
        workers.leave(1)
        workers.leave(9)

    run(test)
    assert set(Answering.left) == {(1, 2), (0, 1)}


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
