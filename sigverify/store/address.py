"""`is_server`: whether a store is a file or a server; asked before the driver of either is loaded."""

from typing import Final

SCHEMES: Final = ("postgresql://", "postgres://")


def is_server(path: object) -> bool:
    """Say whether a path names a server.

    >>> is_server("postgresql://db.example/fleet"), is_server("kiosk.db")
    (True, False)
    """
    return isinstance(path, str) and path.startswith(SCHEMES)
