import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.fleet.merging import merge_lockouts, merge_memories, merge_tries, to_local, to_shared
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import Lockout, Schedule, Tries
from sigverify.policy.replay import Memory, Role, Sketch

HERE = Instant(boot="here", boot_s=50.0, wall_s=1_000_000.0)
THERE = Instant(boot="there", boot_s=9_000_000.0, wall_s=1_000_777.0)  # up for months, by a wrong clock
SERVER_S = 1_000_100.0
DAMAGED = b"damaged"


def tries(failures, *, at=HERE, ago_s=0.0, wait_s=30.0):
    last = Instant(boot=at.boot, boot_s=at.boot_s - ago_s, wall_s=at.wall_s - ago_s)
    return Tries(failures=failures, wait_s=wait_s, last=last)


class OneRecord:
    """Records of which there is one."""

    def __init__(self, content):
        self.content = content

    def get(self, *_):
        return self.content


@pytest.mark.parametrize("trust_wall", [True, False])
def test_a_wait_goes_on_at_a_kiosk_with_other_clocks(trust_wall):
    shared = to_shared(tries(5, ago_s=10).to_bytes(), now=HERE, server_s=SERVER_S)
    assert Tries.from_bytes(shared).last.wall_s == SERVER_S - 10
    later = SERVER_S + 5
    there = to_local(shared, now=THERE, server_s=later)
    lockout = Lockout(Schedule(trust_wall=trust_wall), now=lambda: THERE)
    assert lockout.remaining_s(OneRecord(there), "alice") == pytest.approx(15)


def test_a_moment_in_the_future_is_now():
    shared = tries(5, at=Instant(boot="", boot_s=0.0, wall_s=SERVER_S + 500)).to_bytes()
    assert Tries.from_bytes(to_local(shared, now=HERE, server_s=SERVER_S)).last == HERE


def test_what_cannot_be_read_stays_and_is_never_no_failures():
    assert to_shared(DAMAGED, now=HERE, server_s=SERVER_S) == DAMAGED
    assert to_local(DAMAGED, now=HERE, server_s=SERVER_S) == DAMAGED
    good = tries(2).to_bytes()
    assert merge_lockouts(DAMAGED, good, base=None, same=False) == DAMAGED
    assert merge_lockouts(good, DAMAGED, base=None, same=False) == DAMAGED
    assert merge_lockouts(good, good, base=DAMAGED, same=True) == good


@pytest.mark.parametrize(
    ("local", "other", "before", "expected"),
    [
        (3, 4, 2, 5),  # one more here, two more there
        (2, 4, 3, 6),  # cleared here, then two more
        (None, 4, 3, 4),  # cleared here only: stays
        (4, None, 3, 1),  # unlocked there: only what is new counts
        (3, None, 3, None),
        (None, None, 3, None),
    ],
)
def test_the_stricter_wins(local, other, before, expected):
    merged = merge_tries(local and tries(local), other and tries(other), before=before, same=False)
    assert (merged and merged.failures) == expected


def test_the_wait_that_ends_later_is_kept():
    for here, there in ((tries(1, ago_s=50), tries(1, ago_s=10)), (tries(1, wait_s=90), tries(1, wait_s=5))):
        for one, other in ((here, there), (there, here)):
            merged = merge_tries(one, other, before=0, same=False)
            assert merged.last.wall_s + merged.wait_s == max(
                each.last.wall_s + each.wait_s for each in (one, other)
            )


@given(st.none() | st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_nobody_gets_tries_by_merging(local, other, before):
    merged = merge_tries(None if local is None else tries(local), tries(other), before=before, same=False)
    assert merged.failures >= other
    if local is not None:
        assert merged.failures >= min(local, local - before + other)


def test_where_nothing_happened_elsewhere_all_is_as_here():
    assert merge_tries(None, tries(3), before=3, same=True) is None
    assert merge_tries(tries(1), tries(3), before=3, same=True) == tries(1)


def sketch(number):
    return Sketch(digest=bytes([number]) * 16, bits=bytes([number]) * 64)


def memory(*numbers, role=Role.ACCEPTED):
    return Memory().with_([sketch(number) for number in numbers], role, limit=1000)


def test_memories_hold_all_of_both_once():
    merged = Memory.from_bytes(merge_memories(memory(1, 2, 3).to_bytes(), memory(2, 4).to_bytes()))
    assert [each.digest[0] for _, each in merged.entries] == [2, 4, 1, 3]
    again = merge_memories(merged.to_bytes(), memory(2, 4).to_bytes())
    assert len(Memory.from_bytes(again).entries) == 4


def test_memories_stay_bounded_and_references_stay():
    one = Memory.of(memory(*range(50)).entries + memory(*range(200, 205), role=Role.REFERENCE).entries)
    other = memory(*range(50, 120))
    merged = Memory.from_bytes(merge_memories(one.to_bytes(), other.to_bytes()))
    assert len(merged.entries) == 70 + 5
    assert sum(role is Role.REFERENCE for role, _ in merged.entries) == 5


def test_memories_of_which_one_is_missing_or_damaged():
    good = memory(1).to_bytes()
    assert merge_memories(None, good) == merge_memories(good, None) == good
    assert merge_memories(None, None) is None
    assert merge_memories(DAMAGED, good) == good
