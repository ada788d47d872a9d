"""An asyncio client that waits, so that one test serves both kinds of client."""

import asyncio

from firmware_bridge.client import AsyncClient


class Waiting:
    """An `AsyncClient` behind blocking calls, so that one test serves both."""

    def __init__(self, *arguments, **options):
        self._loop = asyncio.new_event_loop()
        self._client = AsyncClient(*arguments, **options)

    def enrollment(self, *arguments, **options):
        begun = self._loop.run_until_complete(self._client.enrollment(*arguments, **options))
        return WaitingEnrollment(self._loop, begun)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.close()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    def close(self):
        self._client.close()

    def __getattr__(self, name):
        def call(*arguments, **options):
            return self._loop.run_until_complete(getattr(self._client, name)(*arguments, **options))

        return call


class WaitingEnrollment:
    """The same for an `AsyncRemoteEnrollment`."""

    def __init__(self, loop, begun):
        self._loop, self._begun = loop, begun

    @property
    def remaining(self):
        return self._begun.remaining

    def __getattr__(self, name):
        def call(*arguments):
            return self._loop.run_until_complete(getattr(self._begun, name)(*arguments))

        return call
