"""The body of a record: a bitmap, the number of points, the points, and extended data where announced."""

from collections.abc import Sequence
from typing import Final

from sigverify.arrays import IntArray
from sigverify.formats.iso19794_7.cursor import Cursor
from sigverify.formats.iso19794_7.description import Description
from sigverify.formats.iso19794_7.kinds import Kind
from sigverify.formats.iso19794_7.points import points_from, points_to, size_of
from sigverify.formats.iso19794_7.signs import Signs
from sigverify.formats.table import check_row_count

EXTENDED: Final = 0x80
MAX_EXTENDED: Final = 0xFFFF

Points = dict[Kind, IntArray]


def write_body(points: Points, extended_data: bytes) -> bytes:
    """Write a body; values below 0 as `Signs.OFFSET` has them."""
    count = len(next(iter(points.values())))
    body = bytes([EXTENDED if extended_data else 0]) + count.to_bytes(3, "big") + points_to(points)
    return body + (len(extended_data).to_bytes(2, "big") + extended_data if extended_data else b"")


def read_body(cursor: Cursor, descriptions: Sequence[Description], signs: Signs) -> tuple[Points, bytes]:
    """Return the values of each channel that is in the points, and the extended data.

    Raises:
        FormatError: cut off, or points of no bytes; in strict reading also unknown bits in the bitmap.
        InvalidSignature: more points than a signature may have; none of them was read.
    """
    flags_at, flags = cursor.at, cursor.number(1, "body bitmap")
    count_at, count = cursor.at, cursor.number(3, "number of points")
    kinds = _kinds_in_points(cursor, descriptions, count, flags)
    if not kinds:
        cursor.fail("number of points", "points of no bytes", "a channel that varies", "none", count_at)
    cursor.add("number of points", count, f"of {size_of(kinds)} bytes each", count_at)
    points_at, needed = cursor.at, count * size_of(kinds)
    if needed > cursor.left:
        cursor.fail("points", "cut off", f"{needed} bytes for {count} points", str(cursor.left), points_at)
    check_row_count(count)
    extended = _announces_extended(cursor, flags, flags_at, points_at + needed)
    points = points_from(cursor.take(needed, "points"), kinds, signs)
    for kind, values in points.items():
        cursor.add(f"{kind.name} values", _range(values), f"{kind.meaning}, in counts", points_at)
    return points, _read_extended(cursor) if extended else b""


def _kinds_in_points(
    cursor: Cursor, descriptions: Sequence[Description], count: int, flags: int
) -> list[Kind]:
    """Return the channels that are in the points: constant ones only where the size leaves no doubt."""
    every = [each.kind for each in descriptions]
    kinds = [each.kind for each in descriptions if not each.constant]
    if (
        len(kinds) < len(every)
        and not _fits(cursor, count * size_of(kinds), flags)
        and _fits(cursor, count * size_of(every), flags)
    ):
        expected = "no constant channels in the points"
        cursor.deviation("points", "all channels", cursor.at, expected, meaning="constant channels, too")
        return every
    return kinds


def _fits(cursor: Cursor, size: int, flags: int) -> bool:
    """Tell whether the record would end where it may after points of that size."""
    end = cursor.at + size
    return cursor.ends_at(_end_of_extended(cursor, end) if flags & EXTENDED else end)


def _end_of_extended(cursor: Cursor, at: int) -> int:
    return at + 2 + int.from_bytes(cursor.data[at : at + 2], "big")


def _announces_extended(cursor: Cursor, flags: int, at: int, end: int) -> bool:
    """Tell whether extended data follow; a writer that is known sets another bit for it."""
    there = bool(flags & EXTENDED)
    if flags & ~EXTENDED and not cursor.ends_at(end):
        there = there or cursor.ends_at(_end_of_extended(cursor, end))
    meaning = "extended data follow" if there else "no extended data"
    if flags & ~EXTENDED:
        cursor.deviation("body bitmap", f"{flags:#04x}", at, "0x00 or 0x80", meaning=meaning)
    else:
        cursor.add("body bitmap", f"{flags:#04x}", meaning, at)
    return there


def _read_extended(cursor: Cursor) -> bytes:
    at = cursor.at
    length = cursor.number(2, "length of extended data")
    cursor.add("length of extended data", length, "bytes in a form of the writer's own", at)
    at = cursor.at
    data = cursor.take(length, "extended data")
    cursor.add("extended data", f"{length} bytes", "only who wrote them knows what they say", at)
    return data


def _range(values: IntArray) -> str:
    return f"{values.min()} to {values.max()}" if len(values) else "none"


def check_values(cursor: Cursor, descriptions: Sequence[Description], points: Points) -> None:
    """Hold values to what the header says that the sensor can say, and a switch to 0 and 1.

    Raises:
        FormatError: a value is beyond that, in strict reading.
    """
    for each in descriptions:
        values, name = points.get(each.kind), f"{each.kind.name} values"
        if values is None or not len(values):
            continue
        if each.kind.name == "s" and int(values.max()) > 1:
            cursor.deviation(name, _range(values), cursor.at, "0 or 1", meaning="all but 0 touches")
        elif each.excludes(values):
            expected = f"{each.low} to {each.high}"
            cursor.deviation(
                name, _range(values), cursor.at, expected, meaning="beyond what the sensor can say"
            )
