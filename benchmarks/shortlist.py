"""Print how many people a search has to compare in full, and how often strangers are named.

First table: how often the right person is missing from a shortlist of the nearest by vector, and first by
score within it; decides `SHORTLIST`. Second: the rate at which a stranger (a person searched for after taking
him out) is named at a rate asked for, by size of the gallery; decides whether `fpir` can be relied on.

    python benchmarks/shortlist.py [--corpus NAME=PATH …] [--strangers N]

`--strangers` fills the gallery with synthetic writers, who are never searched for.
"""

import argparse
import sys

import numpy as np

from sigverify import Model
from sigverify.corpora import open_corpus
from sigverify.corpora.corpus import Kind
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.search.open_set import open_set_threshold
from sigverify.template import stored

REFERENCES = 5
PROBES = 3
SIZES = (1, 3, 5, 8, 12, 20, 50)
RATES = (0.1, 0.03, 0.01)
GALLERIES = (20, 100, 1000)
MOST = 100
"""Nearest people who are compared in full here: the reference for shorter lists, and for strangers."""


def main():
    """Embed, search, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", action="append", default=[])
    parser.add_argument("--strangers", type=int, default=1000)
    options = parser.parse_args()
    matcher = Matcher.open(Model.read("base"), threads=1)
    fill = _people(
        f"synthetic:writers={options.strangers},genuine={REFERENCES},skilled=0,seed=31337", matcher
    )
    for name in options.corpus or ["synthetic:writers=200,genuine=8,skilled=0,seed=4711"]:
        people = [person for person in _people(name, matcher) if len(person) > REFERENCES]
        _report(name.partition("=")[0], people, [*people, *fill], matcher)


def _people(name, matcher):
    by_writer = {}
    for sample in open_corpus(name).samples:
        if sample.kind is Kind.GENUINE:
            by_writer.setdefault(sample.writer, []).append(matcher.embed(sample.capture))
    return list(by_writer.values())


def _report(name, people, gallery, matcher):
    templates = [stored(matcher.common(References.stack(person[:REFERENCES]))) for person in gallery]
    spreads = [matcher.spread(its) for its in templates]
    vectors = np.stack([its.vector for its in templates])
    trials = [(own, probe) for own, person in enumerate(people) for probe in person[REFERENCES:][:PROBES]]
    places, scores = [], []
    for own, probe in trials:
        cosines = (vectors @ probe.vector).max(axis=1)
        order = np.argsort(-cosines, kind="stable")
        nearest = order[:MOST]
        compared = matcher.compare_each(probe, [(templates[index], spreads[index]) for index in nearest])
        places.append(int(np.flatnonzero(order == own)[0]))
        reduced = np.array([each.reduced for each in compared])
        scores.append((own, nearest, np.array([matcher.score_of(each) for each in compared]), reduced))
    _print_shortlists(name, np.array(places), scores, len(gallery))
    strangers = [matcher.strangers(*pair) for pair in zip(templates, spreads, strict=True)]
    rows = {
        reduced: [matcher.scoring.row(REFERENCES, reduced=reduced, strangers=its) for its in strangers]
        for reduced in (False, True)
    }
    _print_strangers(scores, gallery, rows)


def _print_shortlists(name, places, scores, people):
    out = [
        f"{name}: {len(places)} probes, {people:,} people",
        f"{'compared in full':>18}{'missing':>10}{'rank 1':>10}",
    ]
    for size in (*SIZES, MOST):
        first = [own == near[:size][values[:size].argmax()] for own, near, values, _ in scores]
        out.append(f"{size:18}{np.mean(places >= size):10.4f}{np.mean(first):10.4f}")
    sys.stdout.write("\n".join(out) + "\n")


def _print_strangers(scores, gallery, rows):
    """Take the owner of a probe out, and draw smaller galleries from the rest."""
    rng = np.random.default_rng(0)
    sizes = sorted({min(size, len(gallery) - 1) for size in (*GALLERIES, len(gallery))})
    out = [
        f"{'strangers among':>18}"
        + "".join(f"  asked {100 * rate:>4g} %" for rate in RATES)
        + "   members missed"
    ]
    for size in sizes:
        limits = {
            reduced: np.array(
                [[open_set_threshold(row, fpir=rate, people=size) for row in each] for rate in RATES]
            )
            for reduced, each in rows.items()
        }
        named, missed = np.zeros(len(RATES)), np.zeros(len(RATES))
        for own, near, values, reduced in scores:
            drawn = rng.choice(len(gallery), size, replace=False)
            reached = values >= np.where(reduced, limits[True][:, near], limits[False][:, near])
            named += reached[:, np.isin(near, drawn) & (near != own)].any(axis=1)
            missed += ~reached[:, near == own].any(axis=1)
        named, missed = 100 * named / len(scores), 100 * missed / len(scores)
        out.append(
            f"{size:18,}"
            + "".join(f"{rate:13.2f}" for rate in named)
            + "   "
            + " / ".join(f"{m:.2f}" for m in missed)
        )
    sys.stdout.write("\n".join(out) + "\n\n")


if __name__ == "__main__":
    main()
