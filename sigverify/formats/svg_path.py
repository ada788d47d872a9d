"""`vertices`: where the lines and curves of an SVG path end, and `affine`: what a `transform` does."""

import math
import re
from collections.abc import Iterator
from typing import Final

from sigverify.errors import FormatError
from sigverify.formats.table import check_row_count

Point = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]
"""As SVG's `matrix(a b c d e f)`: x becomes a·x + c·y + e, y becomes b·x + d·y + f."""
IDENTITY: Final = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_NUMBER: Final = re.compile(r"[\s,]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_FLAG: Final = re.compile(r"[\s,]*([01])")
_COMMAND: Final = re.compile(r"[\s,]*([MmLlHhVvCcSsQqTtAaZz])")
_END: Final = re.compile(r"[\s,]*$")
_NUMBERS: Final = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
"""How many numbers a command takes; the last two, or one, are where it ends."""
_ARC_FLAGS: Final = (3, 4)
_FUNCTION: Final = re.compile(r"[\s,]*(\w+)\s*\(([^()]*)\)")
MAX_TEXT: Final = 8 * 2**20
"""Characters of one path or list: the largest signature in curves takes fewer."""
MAX_FUNCTIONS: Final = 16
"""Of one transform; drawing programs write one or two."""


def vertices(path: str) -> list[list[Point]]:
    """Return the ends of the lines and curves of each part of a path, its start first.

    Raises:
        FormatError: not the text of a path, or numbers that are none.
        InvalidSignature: more of them than a signature may have samples.

    >>> vertices("M1,2 l1 1 C 0 0 0 0 5 5 m 1 1 h.5-1")
    [[(1.0, 2.0), (2.0, 3.0), (5.0, 5.0)], [(6.0, 6.0), (6.5, 6.0), (5.5, 6.0)]]
    """
    _check_length(path)
    parts: list[list[Point]] = []
    x = y = 0.0
    for count, (command, numbers) in enumerate(_commands(path), 1):
        check_row_count(count)
        if command == "Z":
            x, y = parts[-1][0]
        elif command.upper() == "H":
            x = numbers[0] + (x if command == "h" else 0)
        elif command.upper() == "V":
            y = numbers[0] + (y if command == "v" else 0)
        else:
            relative = command.islower()
            x, y = numbers[-2] + relative * x, numbers[-1] + relative * y
        if not math.isfinite(x) or not math.isfinite(y):
            raise FormatError("a path with numbers that are too large")
        if command in ("M", "m"):
            parts.append([])
        elif command == "Z" and parts[-1][-1] == (x, y):
            continue
        parts[-1].append((x, y))
    return parts


def _check_length(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise FormatError(
            "text that is longer than a signature",
            expected=f"at most {MAX_TEXT} characters",
            received=str(len(text)),
        )


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    """Yield each command with its numbers; one that is not repeated in the text stands for the one before."""
    place, command = 0, ""
    while not _END.match(path, place):
        if found := _COMMAND.match(path, place):
            place = found.end()
            first, command = not command, found[1]
            if first and command not in "Mm":
                raise FormatError(
                    "a path that does not begin with M", expected="where its first stroke begins"
                )
            command = "Z" if command == "z" else command
        elif command in ("", "Z"):
            raise FormatError(
                "not the text of a path", expected="commands such as M, L, C with their numbers"
            )
        numbers, place = _arguments(path, place, command.upper())
        yield command, numbers
        command = {"M": "L", "m": "l"}.get(command, command)


def _arguments(path: str, place: int, command: str) -> tuple[list[float], int]:
    numbers = []
    for index in range(_NUMBERS[command]):
        kind = _FLAG if command == "A" and index in _ARC_FLAGS else _NUMBER
        if not (found := kind.match(path, place)):
            raise FormatError(
                f"a number of {command} is missing in a path", expected=f"{_NUMBERS[command]} numbers"
            )
        numbers.append(float(found[1]))
        place = found.end()
    return numbers, place


def numbers_of(text: str) -> list[float]:
    """Return the numbers of a list, parted by spaces, commas or semicolons.

    Raises:
        FormatError: something else stands in it.

    >>> numbers_of("1,2 -3.5;4")
    [1.0, 2.0, -3.5, 4.0]
    """
    _check_length(text)
    words = re.split(r"[\s,;]+", text.strip(" \t\r\n,;"))
    if words == [""]:
        return []
    if not all(map(_NUMBER.fullmatch, words)):
        raise FormatError("not a list of numbers", expected="numbers parted by spaces or commas")
    numbers = list(map(float, words))
    if not all(map(math.isfinite, numbers)):
        raise FormatError("a list of numbers that are too large")
    return numbers


def affine(transform: str) -> Matrix:
    """Return the matrix of a `transform`.

    Raises:
        FormatError: a function that SVG does not have, or other numbers than it takes.

    >>> affine("translate(3 4) scale(2)")
    (2.0, 0.0, 0.0, 2.0, 3.0, 4.0)
    """
    whole, place = IDENTITY, 0
    for _ in range(MAX_FUNCTIONS):
        if not (found := _FUNCTION.match(transform, place)):
            break
        whole, place = within(whole, _matrix(found[1], numbers_of(found[2]))), found.end()
    if not _END.match(transform, place) or not all(map(math.isfinite, whole)):
        raise FormatError(
            "a transform that is not known", expected="translate, scale, rotate, skewX, skewY, matrix"
        )
    return whole


def within(outer: Matrix, inner: Matrix) -> Matrix:
    """Return what two transforms do, the inner one first."""
    a, b, c, d, e, f = inner
    (a, b), (c, d), (e, f) = _linear(outer, a, b), _linear(outer, c, d), moved(outer, (e, f))
    return a, b, c, d, e, f


def moved(matrix: Matrix, point: Point) -> Point:
    """Return where a point is drawn.

    >>> moved(affine("translate(3 4) scale(2)"), (1, 1))
    (5.0, 6.0)
    """
    x, y = _linear(matrix, *point)
    return x + matrix[4], y + matrix[5]


def _linear(matrix: Matrix, x: float, y: float) -> Point:
    return matrix[0] * x + matrix[2] * y, matrix[1] * x + matrix[3] * y


def _matrix(name: str, numbers: list[float]) -> Matrix:
    match name, numbers:
        case "matrix", [a, b, c, d, e, f]:
            return a, b, c, d, e, f
        case "translate", [x, *rest] if len(rest) < 2:
            return 1, 0, 0, 1, x, rest[0] if rest else 0
        case "scale", [x, *rest] if len(rest) < 2:
            return x, 0, 0, rest[0] if rest else x, 0, 0
        case "rotate", [angle, *center] if len(center) in (0, 2):
            return _rotation(math.radians(angle), *(center or (0, 0)))
        case "skewX", [angle]:
            return 1, 0, math.tan(math.radians(angle)), 1, 0, 0
        case "skewY", [angle]:
            return 1, math.tan(math.radians(angle)), 0, 1, 0, 0
    raise FormatError("a transform that is not known", expected="one of SVG, with its numbers")


def _rotation(angle: float, x: float, y: float) -> Matrix:
    cos, sin = math.cos(angle), math.sin(angle)
    return cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y
