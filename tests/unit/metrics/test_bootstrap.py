import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.metrics import WriterBootstrap, eer, fnmr_at_fmr, interval

grid = st.integers(0, 12).map(lambda level: level / 12)
trials = st.lists(st.lists(grid, min_size=1, max_size=6), min_size=1, max_size=5)


def repeated(scores, counts):
    return np.concatenate([np.repeat(each, int(count)) for each, count in zip(scores, counts, strict=True)])


@settings(deadline=None, max_examples=50)
@given(trials, st.data())
def test_each_replicate_is_the_metric_on_the_writers_drawn(genuine, data):
    size = len(genuine)
    impostor = data.draw(st.lists(st.lists(grid, min_size=1, max_size=6), min_size=size, max_size=size))
    bootstrap = WriterBootstrap(size, replicates=8, seed=3)
    curves = bootstrap.curves(genuine, impostor)
    targets = [0.0, 0.1, 0.5, 1.0]
    for counts, error, costs in zip(bootstrap.counts, curves.eer(), curves.fnmr_at_fmr(targets), strict=True):
        drawn = repeated(genuine, counts), repeated(impostor, counts)
        assert error == pytest.approx(eer(*drawn), abs=1e-12)
        assert costs == pytest.approx([fnmr_at_fmr(*drawn, target) for target in targets])


def test_draws_as_many_writers_as_there_are():
    counts = WriterBootstrap(7, replicates=50).counts
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_the_same_seed_draws_the_same_writers():
    assert (WriterBootstrap(5, seed=1).counts == WriterBootstrap(5, seed=1).counts).all()
    assert (WriterBootstrap(5, seed=1).counts != WriterBootstrap(5, seed=2).counts).any()


def test_mean_leaves_writers_without_a_value_out():
    bootstrap = WriterBootstrap(3, replicates=200)
    found = bootstrap.mean([0.2, np.nan, 0.2])
    assert found[np.isfinite(found)] == pytest.approx(0.2)


def test_interval_of_a_mean_is_about_two_standard_errors():
    values = np.random.default_rng(0).normal(size=400)
    found = interval(WriterBootstrap(400, replicates=2000).mean(values))
    width = 2 * 1.96 * values.std() / 20
    assert found.high - found.low == pytest.approx(width, rel=0.1)
    assert found.low < values.mean() < found.high


@pytest.mark.parametrize(
    ("genuine", "impostor"), [([[0.1], []], [[0.9], [0.8]]), ([[0.1], [0.2]], [[0.9], []])]
)
def test_a_replicate_without_trials_of_a_kind_has_no_rates(genuine, impostor):
    bootstrap = WriterBootstrap(2, replicates=50)
    curves = bootstrap.curves(genuine, impostor)
    found = curves.eer()
    without = bootstrap.counts[:, 0] == 0
    assert 0 < without.sum() < 50
    assert np.isnan(found[without]).all()
    assert (found[~without] == 1).all()
    assert np.array_equal(np.isnan(curves.fnmr_at_fmr([0.01, 0.5])).all(axis=1), np.isnan(found))


@pytest.mark.parametrize(("writers", "replicates"), [(0, 1), (1, 0)])
def test_nothing_to_draw_is_refused(writers, replicates):
    with pytest.raises(ConfigError):
        WriterBootstrap(writers, replicates=replicates)


def test_other_writers_and_empty_sides_are_refused():
    bootstrap = WriterBootstrap(2, replicates=3)
    with pytest.raises(ConfigError, match="other writers"):
        bootstrap.curves([[0.5]], [[0.5]])
    with pytest.raises(ConfigError, match="no impostor"):
        bootstrap.curves([[0.5], [0.5]], [[], []])


@pytest.mark.parametrize("level", [0, 1, -1, np.nan])
def test_levels_outside_0_to_1_are_refused(level):
    with pytest.raises(ConfigError, match="level"):
        interval([0.1, 0.2], level)
