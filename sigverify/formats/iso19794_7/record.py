"""`Record`: one signature of the full format, in the standard's own terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sigverify.formats.iso19794_7.body import Points, check_values, read_body, write_body
from sigverify.formats.iso19794_7.cursor import MAGIC, Cursor
from sigverify.formats.iso19794_7.description import Description, read_description
from sigverify.formats.iso19794_7.kinds import KINDS, Kind
from sigverify.formats.iso19794_7.later_editions import refuse_later
from sigverify.formats.iso19794_7.signs import Signs, jumps, other_signs

VERSION: Final = b" 10\0"


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """Header and body of one signature.

    Attributes:
        descriptions: of each channel that is there, in the standard's order.
        points: the values `(n,)` of each channel that is not constant, int64.
        extended_data: what else the writer put in, in a form of its own.
        signs: how values below 0 were written.
    """

    descriptions: tuple[Description, ...]
    points: Points
    extended_data: bytes = b""
    signs: Signs = Signs.OFFSET

    def __len__(self) -> int:
        """Count the sample points."""
        return len(next(iter(self.points.values())))

    def __repr__(self) -> str:
        """Describe without the ink."""
        return f"<Record of {len(self)} points of {', '.join(each.kind.name for each in self.descriptions)}>"

    def to_bytes(self) -> bytes:
        """Write the record; values below 0 as `Signs.OFFSET` has them, whatever they were read from."""
        bitmap = sum(1 << (15 - KINDS.index(each.kind)) for each in self.descriptions)
        described = b"".join(each.to_bytes() for each in self.descriptions)
        header = MAGIC + VERSION + bitmap.to_bytes(2, "big") + described + b"\0"
        return header + write_body(self.points, self.extended_data)


def read_record(cursor: Cursor, signs: Signs | None = None) -> Record:
    """Read the record at the cursor, which has read no other; `signs` None: whichever its values show.

    Raises:
        FormatError: not this edition, damaged, or (in strict reading) any deviation from it; names the field
            and its byte.
        InvalidSignature: more points than a signature may have.
    """
    start = cursor.at
    record = _read(cursor, signs or Signs.OFFSET)
    if signs is None and not cursor.strict and _signs_shown(record) is not record.signs:
        # Once more from its beginning: limits are explained by their values, too.
        cursor.at = start
        cursor.fields.clear()
        cursor.deviations.clear()
        record = _read(cursor, Signs.TWOS_COMPLEMENT)
    return record


def _read(cursor: Cursor, signs: Signs) -> Record:
    _read_version(cursor)
    kinds = _read_bitmap(cursor)
    descriptions = tuple(read_description(cursor, kind, signs) for kind in kinds)
    at, name = cursor.at, "reserved byte"
    if reserved := cursor.number(1, name):
        cursor.deviation(name, reserved, at, "0", meaning="means nothing")
    else:
        cursor.add(name, 0, "means nothing", at)
    points, extended = read_body(cursor, descriptions, signs)
    check_values(cursor, descriptions, points)
    return Record(descriptions=descriptions, points=points, extended_data=extended, signs=signs)


def _read_version(cursor: Cursor) -> None:
    at, magic = cursor.at, cursor.take(4, "format identifier")
    if magic != MAGIC:
        cursor.fail("format identifier", "another", '"SDI" and 0', repr(magic), at)
    cursor.add("format identifier", "SDI", "a signature in ISO/IEC 19794-7", at)
    at, version = cursor.at, cursor.take(4, "version")
    if version == VERSION:
        cursor.add("version", " 10", "the edition of 2007", at)
    elif version in (b"010\0", b"10\0\0", b"10 \0", b" 10 "):
        cursor.deviation("version", repr(version), at, repr(VERSION), meaning="the edition of 2007")
    else:
        refuse_later(cursor, version, at)


def _read_bitmap(cursor: Cursor) -> Sequence[Kind]:
    at, name = cursor.at, "channel bitmap"
    bits = cursor.number(2, name)
    kinds = [kind for place, kind in enumerate(KINDS) if bits >> (15 - place) & 1]
    names = [kind.name for kind in kinds]
    listed = ", ".join(names) or "no channels"
    if not {"x", "y"} <= set(names):
        cursor.fail(name, "no position", "x and y", listed, at)
    if {"t", "dt"}.isdisjoint(names):
        cursor.deviation(name, f"{bits:#06x}", at, "t or dt", listed, meaning=listed)
    else:
        cursor.add(name, f"{bits:#06x}", listed, at)
    return kinds


def _signs_shown(record: Record) -> Signs:
    """Tell from position how signed values are written; `Signs.OFFSET` where nothing speaks against it."""
    against = dict.fromkeys(Signs, False)
    for each in record.descriptions:
        if each.kind.name in ("x", "y") and each.kind in record.points:
            values, other = record.points[each.kind], each.with_other_signs()
            against[Signs.OFFSET] |= jumps(values) or each.excludes(values) or each.is_reversed
            values = other_signs(values)
            against[Signs.TWOS_COMPLEMENT] |= jumps(values) or other.excludes(values) or other.is_reversed
    only_other = against[Signs.OFFSET] and not against[Signs.TWOS_COMPLEMENT]
    return Signs.TWOS_COMPLEMENT if only_other else Signs.OFFSET
