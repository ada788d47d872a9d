"""Clients of the daemon, used much like a `Verifier`: `Client` blocks, `AsyncClient` is for asyncio.

A line that broke raises `Disconnected`, and the next call opens another: no client has to be made anew.
Nothing is asked a second time there, because nobody knows whether it was done; a decision is in the audit
log, an enrollment in `users`. The same samples again may be refused as a copy: let the person sign anew.
"""

from firmware_bridge.client.asynchronous import AsyncClient, AsyncRemoteEnrollment
from firmware_bridge.client.blocking import Client, RemoteEnrollment

__all__ = ["AsyncClient", "AsyncRemoteEnrollment", "Client", "RemoteEnrollment"]
