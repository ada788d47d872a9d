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


@pytest.mark.parametrize(("one", "other"), [("", ""), ("a", ""), ("", "a")])
@pytest.mark.parametrize("trust_wall", [True, False])
def test_without_a_boot_id_the_running_clock_counts_whatever_the_wall_says(one, other, trust_wall):
    before = at(one, 100, 1000)
    for wall_s in (-1e9, 1000, 1e9):
        assert at(other, 130, wall_s).since(before, trust_wall=trust_wall) == 30


def test_without_a_boot_id_a_lower_running_clock_shows_a_restart():
    before = at("", 9000, 1000)
    assert at("", 10, 1300).since(before) == 300
    assert at("", 10, 1300).since(before, trust_wall=False) == 10
    assert at("", 10, 700).since(before) == 10


def test_without_a_boot_id_never_more_time_passes_than_did():
    """Whichever restarts there were: the running clock cannot have gone further than it did since."""
    before = at("", 50, 1000)
    for up_s in (0.0, 49.0, 51.0, 1e6):  # a restart, then so long
        assert at("", up_s, 1e12).since(before, trust_wall=False) <= up_s


def test_now_goes_on():
    one, other = Instant.now(), Instant.now()
    assert one.boot == other.boot
    assert 0 <= other.since(one) < 5
