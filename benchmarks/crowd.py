"""Galleries of any size, cheaply: vectors spread like those of synthetic writers, without signing for each.

The mean vectors of people are drawn from a normal distribution with the mean and covariance of `WRITERS`
synthetic writers, as the model embeds them; around each lie the deviations of one of these writers' own.
"""

from dataclasses import dataclass

import numpy as np

from sigverify.corpora.synthetic import SyntheticConfig, synthesize

WRITERS = 300
GENUINE = 6
SEED = 77


@dataclass(frozen=True, eq=False)
class Crowd:
    """Draws people and probes of them.

    Attributes:
        mean: `(e,)` of all writers' mean vectors.
        root: `(e, e)`, a square root of their covariance.
        deviations: `(w, g, e)` of each writer's signatures from their mean.
    """

    mean: np.ndarray
    root: np.ndarray
    deviations: np.ndarray

    def people(self, count, *, references, seed):
        """Return vectors `(count, references + 1, e)` float32 of length 1; the last of each is a probe."""
        rng = np.random.default_rng([SEED, seed])
        centers = self.mean + rng.normal(size=(count, len(self.mean))) @ self.root.T
        own = rng.integers(len(self.deviations), size=count)
        # Which of the deviations: without repetition, so that no two signatures are the same.
        order = rng.random((count, self.deviations.shape[1])).argsort(axis=1)[:, : references + 1]
        vectors = centers[:, None] + self.deviations[own[:, None], order]
        return (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)


def make_crowd(matcher):
    """Measure synthetic writers' vectors: some seconds."""
    corpus = synthesize(SyntheticConfig(writers=WRITERS, genuine=GENUINE, skilled=0, seed=SEED))
    vectors = np.stack([matcher.embed(sample.capture).vector for sample in corpus.samples])
    by_writer = vectors.reshape(WRITERS, GENUINE, -1).astype(np.float64)
    centers = by_writer.mean(axis=1)
    covariance = np.cov(centers.T) + 1e-6 * np.eye(centers.shape[1])
    return Crowd(centers.mean(axis=0), np.linalg.cholesky(covariance), by_writer - centers[:, None])
