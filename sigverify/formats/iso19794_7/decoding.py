"""`decode`, `read_all`: from bytes to recordings."""

from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.iso19794_7.cursor import MAGIC, Cursor
from sigverify.formats.iso19794_7.description import Description
from sigverify.formats.iso19794_7.record import Record, read_record
from sigverify.formats.iso19794_7.signs import Signs
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.pen_lift import ink_from_touch, touch_from_pressure
from sigverify.formats.recording import Recording

NAME: Final = "iso19794_7"
MAX_RECORDS: Final = 1000
"""More records in one file are refused: the smallest take 20 bytes, and a file may have 64 MiB of them."""


def decode(
    data: bytes, notes: Notes | None = None, *, strict: bool = False, signs: Signs | None = None
) -> Recording:
    """Read the first record of the full format.

    Arguments:
        data: the bytes of a file.
        notes: takes what was noticed.
        strict: any deviation from it is an error; else what has a certain meaning is read and noted.
        signs: how values below 0 are written; None: as the standard has it or, where not `strict` and only
            the other way makes sense of the values, in two's complement.

    Raises:
        FormatError: damaged, of a later edition, or not to the letter; names the field and its byte.
        InvalidSignature: more points than a signature may have.
    """
    notes, cursor = notes or Notes(), Cursor(data, strict=strict)
    record = read_record(cursor, signs)
    if cursor.left and (strict or not cursor.ends_at(cursor.at)):
        _trailing(cursor)
    if more := count_records(cursor):
        notes.add(NoteKind.MORE_RECORDINGS, more)
    return recording_of(record, cursor, notes)


def read_all(data: bytes, *, strict: bool = False, signs: Signs | None = None) -> list[Recording]:
    """Read all records that stand one behind the other, each with its own notes.

    Raises:
        FormatError, InvalidSignature: as of `decode`.
    """
    cursor = Cursor(data, strict=strict)
    found: list[Recording] = []
    while cursor.left:
        if len(found) == MAX_RECORDS:
            cursor.fail("end", "too many records", f"at most {MAX_RECORDS}", "more", cursor.at)
        if found and not cursor.ends_at(cursor.at):
            _trailing(cursor)
            break
        notes, cursor = Notes(), Cursor(data, cursor.at, strict)
        recording = recording_of(read_record(cursor, signs), cursor, notes)
        found.append(recording)
    if not found:
        read_record(cursor, signs)  # which says what is wrong with nothing
    return found


def count_records(cursor: Cursor) -> int:
    """Count the records that begin behind the cursor, at most one for each identifier there."""
    return cursor.data.count(MAGIC, cursor.at) if cursor.data.startswith(MAGIC, cursor.at) else 0


def _trailing(cursor: Cursor) -> None:
    expected, received = "the end of the record", f"{cursor.left} more bytes"
    cursor.deviation("end", f"{cursor.left} bytes", cursor.at, expected, received, meaning="not read")


def recording_of(record: Record, cursor: Cursor, notes: Notes) -> Recording:
    """Say in the terms of the SDK what a record says."""
    channels: dict[Quantity, Channel] = {}
    for each in record.descriptions:
        if each.kind.quantity is not Quantity.TIME:
            channels[each.kind.quantity] = _channel(each, _values(each, record))
    timed = _time(record, notes)
    rate = None
    if timed is not None:
        channels[Quantity.TIME], rate = timed
    if record.signs is not Signs.OFFSET:
        notes.add(NoteKind.TWOS_COMPLEMENT)
    if removed := [each.kind.name for each in record.descriptions if each.linear_removed]:
        notes.add(NoteKind.LINEAR_REMOVED, *removed)
    if cursor.deviations:
        notes.add(NoteKind.DEVIATION, *cursor.deviations)
    facts: dict[str, str | int | float] = {"version": "10", "edition": 2007}
    if record.extended_data:
        facts["extended_data_bytes"] = len(record.extended_data)
    return Recording(
        format=NAME,
        channels=channels,
        ink=_ink(channels, len(record)),
        rate_hz=rate,
        facts=facts,
        notes=tuple(notes.noted),
    )


def _values(each: Description, record: Record) -> FloatArray:
    if each.kind in record.points:
        return record.points[each.kind].astype(np.float64)
    return np.full(len(record), float(each.constant_value))


def _channel(each: Description, values: FloatArray) -> Channel:
    low, high = _limits(each)
    if each.scaling is None:
        return Channel(values, "", 1.0, low, high)
    return Channel(values, each.kind.unit, each.scaling, low, high)


def _time(record: Record, notes: Notes) -> tuple[Channel, float | None] | None:
    """Return when the points were taken, and how many a second where that is constant; t before dt."""
    timing = {each.kind.name: each for each in record.descriptions if each.kind.quantity is Quantity.TIME}
    usable = {name: each for name, each in timing.items() if not each.linear_removed}
    if not usable:
        return None
    name, each = next(iter(usable.items()))
    if len(usable) > 1:
        notes.add(NoteKind.IGNORED, "dt")
    if each.scaling is None:
        notes.add(NoteKind.TIME_ASSUMED, name)
    # 16 bits can count neither whole seconds nor microseconds of a signature: without a scaling these are ms.
    unit, scaling = ("ms", 1.0) if each.scaling is None else ("s", each.scaling)
    values = _values(each, record)
    rate = None
    if name == "dt":
        if each.constant and each.constant_value > 0:
            rate = scaling * (1000 if unit == "ms" else 1) / each.constant_value
        values = np.cumsum(values) - values[:1] if len(values) else values
        return Channel(values, unit, scaling), rate
    return Channel(values, unit, scaling, *_limits(each)), rate


def _limits(each: Description) -> tuple[float | None, float | None]:
    if each.is_reversed:
        return None, None
    return None if each.low is None else float(each.low), None if each.high is None else float(each.high)


def _ink(channels: dict[Quantity, Channel], count: int) -> BoolArray:
    """Tell ink by the tip switch, else by force; where neither is there all is ink."""
    if (tip := channels.get(Quantity.TIP)) is not None:
        return ink_from_touch(tip.values > 0)
    if (force := channels.get(Quantity.PRESSURE)) is not None:
        return ink_from_touch(touch_from_pressure(force.values))
    return np.ones(count, np.bool_)
