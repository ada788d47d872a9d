"""`Sightings`: whether this device was ever shown exactly this capture, by whomever and whatever came of it.

Nobody makes the same samples twice, so a capture that was shown before is a copy: also one that was refused,
shown while somebody had to wait, too poor to be compared, searched for, enrolled as a reference, or shown
under another name. Of each a keyed digest is kept, which tells neither what was written nor by whom, and
outlives the person's template. The digests lie in records of kind "seen", each of those that begin alike:
a version byte and 16 bytes a capture, the newest last.
"""

from collections.abc import Sequence
from typing import Final

from sigverify.errors import StoreError
from sigverify.policy.replay import DIGEST_BYTES
from sigverify.store import Records

KIND: Final = "seen"
"""Of the records."""
PER_RECORD: Final = 128
"""Digests of one record; with 4096 records half a million captures: two hundred a day for seven years."""
_PREFIX: Final = 3
"""Hexadecimal digits by which digests are put together: 4096 records of at most two kilobytes."""
_VERSION: Final = b"\1"


def remember(records: Records, digests: Sequence[bytes]) -> bool:
    """Keep the digests of captures that were shown; where there is no room the oldest go.

    Returns:
        Whether one of them was shown before.
    """
    known = [_add(records, digest) for digest in dict.fromkeys(digests)]
    return any(known)


def _add(records: Records, digest: bytes) -> bool:
    """Keep one, unless it is kept already: then say so."""
    kept = _read(records, digest)
    if digest in kept:
        return True
    records.put(KIND, _place(digest), _VERSION + b"".join([*kept, digest][-PER_RECORD:]))
    return False


def _place(digest: bytes) -> str:
    return digest.hex()[:_PREFIX]


def _read(records: Records, digest: bytes) -> list[bytes]:
    content = records.get(KIND, _place(digest)) or _VERSION
    if content[:1] != _VERSION or (len(content) - 1) % DIGEST_BYTES:
        raise StoreError("a record of captures seen before is damaged", hint="See `sigverify store check`")
    starts = range(1, len(content), DIGEST_BYTES)
    return [content[start : start + DIGEST_BYTES] for start in starts]
