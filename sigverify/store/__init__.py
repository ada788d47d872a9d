"""Where templates live: the `Store` protocol, and the places that implement it."""

from sigverify.store.postgres_database import is_server
from sigverify.store.sqlite import SqliteStore
from sigverify.store.sqlite_database import MEMORY
from sigverify.store.store import START, Change, Mark, Records, Store

__all__ = ["MEMORY", "START", "Change", "Mark", "Records", "SqliteStore", "Store", "is_server"]
