"""`Message`: Protocol Buffers as bytes, the fields of a message without a description of it.

Source: Google, "Protocol Buffers: Encoding".
"""

import struct
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError
from sigverify.formats.table import check_row_count

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
MAX_VARINT: Final = 10
"""Bytes of 64 bits, seven in each."""
MAX_FIELDS: Final = 200_000
"""Of a message and all within it that are looked into; ink has some thirty a stroke."""


@dataclass
class _Budget:
    """How many fields may still be read of a file."""

    left: int = MAX_FIELDS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise FormatError("a message of more fields than ink has", expected=f"at most {MAX_FIELDS}")


@dataclass(frozen=True)
class Message:
    """The values of each field by its number, in their order: whole numbers, or the bytes of all else."""

    fields: dict[int, list[int | bytes]] = field(default_factory=dict)
    budget: _Budget = field(default_factory=_Budget, repr=False)

    @classmethod
    def parse(cls, data: bytes, budget: _Budget | None = None) -> Self:
        """Read the fields of a message, none of those within it.

        Raises:
            FormatError: it ends within a field, is no message, or has too many fields.

        >>> Message.parse(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69])).fields
        {1: [150], 2: [b'hi']}
        """
        message = cls(budget=budget or _Budget())
        at = 0
        while at < len(data):
            message.budget.spend()
            key, at = _varint(data, at)
            value, at = _value(data, at, key & 7)
            message.fields.setdefault(key >> 3, []).append(value)
        return message

    def messages(self, number: int) -> list[Self]:
        """Return the messages within a field."""
        values = self.fields.get(number, ())
        return [self.parse(value, self.budget) for value in values if isinstance(value, bytes)]

    def message(self, number: int) -> Self:
        """Return the first message within a field; an empty one where there is none."""
        return next(iter(self.messages(number)), self.parse(b"", self.budget))

    def content(self, number: int) -> bytes:
        """Return the bytes of a field, the last where it stands twice; empty where it is not there."""
        values = self.fields.get(number, [])
        return next((value for value in reversed(values) if isinstance(value, bytes)), b"")

    def integer(self, number: int) -> int:
        """Return a whole number; 0 where it is not there."""
        values = self.fields.get(number, [])
        return next((value for value in reversed(values) if isinstance(value, int)), 0)

    def real(self, number: int) -> float:
        """Return a float or double; 0 where it is not there."""
        value = self.content(number)
        kind = {4: "<f", 8: "<d"}.get(len(value))
        return float(struct.unpack(kind, value)[0]) if kind else 0.0

    def signed_integers(self, number: int) -> FloatArray:
        """Return `(n,)` float64, a repeated `sint32`, packed or not.

        Raises:
            FormatError: they end within a number.
            InvalidSignature: more than a signature may have samples.

        >>> Message({2: [bytes([1, 2, 3, 0xAC, 2])]}).signed_integers(2).tolist()
        [-1.0, 1.0, -2.0, 150.0]
        """
        values: list[int] = []
        for each in self.fields.get(number, ()):
            values += [each] if isinstance(each, int) else _packed(each)
            check_row_count(len(values))
        return np.array([(value >> 1) ^ -(value & 1) for value in values], np.float64)


def _value(data: bytes, at: int, kind: int) -> tuple[int | bytes, int]:
    """Return the value of a field, and where it ends."""
    if kind == VARINT:
        return _varint(data, at)
    if kind == LENGTH:
        size, at = _varint(data, at)
    else:
        size = {FIXED64: 8, FIXED32: 4}.get(kind, len(data))
    if size > len(data) - at:
        raise _broken()
    return data[at : at + size], at + size


def _packed(data: bytes) -> list[int]:
    # Every number ends with a byte below 128: counted before they are read.
    check_row_count(int(np.count_nonzero(np.frombuffer(data, np.uint8) < 128)))
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    value = 0
    for place in range(min(MAX_VARINT, len(data) - at)):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise _broken()


def _broken() -> FormatError:
    return FormatError("a message of Protocol Buffers that is cut off or damaged", hint="Copy the file again")
