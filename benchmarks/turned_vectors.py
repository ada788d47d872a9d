"""Print what vectors tell that lie on a server in clear, turned by a store's renewal: `--index server`.

    python benchmarks/turned_vectors.py

Plays one who reads the server's table and has the model, but no key. Decides what docs/security.md says of
that table. Some of the people are known: by the signatures that were enrolled ("exact": the attacker enrolled
accomplices), or by others of the same hands ("letters"). The turn is then solved for by a singular value
decomposition. Without anybody known, the axes of the covariance are laid upon those of invented writers, and
their signs are chosen by the third moments. Printed is how much of a vector comes back, and how many of 1,000
other people are named right, by one signature of each from a letter.

Source: P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966.
"""

import sys

import numpy as np
from crowd import make_crowd
from scipy.stats import skew

from sigverify import Model
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.protection.renewal import Renewal

REFERENCES = 5
OTHERS = 1_000
KNOWN = (2, 4, 8, 13, 26, 52, 200)
MANY = 20_000


def main():
    """Measure each attack, and print a table."""
    matcher = Matcher.open(Model.read("base"))
    crowd = make_crowd(matcher)
    renewal = Renewal(bytes(range(32)))
    people = crowd.people(MANY, references=REFERENCES, seed=1)
    references, letters = people[:, :REFERENCES], people[:, REFERENCES]
    stolen = turned(renewal, references.reshape(-1, references.shape[2])).reshape(references.shape)
    stolen = stolen.astype(np.float16).astype(np.float32)
    strangers = crowd.people(MANY, references=REFERENCES, seed=2)[:, 0]
    rows = [("none, and the turn is not looked for", np.eye(references.shape[2]))]
    rows.append((f"none, by the statistics of {MANY:,}", by_statistics(stolen[:, 0], strangers)))
    for known in KNOWN:
        exact = references[-known:].reshape(-1, references.shape[2])
        theirs = stolen[-known:].reshape(exact.shape)
        rows.append((f"{known} people, exact", solved(theirs, exact)))
        of_letters = np.repeat(letters[-known:], REFERENCES, axis=0)
        rows.append((f"{known} people, by a letter each", solved(theirs, of_letters)))
    sys.stdout.write(f"| known | cosine of vectors un-turned | named right, of {OTHERS:,} |\n|---|---|---|\n")
    for name, back in rows:
        found = stolen[:OTHERS] @ back
        alike = np.sum(found * references[:OTHERS], axis=2) / np.linalg.norm(found, axis=2)
        nearest = np.einsum("pre,le->lpr", found, letters[:OTHERS]).max(axis=2).argmax(axis=1)
        right = np.mean(nearest == np.arange(OTHERS))
        sys.stdout.write(f"| {name} | {alike.mean():.2f} | {100 * right:.1f} % |\n")
    near = np.einsum("pe,qe->pq", stolen[:OTHERS, 0], stolen[:OTHERS, 1])
    twice = np.mean(near.argmax(axis=1) == np.arange(OTHERS))
    sys.stdout.write(
        f"\nTwo vectors of one hand found to be so, nothing known: {100 * twice:.1f} % of {OTHERS:,}\n"
    )
    return 0


def solved(theirs, known):
    """Return the rotation `(e, e)` that brings vectors `(n, e)` nearest to others, row by row."""
    left, _, right = np.linalg.svd(theirs.T @ known)
    return left @ right


def by_statistics(theirs, others):
    """Return a rotation that lays the axes of one set of vectors upon those of another."""
    axes, signs = zip(*(_axes(each) for each in (theirs, others)), strict=True)
    return (axes[0] * signs[0]) @ (axes[1] * signs[1]).T


def _axes(vectors):
    _, axes = np.linalg.eigh(np.cov(vectors.T))
    along = vectors @ axes
    # The mean tells most of the signs, and where it lies near 0, the third moment does.
    means, spreads = along.mean(axis=0), along.std(axis=0)
    return axes, np.where(np.where(abs(means) > 0.1 * spreads, means, skew(along)) >= 0, 1.0, -1.0)


def turned(renewal, vectors):
    """Return vectors in a store's coordinates."""
    empty = np.zeros((len(vectors), 1, 0), np.int8)
    its = References(series=empty, detail=empty, sequence=empty, vector=vectors, extent=np.ones(len(vectors)))
    return renewal.turn(its).vector


if __name__ == "__main__":
    sys.exit(main())
