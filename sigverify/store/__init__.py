"""Where templates live: the `Store` protocol, and the places that implement it."""

from sigverify.store.sqlite import MEMORY, SqliteStore
from sigverify.store.store import Gallery, Records, Store

__all__ = ["MEMORY", "Gallery", "Records", "SqliteStore", "Store"]
