"""A cohort as bytes: signatures of invented people, one of each, which a model file brings along.

Person by person::

    extent float32 · series (t, c) int8 · detail (t/2, c') int8 · sequence (t', d) int8 · vector (e) float16
"""

from typing import Any, Final

import numpy as np

from sigverify.errors import MalformedModel
from sigverify.matching.embedding import References

LEAST: Final = 2
"""People: of one there is no deviation."""
MOST: Final = 256
"""People: each costs a comparison or two at every enrollment. `SVI_MAX_COHORT` in C."""


def record_of(shapes: "dict[str, tuple[int, ...]]") -> np.dtype[Any]:
    """Return what one person's part is made of; `shapes` of series, detail, sequence and vector."""
    kinds = {"extent": "<f4", "series": "i1", "detail": "i1", "sequence": "i1", "vector": "<f2"}
    return np.dtype([(name, kind, shapes.get(name, ())) for name, kind in kinds.items()])


def pack(people: References) -> bytes:
    """Pack embeddings of invented people."""
    shapes = {name: getattr(people, name).shape[1:] for name in ("series", "detail", "sequence", "vector")}
    records = np.zeros(len(people), record_of(shapes))
    for name in records.dtype.names or ():
        records[name] = getattr(people, name)
    return records.tobytes()


def unpack(content: bytes, shapes: "dict[str, tuple[int, ...]]") -> References:
    """Unpack what `pack` wrote.

    Raises:
        MalformedModel: of other shapes, of too few or too many people, or with numbers that are not finite.
    """
    record = record_of(shapes)
    people, rest = divmod(len(content), record.itemsize)
    if rest or not LEAST <= people <= MOST:
        raise MalformedModel(
            "the cohort of the model has another size",
            expected=f"{LEAST} to {MOST} people of {record.itemsize} bytes",
            received=f"{len(content)} bytes",
        )
    its = np.frombuffer(content, record)
    vector, extent = its["vector"].astype(np.float32), its["extent"].astype(np.float32)
    lowest = min(int(its[name].min(initial=0)) for name in ("series", "detail", "sequence"))
    if not (np.isfinite(vector).all() and np.isfinite(extent).all() and (extent > 0).all() and lowest > -128):
        raise MalformedModel(
            "the cohort of the model has impossible numbers", expected="finite vectors, extents above 0, ±127"
        )
    return References(
        extent=extent,
        series=np.ascontiguousarray(its["series"]),
        detail=np.ascontiguousarray(its["detail"]),
        sequence=np.ascontiguousarray(its["sequence"]),
        vector=vector,
    )
