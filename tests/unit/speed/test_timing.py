import pytest

from sigverify.speed.timing import LEAST, MOST, Timing, repeat


def test_median_and_p90_in_milliseconds():
    timing = Timing.of([number / 1000 for number in range(1, 12)])
    assert timing.to_dict() == {"median_ms": 6.0, "p90_ms": 10.0, "runs": 11}


def test_each_step_runs_some_times_however_slow_it_is():
    calls = []
    assert repeat(lambda: calls.append(1), seconds=0).runs == LEAST
    assert len(calls) == LEAST + 1  # the first one is not counted


def test_and_not_for_ever_however_fast():
    assert repeat(lambda: None, seconds=3600).runs == MOST


def test_what_a_step_raises_is_raised():
    def broken():
        raise KeyError("step")

    with pytest.raises(KeyError):
        repeat(broken, seconds=1)
