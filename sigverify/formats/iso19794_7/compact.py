"""The compact format: sample points of one byte a channel, and nothing else.

Which channels there are and how they are scaled is kept beside the data, on a smart card in its biometric
information template: it is handed in here, and out. That no count stands before the points is not verified.
"""

from collections.abc import Sequence

from sigverify.errors import FormatError
from sigverify.formats.iso19794_7.cursor import Cursor
from sigverify.formats.iso19794_7.decoding import recording_of
from sigverify.formats.iso19794_7.description import Description
from sigverify.formats.iso19794_7.encoding import fitted_to
from sigverify.formats.iso19794_7.kinds import KINDS
from sigverify.formats.iso19794_7.points import points_from, points_to, size_of
from sigverify.formats.iso19794_7.record import Record
from sigverify.formats.iso19794_7.signs import Signs
from sigverify.formats.notes import Notes
from sigverify.formats.recording import Recording
from sigverify.formats.table import check_row_count
from sigverify.modality.pen.signature import Signature

BITS = 8


def encode_compact(recorded: Recording | Signature) -> tuple[bytes, tuple[Description, ...]]:
    """Write a recording in the compact format; return it, and what has to be kept beside it.

    Position is shifted, and halved until it fits 8 bits; time is written as steps, which run forwards.

    Raises:
        FormatError: no samples, or more than a signature may have.
        InvalidSignature: it does not say when the samples were taken.
    """
    fitted = fitted_to(Recording.of(recorded), BITS)
    ordered = [fitted[kind] for kind in KINDS if kind in fitted]
    points = {each.kind: values for each, values in ordered}
    return points_to(points, BITS), tuple(each for each, _ in ordered)


def decode_compact(
    data: bytes,
    descriptions: Sequence[Description],
    notes: Notes | None = None,
    *,
    strict: bool = False,
    signs: Signs = Signs.OFFSET,
) -> Recording:
    """Read the compact format.

    Arguments:
        data: the points.
        descriptions: of the channels, in any order.
        notes: takes what was noticed.
        strict: part of a point behind the last one is an error; else it is noted.
        signs: how values below 0 are written.

    Raises:
        FormatError: no x or y among the channels, one of them twice, or bytes behind the last point.
        InvalidSignature: more points than a signature may have.
    """
    notes, cursor = notes or Notes(), Cursor(data, strict=strict)
    ordered = tuple(sorted(descriptions, key=lambda each: KINDS.index(each.kind)))
    _check_channels(ordered)
    kinds = [each.kind for each in ordered if not each.constant]
    count, behind = divmod(len(data), size_of(kinds, BITS))
    check_row_count(count)
    points = points_from(cursor.take(len(data) - behind, "points"), kinds, signs, BITS)
    if behind:
        received = f"{behind} more bytes"
        cursor.deviation("end", f"{behind} bytes", cursor.at, "whole points", received, meaning="not read")
    return recording_of(Record(descriptions=ordered, points=points, signs=signs), cursor, notes)


def _check_channels(ordered: tuple[Description, ...]) -> None:
    names = [each.kind.name for each in ordered]
    varying = {each.kind.name for each in ordered if not each.constant}
    if len(set(names)) < len(names) or not {"x", "y"} <= varying:
        raise FormatError(
            "these channels make no signature",
            expected="x and y, and each channel once",
            received=", ".join(names) or "none",
            hint="Hand in the descriptions that are kept beside the data",
        )
