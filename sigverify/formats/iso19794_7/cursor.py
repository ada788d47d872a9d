"""`Cursor`: goes through the bytes of a record and keeps what each field said."""

from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from sigverify.errors import FormatError
from sigverify.formats.format import Field

MAGIC: Final = b"SDI\0"


@dataclass
class Cursor:
    """Where reading has come to, and what was found so far.

    Attributes:
        data: the whole file.
        at: the number of the next byte.
        strict: whether each deviation from the standard is an error.
        fields: what was read, explained.
        deviations: the names of fields that are not as they should be and were read all the same.
    """

    data: bytes
    at: int = 0
    strict: bool = False
    fields: list[Field] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Count the bytes not read yet."""
        return len(self.data) - self.at

    def take(self, count: int, name: str) -> bytes:
        """Return the next bytes.

        Raises:
            FormatError: there are fewer; names the field and its first byte.
        """
        if count > self.left:
            self.fail(name, "cut off", f"{count} bytes", str(self.left), self.at)
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count: int, name: str) -> int:
        """Return the next bytes as a number, the highest first.

        Raises:
            FormatError: as of `take`.
        """
        return int.from_bytes(self.take(count, name), "big")

    def add(self, name: str, value: Any, meaning: str, at: int, problem: str = "") -> None:
        """Note down what a field says."""
        self.fields.append(Field(name=name, value=value, meaning=meaning, offset=at, problem=problem))

    def deviation(
        self, name: str, value: Any, at: int, expected: str, received: str = "", *, meaning: str
    ) -> None:
        """Note down a field that is not as it should be, but whose meaning is certain.

        Raises:
            FormatError: where reading is strict.
        """
        if self.strict:
            self.fail(name, "not as the standard has it", expected, received or str(value), at)
        self.add(name, value, meaning, at, f"expected {expected}")
        self.deviations += [name] if name not in self.deviations else []

    def fail(
        self, name: str, what: str, expected: str, received: str, at: int, *, hint: str = ""
    ) -> NoReturn:
        """Give up: note the field down, too, for those who want it explained.

        Raises:
            FormatError: always.
        """
        self.add(name, None, "", at, f"{what}: expected {expected}, received {received}")
        raise FormatError(f"byte {at}: {name}: {what}", expected=expected, received=received, hint=hint)

    def ends_at(self, end: int) -> bool:
        """Tell whether a record may end there: the file does, or another record begins."""
        return end == len(self.data) or self.data[end : end + len(MAGIC)] == MAGIC
