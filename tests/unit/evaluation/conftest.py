import numpy as np
import pytest

from sigverify.corpora import Corpus, Kind, Sample
from sigverify.modality.pen.signature import Signature

WRITERS = 6
GENUINE = 8
SKILLED = 4


def wave(rng, pitch, wobble):
    """A pen stroke whose pitch tells the writer and whose wobble tells how careful he was."""
    t = np.arange(60) * 10.0
    shape = pitch + wobble * rng.normal()
    return Signature(t, 100 * np.sin(t / 40 * shape) + rng.normal(size=60), t, np.full(60, 0.5))


def make_corpus(*, writers=WRITERS, genuine=GENUINE, skilled=SKILLED, seed=0):
    rng = np.random.default_rng(seed)
    samples = []
    for writer in range(writers):
        pitch = 1 + 0.3 * writer
        for kind, count, wobble in ((Kind.GENUINE, genuine, 0.03), (Kind.SKILLED, skilled, 0.15)):
            samples += [Sample(f"w{writer}", kind, n + 1, wave(rng, pitch, wobble)) for n in range(count)]
    return Corpus("waves", tuple(samples), "made up")


class PitchSystem:
    """Embeds a wave as its mean slope and its size; tells writers apart, forgeries hardly."""

    name = "pitch <&>"
    calibrated = True

    def __init__(self):
        self.provenance = {"kind": "test", "trained_on": ["nothing"]}
        self.compared = 0

    def embed(self, signature):
        return np.array([np.abs(np.diff(signature.y)).mean(), signature.y.std() / 10])

    def distances(self, probes, references):
        self.compared += len(probes) * len(references)
        return np.abs(np.array(probes)[:, None] - np.array(references)[None])

    def spread(self, references):
        return self.distances(references, references)

    def score(self, distances, spread):
        return 1 / (1 + distances.mean(axis=(-2, -1)) + 0.1 * spread.mean())

    def cohort(self):
        return ()

    def decided(self, score, _distances, _impostor):
        return score

    def thresholds(self, _references):
        return {"skilled": ((0.1, 0.3), (0.01, 0.6)), "random": ((0.1, 0.3),)}


@pytest.fixture(scope="session")
def corpus():
    return make_corpus()


@pytest.fixture(scope="session")
def report(corpus):
    from sigverify.evaluation import evaluate

    return evaluate(PitchSystem(), corpus, references=(1, 3), draws=3)


@pytest.fixture
def system():
    return PitchSystem()


@pytest.fixture(scope="session")
def make():
    return make_corpus
