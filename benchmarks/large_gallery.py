"""Print how often the approximate index finds whom the exact one finds, and what each takes.

Decides from how many people on `index="approximate"` is worth its misses. A million vectors take
some minutes, nearly all to build the graph: python benchmarks/large_gallery.py [VECTORS]
"""

import argparse
import resource
import sys
import time

import numpy as np
from crowd import make_crowd

from sigverify import Model
from sigverify.matcher import Matcher
from sigverify.search.approximate import ApproximateIndex
from sigverify.search.exact import ExactIndex

REFERENCES = 5
PAGE = 2_000
PROBES = 1_000
SHORTLIST = 12
TARGET = 0.99


def main():
    """Build both, search both, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vectors", nargs="?", type=int, default=1_000_000)
    people = parser.parse_args().vectors // REFERENCES
    crowd = make_crowd(Matcher.open(Model.read("base")))
    size = len(crowd.mean)
    exact, approximate = ExactIndex(size), ApproximateIndex(size)
    probes, took = _fill(crowd, people, exact, approximate)
    chosen = probes[np.random.default_rng(1).choice(len(probes), min(PROBES, len(probes)), replace=False)]
    wanted, exact_ms = _search(exact, chosen)
    found, approximate_ms = _search(approximate, chosen)
    first = np.mean([list(f[:1]) == list(w[:1]) for f, w in zip(found, wanted, strict=True)])
    held = np.mean([len(set(f) & set(w)) / len(w) for f, w in zip(found, wanted, strict=True)])
    lines = [
        f"{people * REFERENCES:,} vectors of {people:,} people, {len(chosen):,} probes",
        f"{'':24}{'exact':>10}{'approximate':>14}",
        f"{'build, s':24}{took[exact]:10.1f}{took[approximate]:14.1f}",
        f"{'search, median ms':24}{exact_ms:10.2f}{approximate_ms:14.2f}",
        f"{'recall@1':24}{1:10.4f}{first:14.4f}   (target: {TARGET})",
        f"{f'recall@{SHORTLIST}':24}{1:10.4f}{held:14.4f}",
        f"peak memory of both: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(first < TARGET)


def _fill(crowd, people, *indices):
    """Put everybody into each index; return the probes, and the seconds by index."""
    probes, took = [], dict.fromkeys(indices, 0.0)
    for start in range(0, people, PAGE):
        count = min(PAGE, people - start)
        vectors = crowd.people(count, references=REFERENCES, seed=start)
        probes.append(vectors[:, REFERENCES])
        slots = np.repeat(np.arange(start, start + count, dtype=np.int32), REFERENCES)
        for index in indices:
            begun = time.perf_counter()
            index.put(slots, vectors[:, :REFERENCES].reshape(count * REFERENCES, -1))
            took[index] += time.perf_counter() - begun
    return np.concatenate(probes), took


def _search(index, probes):
    found, took = [], []
    for probe in probes:
        begun = time.perf_counter()
        found.append(index.nearest(probe, SHORTLIST).tolist())
        took.append(time.perf_counter() - begun)
    return found, 1000 * np.median(took)


if __name__ == "__main__":
    sys.exit(main())
