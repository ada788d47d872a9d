"""What a store's file holds beside its rows: tables and indexes as this release makes them, and nothing else.

Rows are sealed, the schema is not: a trigger that somebody plants in the file acts with every statement of
ours, and undoes a removal or the count of failed tries without a key. So every object of the schema is
compared with ours, text for text.
"""

import sqlite3
from functools import lru_cache
from typing import Final

from sigverify.errors import DamagedStore

_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM main.sqlite_master"

Object = tuple[str, str, str, str]
"""Type, name, the table it is of, and the statement that makes it; empty for what SQLite makes by itself."""


def check_schema(connection: sqlite3.Connection, script: str, where: str, *, exact: bool) -> None:
    """Refuse a file whose schema is not what `script` makes.

    Args:
        connection: of the file.
        script: the statements that make the tables.
        where: what an error calls the store.
        exact: otherwise, in a store of a version before, only what acts by itself is refused: triggers and
            views.

    Raises:
        DamagedStore: names one object that is not ours, or is missing.
    """
    found = _objects(connection)
    if not exact:
        strange = {each for each in found if each[0] in ("trigger", "view")}
    else:
        strange = found ^ _expected(script)
    if strange:
        kind, name, *_ = min(strange)
        raise DamagedStore(
            f"the tables of {where} are not as this release makes them",
            expected="no trigger, view, table or index but ours",
            received=f"{kind} {name[:40]!r}",
            hint="Somebody changed the file: restore a backup",
        )


def _objects(connection: sqlite3.Connection) -> set[Object]:
    rows = connection.execute(_OBJECTS).fetchall()
    return {(str(kind), str(name), str(table), _as_one_line(sql)) for kind, name, table, sql in rows}


def _as_one_line(sql: object) -> str:
    """Return a statement without line breaks, which a release may set otherwise."""
    return " ".join(str(sql or "").split())


@lru_cache
def _expected(script: str) -> frozenset[Object]:
    model = sqlite3.connect(":memory:")
    try:
        model.executescript(script)
        return frozenset(_objects(model))
    finally:
        model.close()
