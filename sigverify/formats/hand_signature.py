"""JSON of hand_signature, a signature pad for Flutter: what its `toMap()` gives.

Source: https://pub.dev/documentation/hand_signature, HandSignatureControl.toMap and OffsetPoint.toMap.

`{"bounds": {"width": …, "height": …}, "paths": [[{"x": …, "y": …, "t": …}, …], …], …}`, a path a stroke, t in
milliseconds since 1970; from version 3 of the pad on also `"version": 2`, `"setup"` and, where it is known,
`"p"`, pressure. Points nearer than `threshold` (3 px, unless set) to the one before were never recorded.
"""

import re
from dataclasses import replace
from typing import Any, Final

from sigverify.errors import FormatError
from sigverify.formats import signature_pad
from sigverify.formats.channel import Quantity
from sigverify.formats.format import Format
from sigverify.formats.notes import Notes
from sigverify.formats.recording import Recording

NAME: Final = "hand_signature"
_LOOKED_AT: Final = 1000
"""Bytes within which the paths begin: only the bounds and a version stand before them."""
_PATHS: Final = re.compile(rb'\s*\{.*?"paths"\s*:\s*\[\s*(?:\[|\])', re.DOTALL)
_NUMBERS: Final = {"threshold": "threshold_px", "version": "version"}


def recognizes(data: bytes) -> bool:
    """Tell content of this format by its paths.

    >>> recognizes(b'{"bounds":{"width":9.0,"height":9.0},"paths":[[{"x":1'), recognizes(b'{"points": [')
    (True, False)
    """
    return _PATHS.match(data[:_LOOKED_AT]) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not JSON, or not paths of points.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    content = signature_pad.parsed(data, notes)
    if not isinstance(content, dict) or "paths" not in content:
        raise FormatError("no paths", expected='{"paths": [[{"x": ..., "y": ..., "t": ...}, ...], ...]}')
    recording = signature_pad.recording_of(content["paths"], notes)
    return replace(recording, format=NAME, facts=_facts(content))


def _facts(content: dict[str, Any]) -> dict[str, float]:
    bounds = content.get("bounds")
    told = (
        {f"{name}_px": bounds.get(name) for name in ("width", "height")} if isinstance(bounds, dict) else {}
    )
    told |= {fact: content.get(name) for name, fact in _NUMBERS.items()}
    return {name: value for name, value in told.items() if isinstance(value, int | float)}


FORMAT: Final = Format(
    name=NAME,
    title="hand_signature (Flutter)",
    suffixes=(".json",),
    specification="https://pub.dev/documentation/hand_signature, HandSignatureControl.toMap",
    begins='{"bounds": ..., "paths": ...} (hand_signature)',
    recognizes=recognizes,
    decode=decode,
    keeps=frozenset({Quantity.X, Quantity.Y, Quantity.TIME, Quantity.PRESSURE}),
)
