"""`remains`: rows that were deleted or replaced, and that still lie in a store's file or in its log.

SQLite overwrites what is deleted (`secure_delete`), but by writing to the log first. Until that is written
into the file, and emptied, the file has the page as it was before, and the log whatever it was in between. So
every page of both is read as it lies there, whether SQLite still uses it or not, and the rows on it are
compared with those of now.

Of a row that is longer than a page, the rest lies on pages without a sign of what they are. It is not looked
for by itself: SQLite overwrites it together with the page that names it.

Source: "Database File Format", sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.1.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

from sigverify.protection.sealing import DIGEST_BYTES, OVERHEAD
from sigverify.store.sqlite_database import MEMORY, SqliteDatabase

_LOG_HEADER: Final = 32
_FRAME_HEADER: Final = 24
_FILE_HEADER: Final = 100
"""Before the first page's own."""
_LEAF_OF_TABLE: Final = 0x0D
_INTERIOR_OF_INDEX: Final = 0x02
_LEAF_OF_INDEX: Final = 0x0A
_SEAL: Final = 12
"""Bytes that no two sealed rows share: the nonce."""


class Remnant(NamedTuple):
    """A row that lies somewhere and is no more: what it was found by, and the beginning of its content."""

    subject: bytes
    modality: str
    seal: bytes


def remains(database: SqliteDatabase) -> frozenset[Remnant]:
    """Return what lies in the file or its log of templates and vectors that are gone or replaced.

    Nothing may be in a transaction. What others write meanwhile is no remnant: what was found is compared
    with the rows afterwards, and looked for once more.
    """
    if database.path == MEMORY:
        return frozenset()
    found = _gone(database, _lying(database))
    return found & _lying(database) if found else frozenset()


def _gone(database: SqliteDatabase, lying: set[Remnant]) -> frozenset[Remnant]:
    """Return those that are no rows now."""
    with database.reading():
        rows: set[Remnant] = set()
        for table in ("templates", "vectors"):
            query = f"SELECT subject, modality, substr(content, 1, {_SEAL}) FROM {table}"  # noqa: S608, names of ours
            rows.update(Remnant(*row) for row in database.execute(query).fetchall())
    return frozenset(lying - rows)


def _lying(database: SqliteDatabase) -> set[Remnant]:
    file, log = Path(database.path), Path(f"{database.path}-wal")
    found: set[Remnant] = set()
    with file.open("rb") as lines:
        header = lines.read(_FILE_HEADER)
        if len(header) == _FILE_HEADER:
            size = int.from_bytes(header[16:18], "big")
            lines.seek(0)
            _collect(lines, 65536 if size == 1 else size, 0, found, first=_FILE_HEADER)
    if log.is_file():
        with log.open("rb") as lines:
            header = lines.read(_LOG_HEADER)
            if len(header) == _LOG_HEADER:
                # To the end of the file: what is behind the last frame in use was in use before.
                _collect(lines, int.from_bytes(header[8:12], "big"), _FRAME_HEADER, found)
    return found


def _collect(lines: IO[bytes], size: int, before: int, found: set[Remnant], *, first: int = 0) -> None:
    """Add the rows on each page; `before` bytes stand before a page, and `first` in the first one."""
    if size < 512:  # damaged: `check` says so by other means
        return
    while len(page := lines.read(before + size)) == before + size:
        found.update(_rows(page[before:], first))
        first = 0


def _rows(page: bytes, at: int) -> Iterator[Remnant]:
    """Yield the templates and vectors on a page, if it is one that has rows."""
    kind = page[at]
    if kind not in (_LEAF_OF_TABLE, _LEAF_OF_INDEX, _INTERIOR_OF_INDEX):
        return
    (count,) = struct.unpack_from(">H", page, at + 3)
    pointers = at + (12 if kind == _INTERIOR_OF_INDEX else 8)
    for number in range(min(count, (len(page) - pointers) // 2)):
        (place,) = struct.unpack_from(">H", page, pointers + 2 * number)
        if kind == _INTERIOR_OF_INDEX:
            place += 4  # the page of the rows before it
        _, place = _varint(page, place)  # the length
        if kind == _LEAF_OF_TABLE:
            _, place = _varint(page, place)  # the number of the row
        row = _row(page, place)
        if row is not None:
            yield row


def _row(page: bytes, start: int) -> Remnant | None:
    """Read subject, modality and the beginning of the content; None where a row is another."""
    length, place = _varint(page, start)
    types: list[int] = []
    while place < min(start + length, len(page)) and len(types) < 3:
        kind, place = _varint(page, place)
        types.append(kind)
    if len(types) < 3 or types[0] != 12 + 2 * DIGEST_BYTES or types[1] < 13 or types[1] % 2 == 0:
        return None
    if types[2] < 12 + 2 * OVERHEAD or types[2] % 2:
        return None
    subject = start + length
    modality = subject + DIGEST_BYTES
    content = modality + (types[1] - 13) // 2
    seal = page[content : content + _SEAL]
    if len(seal) < _SEAL:
        return None
    return Remnant(page[subject:modality], page[modality:content].decode(errors="replace"), seal)


def _varint(page: bytes, place: int) -> tuple[int, int]:
    """Read a number of 1 to 9 bytes; return it and where it ends. Behind the page it is 0."""
    value = 0
    for count in range(9):
        if place >= len(page):
            return 0, place
        byte = page[place]
        place += 1
        if count == 8:
            return value << 8 | byte, place
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return value, place
