"""CSV with a header: `x,y,time_ms` and, where known, `pressure` and `pen_down`.

Columns stand in any order and case, parted by comma, semicolon or tab; decimals have a point. `pen_down` is
0/1 or false/true, False on hover and on the first sample after a lift. Without that column, samples without
pressure are hover; without either, all is ink. A byte order mark and any line ends are taken.
"""

import re

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError
from sigverify.formats.pen_lift import ink_from_touch, touch_from_pressure
from sigverify.formats.table import Table, shown, split_header
from sigverify.modality.pen.signature import Signature

REQUIRED = ("x", "y", "time_ms")
OPTIONAL = ("pressure", "pen_down")
DELIMITERS = (",", ";", "\t")


def recognizes(first_line: bytes) -> bool:
    """Tell whether a file that begins so is of this format.

    >>> recognizes(b"x,y,time_ms"), recognizes(b"Y;X;time_ms"), recognizes(b"name,age")
    (True, True, False)
    """
    names, _ = _header_names(first_line.decode("latin-1"))
    return len({"x", "y", "time_ms"}.intersection(names)) >= 2


def decode(data: bytes) -> Signature:
    """Read one signature.

    Raises:
        FormatError: a missing, unknown or doubled column, or a row that does not fit the header.
        InvalidSignature: numbers that are no signature.
    """
    (header,), body = split_header(data, 1)
    names, delimiter = _header_names(header)
    _check_names(names)
    if "pen_down" in names:
        body = _numeric_flags(body, names.index("pen_down"), delimiter)
    table = Table.parse(body, first_line=2, widths=(len(names),), delimiter=delimiter)
    columns: dict[str, FloatArray] = dict(zip(names, table.values.T, strict=True))
    if "pen_down" in names:
        flags = columns["pen_down"]
        table.check_column(np.isin(flags, (0, 1)), "pen_down", "0 or 1", names.index("pen_down"))
        ink = flags == 1
    else:
        ink = _ink(columns, len(table))
    return Signature(columns["x"], columns["y"], columns["time_ms"], columns.get("pressure"), ink)


def encode(signature: Signature) -> bytes:
    r"""Write one signature so that `decode` gives back exactly the same.

    >>> signature = Signature(range(9), range(9), range(0, 90, 10))
    >>> encode(signature).split(b"\n")[:2]
    [b'x,y,time_ms,pen_down', b'0.0,0.0,0.0,1']
    """
    names = [*REQUIRED, *(OPTIONAL if signature.pressure is not None else OPTIONAL[1:])]
    columns = [signature.x.tolist(), signature.y.tolist(), signature.time_ms.tolist()]
    if signature.pressure is not None:
        columns.append(signature.pressure.tolist())
    columns.append(signature.ink.astype(int).tolist())
    rows = (",".join(map(repr, row)) for row in zip(*columns, strict=True))
    return "\n".join([",".join(names), *rows, ""]).encode("ascii")


def _header_names(header: str) -> tuple[list[str], str]:
    """Return the column names in lower case and the delimiter."""
    delimiter = max(DELIMITERS, key=header.count)
    return [name.strip().lower() for name in header.split(delimiter)], delimiter


def _check_names(names: list[str]) -> None:
    accepted = f"{','.join(REQUIRED)} and optionally {','.join(OPTIONAL)}"
    for name in names:
        if name not in (*REQUIRED, *OPTIONAL):
            raise FormatError("line 1: unknown column", expected=accepted, received=shown(name))
        if names.count(name) > 1:
            raise FormatError("line 1: a column stands twice", expected=accepted, received=shown(name))
    if missing := [name for name in REQUIRED if name not in names]:
        raise FormatError(f"line 1: no column {', '.join(missing)}", expected=accepted)


def _numeric_flags(body: bytes, index: int, delimiter: str) -> bytes:
    """Write true and false as 1 and 0 in the column `index`, and nowhere else."""
    if re.search(rb"(?i)true|false", body) is None:
        return body
    mark = re.escape(delimiter.encode())
    before = rb"(?im)^((?:[^\n" + mark + rb"]*" + mark + rb"){%d} *)" % index
    after = rb"(?= *(?:" + mark + rb"|$))"
    body = re.sub(before + rb"true" + after, rb"\g<1>1", body)
    return re.sub(before + rb"false" + after, rb"\g<1>0", body)


def _ink(columns: dict[str, FloatArray], count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if "pressure" not in columns:
        return np.ones(count, np.bool_)
    return ink_from_touch(touch_from_pressure(columns["pressure"]))
