import math
from dataclasses import replace

import pytest

from sigverify.errors import ConfigError, StoreError
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import DEVICE, KIND, PER_USER, Lockout, Schedule, Tries
from sigverify.store import MEMORY, SqliteStore


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self):
        self.instant = Instant(boot="first", boot_s=100.0, wall_s=1e9)

    def __call__(self):
        return self.instant

    def wait(self, seconds):
        its = self.instant
        self.instant = replace(its, boot_s=its.boot_s + seconds, wall_s=its.wall_s + seconds)

    def restart(self, *, off_s=0.0, wall_moved_s=0.0):
        wall = self.instant.wall_s + off_s + wall_moved_s
        self.instant = Instant(boot=self.instant.boot + "+", boot_s=1.0, wall_s=wall)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def records():
    with SqliteStore(MEMORY) as store, store.transaction() as its:
        yield its


def fail(lockout, records, count, whose="alice"):
    return [lockout.failed(records, whose) for _ in range(count)][-1]


def test_the_wait_doubles_after_the_free_tries(records, clock):
    lockout = Lockout(Schedule(tries=3, first_s=10, longest_s=50), now=clock)
    waits = [lockout.failed(records, "alice") for _ in range(7)]
    assert waits == [0, 0, 10, 20, 40, 50, 50]
    assert lockout.remaining_s(records, "alice") == 50
    clock.wait(49)
    assert lockout.remaining_s(records, "alice") == pytest.approx(1)
    clock.wait(2)
    assert lockout.remaining_s(records, "alice") == 0
    assert lockout.failed(records, "alice") == 50


def test_patience_ends(records, clock):
    lockout = Lockout(PER_USER, now=clock)
    waits = []
    for _ in range(100):
        waits.append(lockout.failed(records, "alice"))
        assert math.isinf(waits[-1]) or lockout.remaining_s(records, "alice") == waits[-1]
        clock.wait(86_400)
    assert waits.index(math.inf) == 99
    clock.wait(1e9)
    clock.restart(off_s=1e9)
    assert lockout.remaining_s(records, "alice") == math.inf
    assert lockout.remaining_s(records, "bob") == 0
    lockout.clear(records, "alice")
    assert lockout.remaining_s(records, "alice") == 0


def test_an_acceptance_in_between_begins_the_count_anew(records, clock):
    lockout = Lockout(PER_USER, now=clock)
    fail(lockout, records, 99)
    lockout.clear(records, "alice")
    assert not math.isinf(fail(lockout, records, 99))


def test_without_a_boot_id_setting_the_wall_clock_ends_no_wait(records, clock):
    clock.instant = replace(clock.instant, boot="")
    lockout = Lockout(PER_USER, now=clock)
    fail(lockout, records, 5)
    clock.instant = replace(clock.instant, wall_s=clock.instant.wall_s + 1e6)
    assert lockout.remaining_s(records, "alice") == 30
    clock.wait(31)
    assert lockout.remaining_s(records, "alice") == 0


def test_each_subject_has_its_own_failures(records, clock):
    lockout = Lockout(PER_USER, now=clock)
    fail(lockout, records, 5)
    assert lockout.remaining_s(records, "alice") == 30
    assert lockout.remaining_s(records, "bob") == lockout.remaining_s(records, DEVICE) == 0
    lockout.clear(records, "alice")
    assert lockout.remaining_s(records, "alice") == 0


def test_failures_are_forgotten_with_time_where_asked(records, clock):
    lockout = Lockout(Schedule(tries=2, forget_s=60), now=clock)
    lockout.failed(records, "")
    clock.wait(60)
    assert lockout.failed(records, "") == 0
    clock.wait(30)
    assert lockout.failed(records, "") == 0
    assert lockout.failed(records, "") == 30


def test_a_restart_and_the_clock_on_the_wall(records, clock):
    lockout = Lockout(Schedule(tries=1, first_s=100), now=clock)
    careful = Lockout(Schedule(tries=1, first_s=100, trust_wall=False), now=clock)
    lockout.failed(records, "alice")
    clock.instant = replace(clock.instant, wall_s=clock.instant.wall_s + 1e6)
    assert lockout.remaining_s(records, "alice") == 100
    clock.restart(wall_moved_s=-2e6)
    assert lockout.remaining_s(records, "alice") == 99
    clock.wait(60)
    assert lockout.remaining_s(records, "alice") == 39
    clock.restart(off_s=3e6)
    assert lockout.remaining_s(records, "alice") == 0
    assert careful.remaining_s(records, "alice") == 99


def test_survives_closing_the_store(tmp_path, clock):
    lockout = Lockout(Schedule(tries=1), now=clock)
    with SqliteStore(tmp_path / "a.db") as store, store.transaction() as records:
        lockout.failed(records, "alice")
    with SqliteStore(tmp_path / "a.db") as store, store.transaction() as records:
        assert lockout.remaining_s(records, "alice") == 30


@pytest.mark.parametrize("content", [b"", b"\x01\x00", b"\x02" + bytes(40), bytes([1, 0]) + b"\xff" * 28])
def test_a_damaged_record_never_reads_as_no_failures(records, content):
    records.put(KIND, "alice", content)
    with pytest.raises(StoreError, match="damaged"):
        Lockout(PER_USER).remaining_s(records, "alice")


def test_packing(clock):
    tries = Tries(failures=3, wait_s=30, last=clock())
    assert Tries.from_bytes(tries.to_bytes()) == tries


@pytest.mark.parametrize(
    "wrong",
    [{"tries": 0}, {"first_s": 0}, {"factor": 0.5}, {"factor": 11}, {"longest_s": 1}, {"longest_s": math.inf},
     {"forget_s": 0}, {"first_s": math.nan}, {"patience": 4}, {"patience": 2**24}],
)  # fmt: skip
def test_schedules_that_make_no_sense(wrong):
    with pytest.raises(ConfigError, match="out of range"):
        Schedule(**wrong)


def test_no_number_of_failures_is_too_large():
    assert Schedule(factor=10).wait_s(1e30) == 86_400
