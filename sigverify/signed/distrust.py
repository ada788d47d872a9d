"""`Distrust`: why a capture is not believed to come from a pen that is known, just now."""

from enum import StrEnum


class Distrust(StrEnum):
    """Why a capture was refused before anything of it was judged; `words.sentence` says it."""

    UNSIGNED = "unsigned"
    UNKNOWN_DEVICE = "unknown_device"
    REVOKED = "revoked"
    WRONG_SIGNATURE = "wrong_signature"
    """Altered, or by another key than the device's."""
    OTHER_PURPOSE = "other_purpose"
    """Signed to be enrolled, and shown to be verified, or the other way round."""
    STALE = "stale"
    """Its challenge was never given on this line, was answered before, or is too old."""
    COUNTED_BEFORE = "counted_before"
    """Its counter is not above the last one of that pen."""
