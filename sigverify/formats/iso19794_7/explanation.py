"""`explain`: what each field of a file says, also where it is damaged."""

from dataclasses import replace
from typing import Final

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats.format import Field
from sigverify.formats.iso19794_7.cursor import MAGIC, Cursor
from sigverify.formats.iso19794_7.record import read_record

MAX_RECORDS: Final = 100
"""More records of one file are not explained one by one."""


def explain(data: bytes) -> list[Field]:
    """Return the fields of each record, as they stand in the file; never raises for what is wrong."""
    fields: list[Field] = []
    cursor = Cursor(data)
    for number in range(1, MAX_RECORDS + 1):
        cursor = Cursor(data, cursor.at)
        before = f"record {number}: " if number > 1 else ""
        try:
            read_record(cursor)
        except FormatError:
            return fields + _of(cursor, before)
        except InvalidSignature as error:
            problem = Field(
                name=f"{before}number of points", value=None, offset=cursor.at, problem=str(error)
            )
            return [*fields, *_of(cursor, before), problem]
        fields += _of(cursor, before)
        if not data.startswith(MAGIC, cursor.at):
            break
    if cursor.left:
        rest = f"{cursor.left} bytes behind the last record that is explained"
        fields.append(Field(name="end", value=f"{cursor.left} bytes", offset=cursor.at, problem=rest))
    return fields


def _of(cursor: Cursor, before: str) -> list[Field]:
    in_order = sorted(cursor.fields, key=lambda each: each.offset or 0)
    return [replace(each, name=before + each.name) for each in in_order]
