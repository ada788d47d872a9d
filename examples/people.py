"""Invented people for the examples; on a device the strokes come from the pen."""

from itertools import groupby

from sigverify import Signature
from sigverify.corpora.synthetic import SyntheticConfig, synthesize

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")


def invent(count: int, *, signatures: int = 6, seed: int = 2024) -> dict[str, list[Signature]]:
    """Return that many people with genuine signatures of each."""
    corpus = synthesize(SyntheticConfig(writers=count, genuine=signatures, skilled=0, seed=seed))
    names = [*NAMES, *(f"person-{number}" for number in range(len(NAMES), count))]
    by_writer = groupby(corpus.samples, key=lambda sample: sample.writer)
    return {name: [s.capture for s in its] for name, (_, its) in zip(names, by_writer, strict=False)}
