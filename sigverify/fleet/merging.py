"""Merging what kiosks noted apart from each other: of two lock-outs the stricter, of two memories all.

On the server the moment of a failed try is given by the server's clock. A kiosk's own clocks, which nobody
can set (`Instant`), mean nothing to another kiosk: there they would read as a restart long ago.
"""

from dataclasses import replace
from typing import Final

from sigverify.errors import StoreError
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import Tries
from sigverify.policy.replay import Memory, Role

LEAST_REMEMBERED: Final = 64
"""Captures that a merged memory may hold, beside references; more where one of the two holds more."""


def to_shared(content: bytes, *, now: Instant, server_s: float) -> bytes:
    """Convert the moment of failed tries to the server's clock, which shows `server_s` now.

    What cannot be read stays as it is, here and in `to_local`: it locks its subject until somebody unlocks.
    """
    tries = _read(content)
    if tries is None:
        return content
    age_s = now.since(tries.last, trust_wall=False)
    return replace(tries, last=Instant(boot="", boot_s=0.0, wall_s=server_s - age_s)).to_bytes()


def to_local(content: bytes, *, now: Instant, server_s: float) -> bytes:
    """Convert a moment of the server's clock, which shows `server_s` now, to the clocks here."""
    tries = _read(content)
    if tries is None:
        return content
    age_s = max(0.0, server_s - tries.last.wall_s)
    last = Instant(boot=now.boot, boot_s=now.boot_s - age_s, wall_s=now.wall_s - age_s)
    return replace(tries, last=last).to_bytes()


def merge_lockouts(
    local: bytes | None, other: bytes | None, *, base: bytes | None, same: bool
) -> bytes | None:
    """Merge two records of failed tries, by the same clocks; of one that cannot be read, that one.

    Args:
        local: as it stands here.
        other: as it stands elsewhere.
        base: as it was when both were last the same.
        same: `other` still is what it was then.
    """
    ours, theirs, before = (None if each is None else _read(each) for each in (local, other, base))
    for content, tries in ((local, ours), (other, theirs)):
        if content is not None and tries is None:
            return content
    merged = merge_tries(ours, theirs, before=before.failures if before else 0.0, same=same)
    return None if merged is None else merged.to_bytes()


def merge_tries(local: Tries | None, other: Tries | None, *, before: float, same: bool) -> Tries | None:
    """Merge the failed tries of one subject: what was cleared in one place stays where it was not.

    Args:
        local: as they stand here.
        other: as they stand elsewhere, by the same clocks.
        before: failures when both were last the same.
        same: `other` still is what it was then.

    >>> moment = Instant(boot="", boot_s=0.0, wall_s=0.0)
    >>> here, there = (Tries(failures=count, wait_s=30.0, last=moment) for count in (4.0, 5.0))
    >>> merge_tries(here, there, before=2.0, same=False).failures      # 5, and 2 more here
    7.0
    """
    if same or local is None:
        return local if same else other
    # Fewer than before: cleared in between, and all of them are new.
    added = local.failures - before if local.failures >= before else local.failures
    if other is None:
        return replace(local, failures=added) if added > 0 else None
    later = max(local, other, key=lambda each: each.last.wall_s + each.wait_s)
    return replace(later, failures=other.failures + added)


def merge_memories(local: bytes | None, other: bytes | None) -> bytes | None:
    """Merge the captures seen of one user: all of both, the other's first, each once.

    Where one of them cannot be read, the other's stays.
    """
    if local is None or other is None:
        return other if local is None else local
    try:
        merged, here = Memory.from_bytes(other), Memory.from_bytes(local)
    except StoreError:
        return other
    seen = {sketch for _, sketch in merged.entries}
    limit = max(LEAST_REMEMBERED, _beside_references(merged), _beside_references(here))
    for role, sketch in here.entries:
        if sketch not in seen:
            merged = merged.with_([sketch], role, limit=limit)
    return merged.to_bytes()


def _read(content: bytes) -> Tries | None:
    try:
        return Tries.from_bytes(content)
    except StoreError:
        return None


def _beside_references(memory: Memory) -> int:
    return sum(role is not Role.REFERENCE for role, _ in memory.entries)
