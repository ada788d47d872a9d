"""Where templates live: the `Store` protocol, and the places that implement it."""

from sigverify.store.address import is_server
from sigverify.store.erasure import Erasure
from sigverify.store.sqlite import SqliteStore
from sigverify.store.sqlite_database import MEMORY
from sigverify.store.store import START, Change, Mark, Prepared, Records, State, Store, wait_for_disk

__all__ = [
    "MEMORY",
    "START",
    "Change",
    "Erasure",
    "Mark",
    "Prepared",
    "Records",
    "SqliteStore",
    "State",
    "Store",
    "is_server",
    "wait_for_disk",
]
