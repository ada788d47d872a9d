import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.metrics import eer, mean_eer_per_writer, normal_deviate, writer_eers

scores = st.lists(st.floats(0, 1, width=16), min_size=1, max_size=10)


@given(st.dictionaries(st.text(max_size=3), st.tuples(scores, scores), min_size=1, max_size=5))
def test_is_the_mean_of_each_writers_own(trials):
    own = [eer(genuine, impostor) for genuine, impostor in trials.values()]
    assert mean_eer_per_writer(trials) == pytest.approx(np.mean(own))


def test_shifting_a_writers_scores_changes_the_global_figure_only():
    shifted = {"a": ([0.9, 0.8], [0.7, 0.6]), "b": ([0.4, 0.3], [0.2, 0.1])}
    assert mean_eer_per_writer(shifted) == 0
    assert eer([0.9, 0.8, 0.4, 0.3], [0.7, 0.6, 0.2, 0.1]) == 0.5


def test_a_writer_without_impostors_has_no_eer():
    assert writer_eers({"a": ([0.9], [0.1]), "b": ([0.9], [])}) == {"a": 0.0}
    with pytest.raises(ConfigError, match="no writer"):
        mean_eer_per_writer({"b": ([0.9], [])})


def test_normal_deviate_is_odd_and_ends_somewhere():
    rates = np.array([0.0, 0.01, 0.3, 0.5, 0.7, 0.99, 1.0])
    found = normal_deviate(rates)
    assert found == pytest.approx(-found[::-1])
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
