"""A worker in a process of its own: what goes there and comes back, and how it ends."""

import asyncio
import os
from operator import methodcaller

import pytest

from firmware_bridge.pool.pool import Pool
from firmware_bridge.pool.worker_process import WorkerFailed, WorkerGone
from sigverify.errors import StoreError

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


class Echo:
    """Gives back what it is given, and does what can go wrong."""

    def __init__(self):
        self.count = 0

    def do(self, job):
        return job(self)

    def back(self, content):
        self.count += 1
        return self.count, content

    def number(self):
        return os.getpid()

    def refuse(self):
        raise StoreError("cannot write the store", hint="Make room")

    def fail(self):
        raise KeyError("x: 0.5, y: 0.7")  # as if samples of a pen were in it

    def vanish(self):
        os._exit(3)

    def close(self):
        pass


def run(test):
    """Run a test with two workers."""

    async def main():
        pool = Pool(Echo, 2)
        await pool.begin()
        try:
            await test(pool)
        finally:
            await pool.close()

    asyncio.run(main())


def test_they_are_processes_of_their_own():
    async def test(pool):
        numbers = await pool.all(methodcaller("number"))
        assert len({*numbers, os.getpid()}) == 3

    run(test)


@pytest.mark.parametrize("size", [0, 1, 2**16, 8 * 2**20])
def test_all_that_is_sent_comes_back_in_order(size):
    async def test(pool):
        content = os.urandom(size)
        asked = [pool.first(methodcaller("back", content + bytes([each]))) for each in range(4)]
        done = await asyncio.gather(*asked)
        assert done == [(1 + each, content + bytes([each])) for each in range(4)]

    run(test)


def test_an_error_of_ours_comes_back_as_it_is_and_of_others_the_name():
    async def test(pool):
        with pytest.raises(StoreError, match=r"cannot write the store\. Make room"):
            await pool.ask(methodcaller("refuse"))
        with pytest.raises(WorkerFailed) as raised:
            await pool.ask(methodcaller("fail"))
        assert str(raised.value) == "KeyError"
        assert (await pool.first(methodcaller("back", b"")))[1] == b""

    run(test)


def test_whoever_waits_for_one_that_ends_is_told():
    async def test(pool):
        ended = asyncio.get_running_loop().create_future()
        pool.watch(ended.set_result)
        asked = [pool.first(methodcaller("vanish")), pool.first(methodcaller("back", b""))]
        for gone in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(gone, WorkerGone)
            assert "exit status 3" in str(gone)
        with pytest.raises(WorkerGone):
            await pool.first(methodcaller("back", b""))
        assert await pool.all(methodcaller("number"), but_first=True)
        assert "exit status 3" in str(await asyncio.wait_for(ended, 5))

    run(test)


def test_workers_that_were_not_begun_are_ended():
    pool = Pool(Echo, 2)
    numbers = [lane.worker.pid for lane in pool._lanes]
    pool.end_now()
    pool.end_now()
    for each in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(each, 0)
