import pytest

from sigverify.policy.clock import Instant


def at(boot, boot_s, wall_s):
    return Instant(boot=boot, boot_s=boot_s, wall_s=wall_s)


@pytest.mark.parametrize("wall_s", [-1e9, 0, 1e9])
def test_within_one_start_of_the_machine_the_wall_clock_counts_for_nothing(wall_s):
    assert at("a", 150, wall_s).since(at("a", 100, 0)) == 50


def test_across_a_restart_the_wall_clock_counts_if_trusted_and_never_backwards():
    before = at("a", 5000, 1000)
    assert at("b", 10, 1300).since(before) == 300
    assert at("b", 10, 1300).since(before, trust_wall=False) == 10
    assert at("b", 10, 0).since(before) == 10


def test_without_a_boot_id_the_wall_clock_is_all_there_is():
    assert at("", 10, 1300).since(at("", 9000, 1000), trust_wall=False) == 300
    assert at("", 10, 700).since(at("", 9000, 1000)) == 0


def test_now_goes_on():
    one, other = Instant.now(), Instant.now()
    assert one.boot == other.boot
    assert 0 <= other.since(one) < 5
