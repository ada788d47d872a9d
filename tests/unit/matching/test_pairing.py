import threading

import numpy as np
import pytest
from builders import CUES, references
from in_threads import in_threads

from sigverify.errors import ConfigError
from sigverify.matching.cues import PAIR
from sigverify.matching.distances import distances
from sigverify.matching.elastic import NUMPY
from sigverify.matching.pairing import PLAIN, Engine, Pairing


class Counting:
    """Aligns, and counts how often."""

    def __init__(self):
        self.paths_asked = self.distances_asked = 0

    def paths(self, probe, others):
        self.paths_asked += 1
        return NUMPY.paths(probe, others)

    def distances(self, probe, others):
        self.distances_asked += 1
        return NUMPY.distances(probe, others)


def test_the_path_is_computed_once_and_only_when_asked_for():
    aligner, its = Counting(), references(3)
    pairing = Pairing(its[0], its, Engine(aligner))
    assert aligner.paths_asked == 0
    assert pairing.paths is pairing.paths
    assert aligner.paths_asked == 1


def test_all_cues_together_align_the_series_once():
    aligner, its = Counting(), references(3)
    engine = Engine(aligner, judge=lambda pairing: pairing.paths.total / np.float32(1e6))
    distances(its[0], its, (*CUES, PAIR), engine=engine)
    assert (aligner.paths_asked, aligner.distances_asked) == (1, 1)


def test_no_thread_waits_for_the_path_of_another():
    """What all pairings shared a lock for would also hang a process that is forked meanwhile."""
    its, meet = references(1), threading.Barrier(2, timeout=10)

    class Meeting(Counting):
        def paths(self, probe, others):
            meet.wait()
            return super().paths(probe, others)

    def work(_):
        assert len(Pairing(its[0], its, Engine(Meeting())).paths.total) == 1

    in_threads(2, work)


def test_it_counts_the_references():
    its = references(3)
    assert len(Pairing(its[0], its)) == 3


def test_without_a_network_nothing_is_judged():
    its = references(2)
    with pytest.raises(ConfigError, match="compares by a pair network"):
        Pairing(its[0], its, PLAIN).judged()
    pairing = Pairing(its[0], its, Engine(judge=lambda pairing: np.arange(len(pairing), dtype=np.float32)))
    assert pairing.judged().tolist() == [0, 1]
